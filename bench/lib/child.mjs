// Processes that this run starts, and ends.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

const STOP_MS = 20_000;

/** Whether a program can be started. */
export const isInstalled = program => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** `command` on this core only, if cores can be chosen. */
export const onCore = (core, command) => (core === undefined ? command : ['taskset', '-c', String(core), ...command]);

/** A process, and all that it writes. */
export class Child {
  #child;
  #ended;
  output = '';

  constructor([program, ...args], options = {}) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', text => (this.output = (this.output + text).slice(-65_536)));
    }
    this.#ended = new Promise(resolve => {
      this.#child.once('error', error => resolve({ error }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Waits until the output matches; gives the match. Fails when the process ends first or after `ms`. */
  async says(pattern, ms) {
    const end = Date.now() + ms;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no ${pattern} within ${ms} ms:\n${this.output}`);
      const ended = await Promise.race([this.#ended, new Promise(resolve => setTimeout(resolve, Math.min(left, 50)))]);
      if (ended) throw new Error(`ended (${JSON.stringify(ended)}) before it said ${pattern}:\n${this.output}`);
    }
  }

  /** Waits for the end; kills after `ms`. */
  async end(ms) {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ms);
    const ended = await this.#ended;
    clearTimeout(timer);
    return ended;
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await this.end(STOP_MS);
  }
}
