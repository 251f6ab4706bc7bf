import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, within } from './inbox.mjs';

const SCRIPT = new URL('../../scripts/test-postgres', import.meta.url).pathname;

/** A PostgreSQL server with a data directory of its own. It stops with this process at the latest. */
export class Postgres {
  #folder;
  #script;

  static async start() {
    const postgres = new Postgres();
    postgres.#script = spawn(SCRIPT, { stdio: ['pipe', 'pipe', 'inherit'] });
    const first = Promise.race([
      once(createInterface(postgres.#script.stdout), 'line').then(([line]) => line),
      once(postgres.#script, 'exit').then(([code]) => {
        throw new Error(`PostgreSQL does not start: exit code ${code}, and what stands above`);
      }),
    ]);
    postgres.#folder = await within(first, 'PostgreSQL does not start', 3 * PATIENCE_MS);
    return postgres;
  }

  /** One that stops when the test `t` is over. */
  static async for(t) {
    const postgres = await Postgres.start();
    t.after(() => postgres.stop());
    return postgres;
  }

  /** The settings of a server that keeps the chat here. */
  get settings() {
    return { STOMPLINE_STORE__URL: `postgres:///postgres?host=${this.#folder}&user=stompline` };
  }

  /** Stops it as an administrator in a hurry would, and removes its data. */
  async stop() {
    if (this.#script.exitCode === null) {
      const over = once(this.#script, 'exit');
      this.#script.stdin.end();
      await within(over, 'PostgreSQL does not stop');
    }
  }
}
