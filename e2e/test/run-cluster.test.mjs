import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { PATIENCE_MS, within } from '../lib/inbox.mjs';
import { connectOver } from '../lib/transport.mjs';

const SCRIPT = new URL('../../scripts/run-cluster.mjs', import.meta.url).pathname;
const BINARY = process.env.STOMPLINE_BIN ?? new URL('../../target/debug/stompline', import.meta.url).pathname;

/** The demonstration that `make run-cluster` starts: its address, those of its nodes, and how to end it. */
async function runCluster(t) {
  const env = { ...process.env, STOMPLINE_BIN: BINARY, PORT: '0' };
  const child = spawn(process.execPath, [SCRIPT], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const over = once(child, 'exit');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', text => (log += text));
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = await within(over, 'the cluster does not stop', 2 * PATIENCE_MS);
    return code;
  };
  t.after(stop);
  const nodes = [];
  const ready = new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      const [, node] = /^node \d+ is at (\S+)$/.exec(line) ?? [];
      const [, url] = /^Open (\S+)$/.exec(line) ?? [];
      if (node !== undefined) {
        nodes.push(node);
      } else if (url !== undefined) {
        resolve(url);
      }
    });
    over.then(([code]) => reject(new Error(`it ended with ${code}\n${log}`)));
  });
  const url = await within(ready, 'the cluster does not start', 4 * PATIENCE_MS);
  return { url, nodes, stop };
}

async function tokenFrom(url, body) {
  const answer = await ask(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.body);
  return answer.json.token;
}

test('demonstration of a cluster serves every transport and leaves nothing behind', async t => {
  const { url, nodes, stop } = await runCluster(t);
  assert.equal(nodes.length, 2);
  const page = await ask(url);
  assert.equal(page.status, 200);
  const connect = async (transport, type) => {
    const token = type === 'agent' ? await tokenFrom(`${url}/demo/agent`, { name: 'Lin' }) : await tokenFrom(`${url}/api/v1/widget/session`, {});
    return connectOver(transport, { url }, transport, type, { token, url });
  };
  const agent = await connect('websocket', 'agent');
  for (const transport of ['websocket', 'xhr-streaming', 'xhr-polling']) {
    const customer = await connect(transport, 'customer');
    const { conversationId } = await customer.say(`over ${transport}`);
    const taken = await agent.command('/app/agent.take', { conversationId });
    assert.equal(taken.ok, true, JSON.stringify(taken));
    await agent.say(`back over ${transport}`, { conversationId });
    await customer.messages.find({ event: 'message.created', text: `back over ${transport}` });
    await customer.leave();
  }
  await agent.leave();
  for (const node of nodes) {
    const { body } = await ask(`${node}/metrics`);
    assert.match(body, /^stompline_sessions_total [1-9]/m, 'each node had sessions');
  }
  assert.equal(await stop(), 0);
  for (const node of nodes) {
    await assert.rejects(ask(node), { code: 'ECONNREFUSED' });
  }
});
