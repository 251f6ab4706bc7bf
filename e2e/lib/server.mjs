import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PATIENCE_MS, within } from './inbox.mjs';
import { signed } from './token.mjs';

export const BINARY = process.env.STOMPLINE_BIN ?? new URL('../../target/debug/stompline', import.meta.url).pathname;

/** Settings of every server here: sessions end at once when it is told to stop. */
const SETTINGS = { STOMPLINE_SHUTDOWN__DRAIN_S: '0' };

/** One server with a data directory of its own. */
export class Server {
  /** `http://127.0.0.1:PORT` */
  url = '';
  log = '';
  #folder;
  #settings;
  #isDemo;
  #process;
  #secret;
  #onLog = new Set();

  /**
   * @param {Record<string, string>} settings environment variables such as `STOMPLINE_CHAT__RATE__CUSTOMER_PER_S`
   * @param {{ isDemo?: boolean }} form a server that is no demonstration needs a secret among its settings
   */
  static async start(settings = {}, { isDemo = true } = {}) {
    const server = new Server();
    server.#isDemo = isDemo;
    server.#folder = await mkdtemp(join(tmpdir(), 'stompline-e2e-'));
    server.#settings = settings;
    await server.#run(0);
    server.#secret = settings.STOMPLINE_AUTH__SECRETS ?? (await readFile(join(server.data, 'secret'), 'utf8')).trim();
    return server;
  }

  /** One that stops when the test `t` is over. */
  static async for(t, settings, form) {
    const server = await Server.start(settings, form);
    t.after(() => server.stop());
    return server;
  }

  get data() {
    return join(this.#folder, 'data');
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  /** The address for WebSocket of a path, with a token unless it is null. */
  ws(path, token = null) {
    return `ws://127.0.0.1:${this.port}${path}${token === null ? '' : `?token=${token}`}`;
  }

  /** A token as a back end that shares the secret would sign it. */
  token(id, type = 'customer', claims = {}) {
    return signed({ sub: id, userType: type, ...claims }, this.#secret);
  }

  /** A token as the command line prints it. */
  async printedToken(...args) {
    const { stdout } = await promisify(execFile)(BINARY, ['token', ...args, '--data', this.data]);
    return stdout.trim();
  }

  get secret() {
    return this.#secret;
  }

  /** The first line of the log that fits, now or later. */
  async logged(pattern) {
    const look = resolve => {
      // What has no line end yet is not whole.
      const line = this.log.split('\n').slice(0, -1).find(line => pattern.test(line));
      return line === undefined ? this.#onLog.add(() => look(resolve)) : resolve(line);
    };
    return within(new Promise(look), `a line of the log like ${pattern}`);
  }

  /** Ends the process as a power cut would. */
  async kill() {
    const { promise } = this.#end('SIGKILL');
    await promise;
  }

  /** Holds the process up, as a machine does that is suspended for a moment. */
  async holdUp(ms) {
    this.#process.kill('SIGSTOP');
    await delay(ms);
    this.#process.kill('SIGCONT');
  }

  /** Starts again on the same data and the same port. */
  async restart() {
    await this.#run(this.port);
  }

  async stop() {
    const { promise, child } = this.#end('SIGTERM');
    await within(promise, 'the server does not stop').catch(error => {
      child.kill('SIGKILL');
      throw error;
    });
    await rm(this.#folder, { recursive: true, force: true });
  }

  #end(signal) {
    const child = this.#process;
    const isOver = child.exitCode !== null || child.signalCode !== null;
    const promise = isOver ? Promise.resolve() : once(child, 'exit');
    child.kill(signal);
    return { promise, child };
  }

  async #run(port) {
    const args = ['serve', ...(this.#isDemo ? ['--demo'] : []), '--listen', `127.0.0.1:${port}`, '--data', this.data];
    const child = spawn(BINARY, args, { env: environment(this.#settings), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const leave = () => child.kill('SIGKILL');
    process.once('exit', leave);
    child.once('exit', () => process.removeListener('exit', leave));
    child.stderr.setEncoding('utf8').on('data', text => {
      this.log += text;
      const waiting = [...this.#onLog];
      this.#onLog.clear();
      waiting.forEach(look => look());
    });
    const first = Promise.race([
      once(createInterface(child.stdout), 'line').then(([line]) => line),
      once(child, 'exit').then(([code]) => `it left with ${code}`),
    ]);
    const line = await within(first, 'the server does not start', 2 * PATIENCE_MS);
    const [, url] = /^listening on (http:\/\/\S+)$/.exec(line) ?? [];
    if (url === undefined) {
      throw new Error(`the server does not start: ${line}\n${this.log}`);
    }
    this.url = url;
  }
}

function environment(settings) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('STOMPLINE_'));
  return { ...Object.fromEntries(own), ...SETTINGS, ...settings };
}
