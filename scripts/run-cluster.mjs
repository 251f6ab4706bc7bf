// Starts the demonstration on two nodes: Redis, PostgreSQL, two servers and a proxy in front of them, all on free ports of this
// machine. Ctrl-C stops everything; nothing is kept. `make run-cluster` builds what this needs.
//
//   STOMPLINE_BIN=target/release/stompline PORT=8080 node scripts/run-cluster.mjs

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';

const NODES = 2;

/** How long anything may take to start, and to stop. */
const START_MS = 60_000;
const STOP_MS = 20_000;

const root = resolve(import.meta.dirname, '..');
const binary = resolve(process.env.STOMPLINE_BIN ?? join(root, 'target/release/stompline'));
const wantedPort = portFrom(process.env.PORT);

/** What has to be undone, in the order in which it was started. */
const cleanups = [];
let stopping = false;
let finish;
const finished = new Promise(done => {
  finish = done;
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => stop(0));
}

try {
  await access(binary, constants.X_OK).catch(() => {
    throw new Error(`no executable at ${binary}: run make build, or set STOMPLINE_BIN`);
  });
  await run();
} catch (error) {
  if (!stopping) {
    console.error(`run-cluster: ${error.message}`);
    void stop(1);
  }
}
process.exitCode = await finished;

async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'stompline-cluster-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const [redis, postgres] = await Promise.all([startRedis(folder), startPostgres()]);
  const settings = {
    STOMPLINE_AUTH__SECRETS: randomBytes(32).toString('hex'),
    STOMPLINE_REDIS__URL: redis,
    STOMPLINE_STORE__URL: postgres,
  };
  const nodes = [];
  for (let n = 1; n <= NODES; n += 1) {
    // One after the other: the first makes the tables.
    nodes.push(await startNode(`node ${n}`, join(folder, `node-${n}`), settings));
  }
  const port = await startProxy(nodes.map(({ port }) => port));
  if (stopping) {
    return;
  }
  for (const { name, url } of nodes) {
    console.log(`${name} is at ${url}`);
  }
  console.log(`Redis is at ${redis}, PostgreSQL at ${postgres}`);
  console.log(`\nOpen http://127.0.0.1:${port}\n`);
  console.log('Each WebSocket goes to the next node. Ctrl-C stops everything; nothing is kept.');
}

/** Undoes everything, the last first. A second call while that goes on changes nothing. */
async function stop(code) {
  if (stopping) {
    return;
  }
  stopping = true;
  let result = code;
  // What is still starting when it begins is added to the list, and so undone as well.
  while (cleanups.length > 0) {
    try {
      await cleanups.pop()();
    } catch (error) {
      console.error(`run-cluster: ${error.message}`);
      result = 1;
    }
  }
  finish(result);
}

/**
 * Starts a program in a session of its own, so that Ctrl-C reaches only this script, which then stops everything in order.
 * Should it end by itself, everything ends.
 */
function start(name, command, args, options, end) {
  if (stopping) {
    throw new Error('stopped while it started');
  }
  const child = spawn(command, args, { detached: true, ...options });
  const over = new Promise(done => {
    child.once('exit', (code, signal) => done(`${name} ended with ${signal ?? code}`));
    child.once('error', error => done(`${name} does not start: ${error.message}`));
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  void over.then(what => {
    process.removeListener('exit', kill);
    if (!stopping) {
      console.error(`run-cluster: ${what}`);
      void stop(1);
    }
  });
  cleanups.push(async () => {
    end(child);
    await within(over, STOP_MS, `${name} does not stop`).catch(error => {
      kill();
      throw error;
    });
  });
  return { child, over };
}

function terminate(child) {
  child.kill('SIGTERM');
}

async function startRedis(folder) {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter) };
  const { child, over } = start('Redis', 'redis-server', args, { env, stdio: ['ignore', 'pipe', 'inherit'] }, terminate);
  await firstLine(child, over, line => line.includes('Ready to accept connections'));
  return `redis://127.0.0.1:${port}`;
}

/** PostgreSQL lives until the input of its script ends, also if this one is killed. */
async function startPostgres() {
  const stdio = ['pipe', 'pipe', 'inherit'];
  const { child, over } = start('PostgreSQL', join(root, 'scripts/test-postgres'), [], { stdio }, child => child.stdin.end());
  const folder = await firstLine(child, over, () => true);
  return `postgres:///postgres?host=${folder}&user=stompline`;
}

async function startNode(name, data, settings) {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('STOMPLINE_'));
  // Clients of a demonstration come back at once; nobody wants to wait for Ctrl-C.
  const env = { ...Object.fromEntries(own), STOMPLINE_SHUTDOWN__DRAIN_S: '0', ...settings };
  const args = ['serve', '--demo', '--listen', '127.0.0.1:0', '--data', data];
  const { child, over } = start(name, binary, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }, terminate);
  createInterface(child.stderr).on('line', line => console.error(`${name}: ${line}`));
  const line = await firstLine(child, over, line => line.startsWith('listening on '));
  const url = line.slice('listening on '.length);
  return { name, url, port: Number(new URL(url).port) };
}

/** The first line of a child's output that `fits`. The rest is read and dropped. */
async function firstLine(child, over, fits) {
  const lines = createInterface(child.stdout);
  const found = new Promise(done => lines.on('line', line => fits(line) && done(line)));
  const failed = over.then(what => {
    throw new Error(what);
  });
  return within(Promise.race([found, failed]), START_MS, `${child.spawnfile} does not start`);
}

/**
 * Gives requests to the nodes in turn, past nodes that do not answer. The requests of one SockJS session must meet, so those go by
 * the number that sockjs-client puts in front of the session; a WebSocket may go anywhere.
 */
async function startProxy(ports) {
  let turn = 0;
  const dialFor = ({ url, headers }) => {
    const first = (headers.upgrade === undefined && affinity(url)) || turn++;
    return dial(ports.map((_, n) => ports[(first + n) % ports.length]));
  };
  const server = createServer((incoming, outgoing) => forward(dialFor(incoming), incoming, outgoing));
  const upgraded = new Set();
  server.on('upgrade', (incoming, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    tunnel(dialFor(incoming), incoming, socket, head);
  });
  server.listen(wantedPort, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.close();
    server.closeAllConnections();
    upgraded.forEach(socket => socket.destroy());
  });
  return server.address().port;
}

/** The number in `/ws/chat/{number}/{session}/{transport}`, if there is one; never 0, which would look like none. */
function affinity(url) {
  const [, number] = /^\/ws\/[^/?]+\/(\d{3})\/[^/?]+\//.exec(url) ?? [];
  return number === undefined ? undefined : Number(number) + NODES;
}

/** Connects to the first of the ports that answers. */
async function dial([port, ...others]) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    if (others.length === 0) {
      throw error;
    }
    return dial(others);
  }
}

/** Passes a request on, and its response as it comes. */
async function forward(dialed, incoming, outgoing) {
  const { method, url, headers } = incoming;
  try {
    const socket = await dialed;
    const onward = request({ method, path: url, headers, createConnection: () => socket });
    onward.once('response', response => {
      outgoing.writeHead(response.statusCode, response.rawHeaders);
      outgoing.flushHeaders();
      pipeline(response, outgoing, () => {});
    });
    onward.once('error', () => outgoing.destroy());
    outgoing.once('close', () => socket.destroy());
    incoming.pipe(onward);
  } catch (error) {
    outgoing.writeHead(502, { 'content-type': 'text/plain' }).end(`no node answers: ${error.message}\n`);
  }
}

/** Passes the bytes of an upgraded connection both ways. */
async function tunnel(dialed, { method, url, rawHeaders }, client, head) {
  // Somebody who leaves while a node is dialled must not end the script.
  client.on('error', () => client.destroy());
  try {
    const node = await dialed;
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let n = 0; n < rawHeaders.length; n += 2) {
      lines.push(`${rawHeaders[n]}: ${rawHeaders[n + 1]}`);
    }
    node.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    node.write(head);
    pipeline(client, node, client, () => {});
  } catch {
    client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
  }
}

/** A port that was free a moment ago; Redis cannot choose one itself. */
async function freePort() {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

function portFrom(text = '0') {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(`run-cluster: PORT is a number from 0 to 65535, where 0 takes a free one, not ${JSON.stringify(text)}`);
    process.exit(2);
  }
  return port;
}

async function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what} within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
