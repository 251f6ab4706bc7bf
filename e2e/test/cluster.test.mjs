import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, KEY } from '../lib/cluster.mjs';
import { ask } from '../lib/http.mjs';
import { Person } from '../lib/person.mjs';
import { roundRobin } from '../lib/proxy.mjs';

/** A customer and an agent in a conversation. */
async function meet(customer, agent) {
  const { conversationId } = await customer.say('hello');
  const taken = await agent.command('/app/agent.take', { conversationId });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  return conversationId;
}

test('customer on one node and agent on another talk', async t => {
  const [one, other] = await cluster(t);
  const customer = await Person.connect(one, 'c1');
  const agent = await Person.connect(other, 'a1', 'agent');
  const queue = await agent.listen('/topic/queue.default');
  const conversationId = await meet(customer, agent);
  await queue.find(() => true);
  for (let n = 0; n < 30; n += 1) {
    await customer.say(`question ${n}`);
    await agent.say(`answer ${n}`, { conversationId });
  }
  const isTalk = ({ event, text }) => event === 'message.created' && /^(question|answer)/.test(text);
  const expected = Array.from({ length: 30 }, (_, n) => [`question ${n}`, `answer ${n}`]).flat();
  for (const person of [customer, agent]) {
    const messages = await person.messages.count(60, isTalk);
    assert.deepEqual(messages.map(({ text }) => text), expected);
    assert.deepEqual(messages.map(({ seq }) => seq), Array.from({ length: 60 }, (_, n) => n + 2));
  }
  agent.tell('/app/chat.typing', { conversationId, on: true });
  await customer.signals.find(({ event }) => event?.startsWith('typing'));
  await Promise.all([customer.leave(), agent.leave()]);
});

test('what both say at the same time is in one order for everybody', async t => {
  const [one, other] = await cluster(t);
  const customer = await Person.connect(one, 'c1');
  const agent = await Person.connect(other, 'a1', 'agent');
  const conversationId = await meet(customer, agent);
  // The same people look on from the other node.
  const watchers = [await Person.connect(other, 'c1'), await Person.connect(one, 'a1', 'agent')];
  const each = 150;
  const talk = async (person, word, fields) => {
    for (let n = 0; n < each; n += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, k) => person.say(`${word} ${n + k}`, fields)));
    }
  };
  await Promise.all([talk(customer, 'question', {}), talk(agent, 'answer', { conversationId })]);
  const isTalk = ({ event, text }) => event === 'message.created' && /^(question|answer)/.test(text);
  const seqs = Array.from({ length: 2 * each }, (_, n) => n + 2);
  const orders = [];
  for (const person of [customer, agent, ...watchers]) {
    const messages = await person.messages.count(2 * each, isTalk);
    assert.deepEqual(messages.map(({ seq }) => seq), seqs);
    orders.push(messages.map(({ text }) => text));
  }
  for (const order of orders) {
    assert.deepEqual(order, orders[0]);
  }
  await Promise.all([customer, agent, ...watchers].map(person => person.leave()));
});

test('each node knows who is online and can end any session', async t => {
  const [one, other] = await cluster(t);
  const customer = await Person.connect(one, 'c1');
  const headers = { authorization: `Bearer ${KEY}` };
  const sessions = await ask(`${other.url}/api/v1/users/c1/sessions`, { headers });
  assert.equal(sessions.status, 200, sessions.body);
  assert.equal(sessions.json.length, 1, sessions.body);
  assert.equal(sessions.json[0].transport, 'websocket');
  const ended = await ask(`${other.url}/api/v1/users/c1/sessions`, { method: 'DELETE', headers });
  assert.ok(ended.status < 300, ended.body);
  await customer.closes.find({ code: 4409 });
});

test('front end comes back on the other node and misses nothing', async t => {
  const [one, other] = await cluster(t);
  const port = await roundRobin(t, [one.port, other.port]);
  const connect = (id, type, path) =>
    Person.connect(one, id, type, { reconnectDelay: 50, url: `ws://127.0.0.1:${port}${path}?token=${one.token(id, type)}` });
  const customer = await connect('c1', 'customer', '/ws/chat');
  const agent = await connect('a1', 'agent', '/ws/agent');
  const conversationId = await meet(customer, agent);
  await one.kill();
  for (let n = 0; n < 10; n += 1) {
    await agent.say(`meanwhile ${n}`, { conversationId });
  }
  await customer.connects.count(2);
  assert.deepEqual(agent.closes.items, [], 'the other node has nothing to do with it');
  const texts = (await customer.history(conversationId)).map(({ text }) => text);
  assert.deepEqual(texts, ['hello', ...Array.from({ length: 10 }, (_, n) => `meanwhile ${n}`)]);
  await agent.say('welcome back', { conversationId });
  await customer.messages.find({ event: 'message.created', text: 'welcome back' });
  await Promise.all([customer.leave(), agent.leave()]);
});
