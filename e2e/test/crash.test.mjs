import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Inbox } from '../lib/inbox.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

const ROUNDS = 3;

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0' })));
after(() => server.stop());

test('confirmed messages survive kill -9, none comes twice', async () => {
  const confirmed = new Inbox('receipts');
  const sent = [];
  const customer = await Person.connect(server, 'crash', 'customer', { reconnectDelay: 50 });
  const agent = await Person.connect(server, 'crash-agent', 'agent', { reconnectDelay: 50 });
  const { conversationId } = await customer.say('first', { clientId: 'first' });
  await agent.command('/app/agent.take', { conversationId });

  const send = clientId => {
    customer.client.watchForReceipt(`k-${clientId}`, () => confirmed.add(clientId));
    customer.tell('/app/send', { text: clientId, clientId }, { receipt: `k-${clientId}` });
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Sends without a pause until the server is gone; each receipt brings the next two.
    let isStreaming = true;
    let n = 0;
    const one = () => {
      const clientId = `r${round}-${n++}`;
      sent.push(clientId);
      send(clientId);
    };
    const before = confirmed.length;
    for (let ahead = 0; ahead < 50; ahead += 1) {
      one();
    }
    const more = confirmed.add;
    confirmed.add = clientId => {
      more.call(confirmed, clientId);
      if (isStreaming && customer.client.connected) {
        one();
      }
    };
    await confirmed.count(before + 150 * round);
    await server.kill();
    isStreaming = false;
    confirmed.add = more;
    await server.restart();
    await customer.connects.count(round + 1);
    await agent.connects.count(round + 1);

    const stored = (await customer.history(conversationId)).map(({ clientId }) => clientId);
    const unique = new Set(stored);
    assert.equal(unique.size, stored.length, 'no message twice');
    for (const clientId of confirmed.items) {
      assert.ok(unique.has(clientId), `${clientId} was confirmed and is lost`);
    }
    // The client does not know what became of the rest and sends it again.
    const open = sent.filter(clientId => !confirmed.items.includes(clientId));
    assert.ok(open.length > 0, 'the server was killed in the middle');
    open.forEach(send);
    await confirmed.count(sent.length, clientId => sent.includes(clientId));
  }

  const messages = await customer.history(conversationId);
  assert.deepEqual(messages.map(({ seq }) => seq), Array.from({ length: sent.length + 1 }, (_, index) => index + 1));
  assert.deepEqual(messages.map(({ clientId }) => clientId).sort(), ['first', ...sent].sort());
  const synced = [];
  for (let [since, more] = [0, true]; more; ) {
    const page = await agent.question('/app/sync', { since });
    synced.push(...page.messages);
    [since, more] = [page.cursor, page.more];
  }
  assert.deepEqual(synced.map(({ id }) => id), messages.map(({ id }) => id));
  await Promise.all([customer.leave(), agent.leave()]);
});
