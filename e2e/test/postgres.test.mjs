import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from '../lib/person.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { Server } from '../lib/server.mjs';

test('a conversation on PostgreSQL, with a crash in between', async t => {
  const postgres = await Postgres.for(t);
  const server = await Server.for(t, postgres.settings);
  const reconnects = { reconnectDelay: 50 };
  const customer = await Person.connect(server, 'c1', 'customer', reconnects);
  const agent = await Person.connect(server, 'a1', 'agent', reconnects);
  const { conversationId } = await customer.say('hello', { clientId: 'c1-1' });
  const taken = await agent.command('/app/agent.take', { conversationId });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  await agent.say('how can I help?', { conversationId });
  await customer.messages.find({ event: 'message.created', text: 'how can I help?' });

  await server.kill();
  await server.restart();
  await customer.connects.count(2);
  await agent.connects.count(2);

  const again = await customer.say('hello', { clientId: 'c1-1' });
  assert.equal(again.duplicate, true);
  await customer.say('my parcel');
  await agent.messages.find({ event: 'message.created', text: 'my parcel' });
  const texts = (await customer.history(conversationId)).map(({ text }) => text);
  assert.deepEqual(texts, ['hello', 'how can I help?', 'my parcel']);
  const closed = await agent.command('/app/agent.close', { conversationId, reason: 'done' });
  assert.equal(closed.ok, true);
  await customer.messages.find({ event: 'conversation.closed', conversationId });
  await Promise.all([customer.leave(), agent.leave()]);
});

test('two servers share one PostgreSQL', async t => {
  const postgres = await Postgres.for(t);
  const [one, other] = await Promise.all([Server.for(t, postgres.settings), Server.for(t, postgres.settings)]);
  const customer = await Person.connect(one, 'c1');
  const agent = await Person.connect(other, 'a1', 'agent');
  const { conversationId } = await customer.say('hello', { clientId: 'c1-1' });

  const { queue } = await agent.ask('/app/bootstrap');
  assert.deepEqual(queue.entries.map(({ id }) => id), [conversationId]);
  const taken = await agent.command('/app/agent.take', { conversationId });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  const answer = await agent.say('hi', { conversationId });
  assert.equal(answer.seq, 2);
  assert.equal((await customer.say('my parcel')).seq, 3);

  for (const person of [customer, agent]) {
    const texts = (await person.history(conversationId)).map(({ text }) => text);
    assert.deepEqual(texts, ['hello', 'hi', 'my parcel']);
  }
  const mover = await Person.connect(other, 'c1');
  const repeated = await mover.say('hello', { clientId: 'c1-1' });
  assert.equal(repeated.duplicate, true);
  assert.equal(repeated.seq, 1);
  await Promise.all([customer.leave(), agent.leave(), mover.leave()]);
});

test('what another server commits is in the checkpoint', async t => {
  const postgres = await Postgres.for(t);
  const [one, other] = await Promise.all([Server.for(t, postgres.settings), Server.for(t, postgres.settings)]);
  const quiet = await Person.connect(other, 'c1');
  const customer = await Person.connect(one, 'c1');
  const { conversationId, rev } = await customer.say('hello');
  // A checkpoint comes every 30 seconds, if there is anything to say.
  const checkpoint = await quiet.signals.find({ event: 'checkpoint' }, { ms: 60_000 });
  assert.equal(checkpoint.heads[conversationId], rev);
  assert.ok(checkpoint.cursor >= rev);
  await Promise.all([quiet.leave(), customer.leave()]);
});

test('without its database the server refuses and stays', async t => {
  const postgres = await Postgres.for(t);
  const server = await Server.for(t, postgres.settings);
  const customer = await Person.connect(server, 'c1');
  await customer.say('hello');
  await postgres.stop();

  const refused = await customer.command('/app/send', { text: 'anybody there?', clientId: 'c1-2' });
  assert.equal(refused.ok, false);
  assert.equal(refused.code, 'unavailable');
  assert.equal(refused.clientId, 'c1-2');
  assert.ok(refused.retryAfterMs > 0);
  assert.equal(customer.closes.length, 0, 'the connection lives');
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  await customer.leave();
});
