// RabbitMQ with web-stomp from Debian's package, in a private directory, with ports and a name of its own, so that another one on this machine is not touched.

import { spawnSync } from 'node:child_process';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, freePort, onCore } from './child.mjs';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const START_MS = 60_000;

export async function rabbitmq({ core, dir }) {
  const [amqp, dist, epmd, web] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const file = name => join(dir, name);
  await writeFile(file('enabled_plugins'), '[rabbitmq_web_stomp].\n');
  await writeFile(
    file('rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      'stomp.listeners.tcp = none',
      'web_stomp.tcp.ip = 127.0.0.1',
      `web_stomp.tcp.port = ${web}`,
      'disk_free_limit.absolute = 50MB',
      'log.console = false',
      '',
    ].join('\n'),
  );
  await mkdir(file('log'));
  const environment = {
    PATH: process.env.PATH,
    HOME: dir,
    RABBITMQ_NODENAME: `bench-${process.pid}-${amqp}@localhost`,
    RABBITMQ_NODE_PORT: String(amqp),
    RABBITMQ_DIST_PORT: String(dist),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONFIG_FILE: file('rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: file('none'),
    RABBITMQ_MNESIA_BASE: file('mnesia'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_PID_FILE: file('pid'),
    // As many schedulers as it has cores here.
    ...(core === undefined ? {} : { RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1' }),
  };
  const owner = await ordinaryUser(dir, ['log', 'enabled_plugins', 'rabbitmq.conf'].map(file));
  const options = { env: environment, cwd: dir, ...owner };
  const child = new Child(onCore(core, [SERVER]), options);
  const stop = async () => {
    await child.stop();
    // The name server of Erlang nodes stays behind otherwise; this one was started for this node alone.
    spawnSync('epmd', ['-port', String(epmd), '-kill'], { env: environment });
  };
  try {
    await accepting(web, child);
    const pid = Number(await readFile(file('pid'), 'utf8'));
    const args = ['--url', `ws://127.0.0.1:${web}`, '--login', 'guest', '--passcode', 'guest', '--customer-path', '/ws'];
    return { pid, args, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** RabbitMQ is not meant to run as root: root lends the directory to the package's user. */
async function ordinaryUser(dir, files) {
  if (process.getuid() !== 0) return {};
  const id = flag => Number(spawnSync('id', [flag, 'rabbitmq'], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [id('-u'), id('-g')];
  for (const file of [dir, ...files]) await chown(file, uid, gid);
  return { uid, gid };
}

async function accepting(port, child) {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const accepted = await new Promise(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (accepted) return;
    await sleep(200);
  }
  throw new Error(`RabbitMQ does not listen on ${port} after ${START_MS} ms:\n${child.output}`);
}
