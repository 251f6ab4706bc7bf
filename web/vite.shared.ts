import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/** Where the mock or a local server listens while a page is being worked on. */
const BACKEND = process.env.STOMPLINE_BACKEND ?? 'http://127.0.0.1:8080';

/**
 * The build of one page: served below `base`, into `{folder}/dist`, every asset named by its hash.
 *
 * Nothing is inlined, neither scripts nor images as `data:` in CSS, because the server's content security policy
 * allows only files of its own origin.
 */
export function page(folder: string, base: string, assetsDir = 'assets'): UserConfig {
  return {
    root: fileURLToPath(new URL(folder, import.meta.url)),
    base,
    // sockjs-client reads the Node name of the global object.
    define: { global: 'globalThis' },
    build: {
      target: 'es2022',
      outDir: 'dist',
      emptyOutDir: true,
      assetsDir,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: true,
    },
    server: {
      proxy: {
        '/ws': { target: BACKEND, ws: true },
        '/api': { target: BACKEND },
        '/demo': { target: BACKEND },
      },
    },
  };
}
