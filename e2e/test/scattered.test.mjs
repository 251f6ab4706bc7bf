import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, KEY } from '../lib/cluster.mjs';
import { ask } from '../lib/http.mjs';
import { scattering } from '../lib/proxy.mjs';
import { connectOver, flood, transportOf } from '../lib/transport.mjs';

for (const transport of ['xhr-polling', 'xhr-streaming', 'eventsource']) {
  test(`${transport} needs no stickiness`, async t => {
    // Room for the whole flood: how slow a reader may be is asked elsewhere.
    const nodes = await cluster(t, { STOMPLINE_LIMITS__OUTBOX_BYTES: '8388608' });
    const { url, requests } = await scattering(t, nodes.map(({ port }) => port));
    const options = { base: url, reconnectDelay: 50, queues: ['messages', 'acks', 'errors'] };
    const customer = await connectOver(transport, nodes[0], 'c1', 'customer', options);
    assert.equal(transportOf(customer), transport);

    const { texts, receipts } = await flood(customer, 1_000);
    const inOrder = Array.from({ length: 1_000 }, (_, n) => n);
    assert.deepEqual(texts, inOrder.map(n => `n${n} %41 😀`));
    assert.deepEqual(receipts, inOrder);
    assert.deepEqual(customer.closes.items, []);
    const action = transport.replace('-polling', '').replace('-', '_');
    for (const name of [action, 'xhr_send']) {
      const asked = new Set(requests.filter(({ path }) => path.endsWith(`/${name}`)).map(({ port }) => port));
      assert.equal(asked.size, 2, `${name} came to both nodes`);
    }

    // Nobody else gets at the session, wherever they ask.
    const { path } = requests.find(request => request.path.endsWith('/xhr_send'));
    for (const node of nodes) {
      const send = token => ask(`${node.url}${path}?token=${token}`, { method: 'POST', body: '["x"]' });
      assert.equal((await send(node.token('c2'))).status, 404);
      assert.equal((await send('none')).status, 401);
    }

    // When the session's node dies, the client is on the other one soon, and complete.
    const headers = { authorization: `Bearer ${KEY}` };
    const idles = await Promise.all(
      nodes.map(async node => (await ask(`${node.url}/api/v1/users/c1/sessions`, { headers })).json[0].idleMs),
    );
    const owner = idles.findIndex(idle => idle !== undefined && idle !== null);
    await nodes[owner].kill();
    // A stream that breaks is noticed by what is sent, or by heart-beats.
    if (customer.client.connected) {
      customer.tell('/app/send', { text: 'are you there?', clientId: 'there' });
    }
    await customer.connects.count(2, () => true, { ms: 40_000 });
    await customer.say('still here');
    await customer.messages.find({ event: 'message.created', text: 'still here' });
    assert.equal(customer.errors.items.length, 0, JSON.stringify(customer.errors.items));
    await customer.leave();
  });
}
