import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { page } from '../vite.shared.ts';

/**
 * The SockJS client as its authors built it, served at `/widget/sockjs.min.js`: the page in the hidden frame of the iframe
 * transports loads it from this server, so that no foreign host is asked for a script.
 */
const sockjsClient: Plugin = {
  name: 'sockjs-client',
  generateBundle() {
    const built = fileURLToPath(import.meta.resolve('sockjs-client/dist/sockjs.min.js'));
    this.emitFile({ type: 'asset', fileName: 'sockjs.min.js', source: readFileSync(built) });
  },
};

export default defineConfig({ ...page('./widget/', '/widget/'), plugins: [sockjsClient] });
