import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** One script without a hash in its name, since it stands in pages of others. Built after the page, into the same folder. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  build: {
    target: 'es2022',
    outDir: '../dist',
    emptyOutDir: false,
    reportCompressedSize: true,
    lib: { entry: 'loader.ts', formats: ['iife'], name: 'unused', fileName: () => 'loader.js' },
  },
});
