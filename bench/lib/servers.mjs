// The servers that are measured, each with what `stompline-load` has to know about it. A server is started on a free port of this machine, and has a directory
// of its own under the run's.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Child, onCore } from './child.mjs';

export { rabbitmq } from './rabbitmq.mjs';

const START_MS = 10_000;
const GUEST = ['--login', 'guest', '--passcode', 'guest', '--customer-path', '/ws'];

/** The library alone: the example `broker`. */
export async function broker({ core, release }) {
  const child = new Child(onCore(core, [join(release, 'examples/broker'), '--listen', '127.0.0.1:0']));
  return listening(child, GUEST);
}

/** The library with one handler, which passes messages on: the example `direct`. */
export async function direct({ core, release }) {
  const child = new Child(onCore(core, [join(release, 'examples/direct'), '--listen', '127.0.0.1:0']));
  return listening(child, ['--login', 'u{number}', '--passcode', 'guest', '--customer-path', '/ws']);
}

/** `stompline serve`, with tokens, access rules, metrics and the chat. */
export async function serve({ core, release, dir }) {
  const data = join(dir, 'data');
  await mkdir(data, { mode: 0o700 });
  const secret = join(data, 'secret');
  await writeFile(secret, randomBytes(32).toString('base64'), { mode: 0o600 });
  const config = join(dir, 'stompline.toml');
  const rule = ['effect = "allow"', 'action = "any"', 'destination = "/topic/load.*"', 'who = "anyone"'];
  await writeFile(config, `[[access.rules]]\n${rule.join('\n')}\n\n[limits]\nconnects_per_s = 0\n\n[chat.rate]\ncustomer_per_s = 0\nagent_per_s = 0\n`);
  const command = [join(release, 'stompline'), 'serve', '--config', config, '--data', data, '--listen', '127.0.0.1:0'];
  return listening(new Child(onCore(core, command), { cwd: dir }), ['--secret-file', secret]);
}

/** A minimal server on Node's `ws`. */
export async function node({ core }) {
  const script = new URL('../peer/server.mjs', import.meta.url).pathname;
  return listening(new Child(onCore(core, ['node', script])), GUEST);
}

async function listening(child, args) {
  try {
    const [, address] = await child.says(/listening on http:\/\/(\S+)/, START_MS);
    return { pid: child.pid, args: ['--url', `ws://${address}`, ...args], stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

