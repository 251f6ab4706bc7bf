import { defineConfig } from 'vitest/config';

export default defineConfig({
  define: { global: 'globalThis' },
  test: {
    include: ['{client,ui,widget,desk}/test/**/*.test.{ts,tsx}'],
    environment: 'node',
    restoreMocks: true,
  },
});
