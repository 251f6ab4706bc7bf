import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from './inbox.mjs';
import { freePort } from './proxy.mjs';

/** A Redis server that keeps nothing on disk. It stops with this process at the latest. */
export class Redis {
  url;
  #process;

  static async start() {
    const redis = new Redis();
    const port = await freePort();
    redis.url = `redis://127.0.0.1:${port}`;
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
    redis.#process = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const leave = () => redis.#process.kill('SIGKILL');
    process.once('exit', leave);
    redis.#process.once('exit', () => process.removeListener('exit', leave));
    await within(redis.#ready(), 'Redis does not start');
    return redis;
  }

  /** One that stops when the test `t` is over. */
  static async for(t) {
    const redis = await Redis.start();
    t.after(() => redis.stop());
    return redis;
  }

  async stop() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const over = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await within(over, 'Redis does not stop');
    }
  }

  async #ready() {
    for await (const line of createInterface(this.#process.stdout)) {
      if (line.includes('Ready to accept connections')) {
        this.#process.stdout.resume();
        return;
      }
    }
    throw new Error('Redis does not start');
  }
}
