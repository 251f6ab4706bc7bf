import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { PATIENCE_MS } from '../lib/inbox.mjs';
import { buffering, freePort } from '../lib/proxy.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { connectOver, flood, NODE_TRANSPORTS, transportOf } from '../lib/transport.mjs';

const DOCS = new URL('../../docs/proxy/', import.meta.url);
const SENDS = 1_000;

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0', STOMPLINE_TRUSTED_PROXIES: '127.0.0.1' })));
after(() => server.stop());

/** The configuration that people are given, with this test's addresses in it. */
async function configured(file, changes) {
  let text = await readFile(new URL(file, DOCS), 'utf8');
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${file} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** Starts a proxy and waits until it answers; it ends with `leave`. */
async function run(command, args, port) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  createInterface(child.stderr).on('line', line => (log += `${line}\n`));
  const url = `http://127.0.0.1:${port}`;
  const leave = () => child.kill('SIGKILL');
  process.once('exit', leave);
  for (const begin = Date.now(); ; ) {
    assert.equal(child.exitCode, null, `${command} left: ${log}`);
    assert.ok(Date.now() - begin < PATIENCE_MS, `${command} does not answer: ${log}`);
    const answer = await ask(`${url}/healthz`).catch(() => ({ status: 0 }));
    if (answer.status === 200) {
      return { url, stop: () => (leave(), once(child, 'exit')), log: () => log };
    }
  }
}

async function nginx(folder) {
  const port = await freePort();
  const site = await configured('nginx.conf', [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${server.port};`],
    ['/var/log/nginx/stompline.log', join(folder, 'access.log')],
  ]);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${join(folder, name)};`).join('\n');
  const main = `daemon off; pid ${join(folder, 'pid')}; error_log stderr warn; events {} http { ${paths}\n${site} }`;
  await writeFile(join(folder, 'nginx.conf'), main);
  return run('/usr/sbin/nginx', ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')], port);
}

async function haproxy(folder) {
  const port = await freePort();
  const text = await configured('haproxy.cfg', [
    ['bind :80', `bind 127.0.0.1:${port}`],
    ['127.0.0.1:8080', `127.0.0.1:${server.port}`],
  ]);
  await writeFile(join(folder, 'haproxy.cfg'), text);
  return run('/usr/sbin/haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], port);
}

for (const [name, start] of Object.entries({ nginx, haproxy })) {
  describe(`behind ${name}`, () => {
    let folder, proxy;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), `stompline-${name}-`));
      proxy = await start(folder);
    });
    after(async () => {
      await proxy.stop();
      await rm(folder, { recursive: true, force: true });
    });

    for (const transport of NODE_TRANSPORTS) {
      test(`${transport} carries everything in order`, async () => {
        const person = await connectOver(transport, server, `${name}-${transport}`, 'customer', { base: proxy.url, queues: ['errors'] });
        assert.equal(transportOf(person), transport);
        const { seqs, receipts } = await flood(person, SENDS);
        const inOrder = Array.from({ length: SENDS }, (_, n) => n);
        assert.deepEqual(receipts, inOrder);
        assert.deepEqual(seqs, inOrder.map(n => n + 1));
        await person.leave();
      });
    }

    test('plain WebSocket passes', async () => {
      const url = `${proxy.url.replace('http', 'ws')}/ws/chat?token=${server.token(`${name}-plain`)}`;
      const person = await Person.connect(server, `${name}-plain`, 'customer', { url });
      assert.equal((await person.say('hello')).ok, true);
      await person.leave();
    });

    test('refusals keep their status', async () => {
      assert.equal((await ask(`${proxy.url}/ws/chat/info?token=wrong`)).status, 401);
      assert.equal((await ask(`${proxy.url}/ws/chat/0/a/xhr?token=wrong`, { method: 'POST' })).status, 401);
    });

    test('token stays out of the log', async () => {
      const secret = server.token(`${name}-secret`);
      await ask(`${proxy.url}/ws/chat/info?token=${secret}`);
      const written = proxy.log() + (await readFile(join(folder, 'access.log'), 'utf8').catch(() => ''));
      assert.equal(written.includes(secret.slice(-20)), false);
    });
  });
}

test('proxy that holds responses back makes clients poll', async t => {
  const url = await buffering(t, server.port);
  const person = await connectOver(NODE_TRANSPORTS, server, 'buffered', 'customer', { base: url });
  assert.equal(transportOf(person), 'xhr-polling');
  assert.equal((await person.say('it works all the same')).ok, true);
  await person.leave();
});
