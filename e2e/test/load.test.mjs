import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

const SENDS = 2_000;
const MINUTE_MS = 60_000;

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0' })));
after(() => server.stop());

test('flood of messages stays whole and in order', async () => {
  const customer = await Person.connect(server, 'flood');
  const agent = await Person.connect(server, 'reader', 'agent');
  const { conversationId } = await customer.say('first');
  await agent.command('/app/agent.take', { conversationId });

  const receipts = [];
  for (let n = 0; n < SENDS; n += 1) {
    customer.client.watchForReceipt(`n-${n}`, () => receipts.push(n));
    customer.tell('/app/send', { text: `n${n}`, clientId: `n${n}` }, { receipt: `n-${n}` });
  }
  const isOne = ({ event, text }) => event === 'message.created' && /^n\d/.test(text);
  const arrived = await agent.messages.count(SENDS, isOne, { ms: MINUTE_MS });
  const echoed = await customer.messages.count(SENDS, isOne, { ms: MINUTE_MS });
  const acks = await customer.acks.count(SENDS, ({ clientId }) => /^n\d/.test(clientId), { ms: MINUTE_MS });

  const inOrder = Array.from({ length: SENDS }, (_, n) => n);
  for (const messages of [arrived, echoed]) {
    assert.deepEqual(messages.map(({ text }) => text), inOrder.map(n => `n${n}`));
    assert.deepEqual(messages.map(({ seq }) => seq), inOrder.map(n => n + 2));
  }
  assert.deepEqual(acks.map(({ clientId, ok, seq }) => [clientId, ok, seq]), inOrder.map(n => [`n${n}`, true, n + 2]));
  await customer.do('/app/chat.read', { conversationId, seq: 1 });
  assert.deepEqual(receipts, inOrder);
  assert.equal(new Set(arrived.map(({ id }) => id)).size, SENDS);
  assert.deepEqual(customer.closes.items, []);
  assert.deepEqual(agent.closes.items, []);
  await Promise.all([customer.leave(), agent.leave()]);
});

test('many at once do not disturb each other', async () => {
  const people = await Promise.all(Array.from({ length: 20 }, (_, n) => Person.connect(server, `many-${n}`)));
  await Promise.all(people.flatMap((person, p) => Array.from({ length: 25 }, (_, n) => person.say(`p${p}-${n}`))));
  for (const [p, person] of people.entries()) {
    const messages = await person.messages.count(25, { event: 'message.created' });
    assert.deepEqual(messages.map(({ seq, text }) => [seq, text]), Array.from({ length: 25 }, (_, n) => [n + 1, `p${p}-${n}`]));
  }
  await Promise.all(people.map(person => person.leave()));
});
