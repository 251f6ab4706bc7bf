// Measures all servers in one run, in turn, and writes docs/performance.md. `make bench` builds what this needs.
//
//   node bench/run.mjs RELEASE_DIRECTORY     QUICK=1 for one short round
//
// Every server it starts listens on a free port of this machine and is stopped at the end, also after Ctrl-C.

import { spawnSync } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release as kernel, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Child, isInstalled, onCore } from './lib/child.mjs';
import { first, flatOn, last, rounds, simulate } from './lib/plan.mjs';
import * as servers from './lib/servers.mjs';

/** The longest that one scenario may take. */
const RUN_MS = 300_000;

const release = resolve(process.argv[2] ?? 'target/release');
const quick = Boolean(process.env.QUICK);
const root = resolve(import.meta.dirname, '..');
const results = join(dirname(release), 'bench', 'results.jsonl');
const started = Date.now();

// One core for the servers, one for the tool, so that neither takes the other's time.
const pinned = cpus().length > 1 && isInstalled('taskset');
const [serverCore, toolCore] = pinned ? [0, 1] : [];

const running = new Map();
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopping = true;
    console.error(`bench: ${signal}, stopping the servers`);
  });
}

const work = await mkdtemp(join(tmpdir(), 'stompline-bench-'));
let failed = 0;
try {
  await chmod(work, 0o755);
  await mkdir(dirname(results), { recursive: true });
  await writeFile(results, `${JSON.stringify({ meta: meta() })}\n`);
  await startAll();
  await Promise.all(first(quick).map(scenario => everywhere(scenario, 1)));
  for (let round = 1; round <= (quick ? 1 : 3); round += 1) {
    for (const scenario of rounds(quick)) await everywhere(scenario, round);
    for (const threads of [1, 2]) await measure('in-memory', `threads ${threads}`, round, flatOn(threads));
  }
  for (const scenario of last(quick)) await everywhere(scenario, 1);
  await measure('in-memory', 'simulate', 1, simulate(quick));
} finally {
  for (const server of running.values()) await server.stop();
  await rm(work, { recursive: true, force: true });
}
if (!stopping) {
  const page = spawnSync(tool(), ['page', results, join(root, 'docs/performance.md')], { stdio: 'inherit' });
  failed += page.status === 0 ? 0 : 1;
}
const seconds = Math.round((Date.now() - started) / 1000);
console.error(`bench: ${seconds} s, ${failed} without a result`);
process.exitCode = failed > 0 || stopping ? 1 : 0;

async function startAll() {
  for (const name of ['broker', 'direct', 'serve', 'node', 'rabbitmq']) {
    if (name === 'rabbitmq' && !isInstalled('rabbitmq-server')) {
      console.error('bench: no rabbitmq-server, so RabbitMQ is left out (Debian: apt-get install rabbitmq-server)');
      continue;
    }
    const dir = join(work, name);
    await mkdir(dir);
    running.set(name, await servers[name]({ core: serverCore, release, dir }));
  }
}

async function everywhere({ label, args, on, once = [] }, round) {
  for (const name of on) {
    if (round > 1 && once.includes(name)) continue;
    const server = running.get(name);
    if (server) await measure(name, label, round, [...args, ...server.args, '--pid', String(server.pid)]);
  }
}

/** One run of the tool; its report goes to the results. A run with an error is told, and has no result. */
async function measure(server, label, round, args) {
  if (stopping) return;
  const name = `${label} on ${server}, round ${round}`;
  const child = new Child(onCore(args[0] === 'simulate' ? undefined : toolCore, [tool(), ...args]));
  const { code } = await child.end(RUN_MS);
  const line = child.output.split('\n').find(text => text.startsWith('{'));
  const report = line && JSON.parse(line);
  if (!report || (code !== 0 && report.faults.length === 0)) {
    failed += 1;
    console.error(`bench: ${name}: no report\n${child.output}`);
    return;
  }
  if (report.faults.length > 0) {
    failed += 1;
    console.error(`bench: ${name}: ${report.faults.slice(0, 3).join('; ')}`);
  } else {
    console.error(`bench: ${name}: ${summary(report)}`);
  }
  await appendFile(results, `${JSON.stringify({ server, label, round, report })}\n`);
}

function summary(report) {
  const wanted = /_per_s$|us_each|p50_ms|p99_ms|per_session|percent/;
  return Object.entries(report)
    .filter(([key, value]) => wanted.test(key) && typeof value === 'number')
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}

function tool() {
  return join(release, 'stompline-load');
}

function meta() {
  const said = (program, ...args) => (spawnSync(program, args, { encoding: 'utf8', cwd: root }).stdout ?? '').trim();
  const dirty = said('git', 'status', '--porcelain', '--untracked-files=no') ? ', with changes' : '';
  return {
    commit: said('git', 'rev-parse', '--short=12', 'HEAD') + dirty,
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: kernel(),
    pinned,
    quick,
    rust: said('rustc', '--version').split(' ')[1] ?? '',
    node: process.version,
    ws: 'ws 8.18.0',
    rabbitmq: said('dpkg-query', '-W', '-f', '${Version}', 'rabbitmq-server'),
  };
}
