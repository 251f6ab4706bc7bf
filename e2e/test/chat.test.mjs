import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

/** @type {Server} */
let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

const created = text => ({ event: 'message.created', text });

/** A customer who has written once, and an agent who has taken the conversation. */
async function pair(name) {
  const customer = await Person.connect(server, `cus-${name}`);
  const agent = await Person.connect(server, `agt-${name}`, 'agent');
  const { conversationId } = await customer.say('hello');
  const taken = await agent.command('/app/agent.take', { conversationId });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  return { customer, agent, conversationId, leave: () => Promise.all([customer.leave(), agent.leave()]) };
}

test('customer and agent talk from queue to close', async () => {
  const customer = await Person.connect(server, 'c1');
  const agent = await Person.connect(server, 'a1', 'agent');
  const queue = await agent.listen('/topic/queue.default');

  const ack = await customer.say('hello', { clientId: 'c1-1' });
  assert.equal(ack.clientId, 'c1-1');
  assert.equal(ack.duplicate, false);
  assert.equal(ack.seq, 1);
  const { conversationId } = ack;
  const isIn = change => change.entries?.some(entry => entry.id === conversationId);
  const change = await queue.find(change => isIn(change) && change.entries[0].lastMessage !== null);
  const entry = change.entries.find(({ id }) => id === conversationId);
  assert.equal(entry.state, 'queued');
  assert.equal(entry.customer.id, 'c1');
  assert.equal(entry.lastMessage.text, 'hello');

  const taken = await agent.command('/app/agent.take', { conversationId, assignRev: entry.assignRev });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  await queue.find(change => change.removed?.includes(conversationId));
  for (const person of [customer, agent]) {
    const assigned = await person.messages.find({ event: 'conversation.assigned', conversationId });
    assert.equal(assigned.assignee.id, 'a1');
    assert.equal(assigned.state, 'active');
  }

  await agent.say('how can I help?', { conversationId });
  await customer.messages.find(created('how can I help?'));
  await customer.say('like this');
  await agent.messages.find(created('like this'));

  const closed = await agent.command('/app/agent.close', { conversationId, reason: 'done' });
  assert.equal(closed.ok, true);
  for (const person of [customer, agent]) {
    const event = await person.messages.find({ event: 'conversation.closed', conversationId });
    assert.equal(event.by, 'agent');
    assert.equal(event.reason, 'done');
    assert.equal(event.state, 'closed');
  }

  for (const person of [customer, agent]) {
    const messages = await person.history(conversationId);
    assert.deepEqual(messages.map(({ seq, text, sender }) => [seq, text, sender.role]), [
      [1, 'hello', 'customer'],
      [2, 'how can I help?', 'agent'],
      [3, 'like this', 'customer'],
    ]);
  }
  await Promise.all([customer.leave(), agent.leave()]);
});

test('events of a conversation chain without a gap', async () => {
  const { customer, agent, conversationId, leave } = await pair('chain');
  await Promise.all(Array.from({ length: 10 }, (_, n) => customer.say(`c${n}`)));
  await Promise.all(Array.from({ length: 10 }, (_, n) => agent.say(`a${n}`, { conversationId })));
  await customer.do('/app/chat.read', { conversationId, seq: 21 });
  for (const person of [customer, agent]) {
    await person.messages.find({ event: 'participant.pointer', readSeq: 21 });
    const own = person.messages.items;
    for (const [index, event] of own.entries()) {
      if (index > 0) {
        assert.equal(event.prev, own[index - 1].rev, `${event.event} after ${own[index - 1].event}`);
      }
    }
    const seqs = own.filter(event => event.event === 'message.created').map(({ seq }) => seq);
    assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, index) => seqs[0] + index));
    assert.equal(seqs.at(-1), 21);
  }
  await leave();
});

test('message headers repeat what bodies say', async () => {
  const { customer, conversationId, leave } = await pair('headers');
  const message = await customer.messages.find(created('hello'));
  const { headers } = message;
  assert.equal(headers.event, 'message.created');
  assert.equal(headers.destination, '/user/queue/messages');
  assert.equal(headers.conversation, conversationId);
  assert.equal(headers.seq, '1');
  assert.equal(headers.rev, String(message.rev));
  assert.match(headers['content-type'], /^application\/json/);
  assert.ok(Number(headers['content-length']) > 0);
  assert.equal(headers.receipt, undefined);
  assert.equal(headers.ack, undefined);
  await leave();
});

test('same client id makes one message', async () => {
  const { customer, agent, conversationId, leave } = await pair('twice');
  const first = await customer.say('only once', { clientId: 'same' });
  const second = await customer.say('only once', { clientId: 'same' });
  assert.equal(first.duplicate, false);
  assert.equal(second.duplicate, true);
  assert.equal(second.ok, true);
  assert.equal(second.id, first.id);
  assert.equal(second.seq, first.seq);
  await customer.say('after');
  await agent.messages.find(created('after'));
  assert.equal(agent.messages.items.filter(event => event.text === 'only once').length, 1);
  const texts = (await customer.history(conversationId)).map(({ text }) => text);
  assert.deepEqual(texts, ['hello', 'only once', 'after']);
  await leave();
});

test('slower agent learns who has taken', async () => {
  const customer = await Person.connect(server, 'race');
  const agents = await Promise.all(['fast', 'slow', 'late'].map(id => Person.connect(server, id, 'agent')));
  const { conversationId } = await customer.say('who will it be?');
  const acks = await Promise.all(agents.map(agent => agent.command('/app/agent.take', { conversationId })));
  const winners = acks.flatMap((ack, index) => (ack.ok ? [['fast', 'slow', 'late'][index]] : []));
  assert.equal(winners.length, 1, JSON.stringify(acks));
  for (const ack of acks.filter(({ ok }) => !ok)) {
    assert.equal(ack.code, 'already_taken');
    assert.equal(ack.assignee.id, winners[0]);
    assert.match(ack.message, /already taken/);
  }
  const again = await agents[winners[0] === 'fast' ? 0 : winners[0] === 'slow' ? 1 : 2].command('/app/agent.take', { conversationId });
  assert.equal(again.ok, true);
  assert.equal(again.duplicate, true);
  await Promise.all([customer, ...agents].map(person => person.leave()));
});

test('agent may not write to another agent', async () => {
  const { conversationId, leave } = await pair('foreign');
  const other = await Person.connect(server, 'other', 'agent');
  const refused = await other.say('mine!', { conversationId });
  assert.equal(refused.ok, false);
  assert.equal(refused.code, 'forbidden');
  await Promise.all([leave(), other.leave()]);
});

test("customer cannot read another's conversation", async () => {
  const { conversationId, leave } = await pair('private');
  const stranger = await Person.connect(server, 'stranger');
  const refused = await stranger.say('let me in', { conversationId });
  assert.equal(refused.ok, false);
  assert.equal(refused.code, 'not_found');
  stranger.tell('/app/history', { conversationId }, { receipt: 'h' });
  const error = await stranger.errors.find({ receipt: 'h' });
  assert.equal(error.code, 'not_found');
  await Promise.all([leave(), stranger.leave()]);
});

test("agent's message to a waiting customer takes first", async () => {
  const customer = await Person.connect(server, 'direct');
  const agent = await Person.connect(server, 'directly', 'agent');
  await customer.say('anyone?');
  const ack = await agent.say('me', { to: 'direct' });
  assert.equal(ack.ok, true, JSON.stringify(ack));
  assert.equal(ack.seq, 2);
  const assigned = await customer.messages.find({ event: 'conversation.assigned' });
  assert.equal(assigned.assignee.id, 'directly');
  await customer.messages.find(created('me'));
  await Promise.all([customer.leave(), agent.leave()]);
});

test('closed conversation reopens when customer writes', async () => {
  const { customer, agent, conversationId, leave } = await pair('reopen');
  await customer.command('/app/chat.close', { conversationId });
  await agent.messages.find({ event: 'conversation.closed', by: 'customer' });
  const refused = await agent.say('one more thing', { conversationId });
  assert.equal(refused.ok, false);
  assert.equal(refused.code, 'closed');
  const ack = await customer.say('one more question');
  assert.equal(ack.conversationId, conversationId);
  assert.equal(ack.seq, 2);
  const reopened = await customer.messages.find({ event: 'conversation.reopened' });
  assert.equal(reopened.state, 'queued');
  await leave();
});

test('sync from zero brings everything', async () => {
  const { customer, agent, conversationId, leave } = await pair('sync');
  for (let n = 1; n <= 5; n += 1) {
    await customer.say(`m${n}`);
  }
  const again = await Person.connect(server, 'cus-sync');
  const page = await again.question('/app/sync', { since: 0 });
  assert.equal(page.replyTo, 'sync');
  assert.equal(page.more, false);
  assert.deepEqual(page.messages.map(({ seq, text }) => [seq, text]),
    [[1, 'hello'], [2, 'm1'], [3, 'm2'], [4, 'm3'], [5, 'm4'], [6, 'm5']]);
  assert.deepEqual(page.conversations.map(({ id, state, lastSeq }) => [id, state, lastSeq]), [[conversationId, 'active', 6]]);
  const nothing = await again.question('/app/sync', { since: page.cursor });
  assert.deepEqual([nothing.messages, nothing.conversations, nothing.gone], [[], [], []]);
  await agent.say('news', { conversationId });
  const news = await again.question('/app/sync', { since: page.cursor });
  assert.deepEqual(news.messages.map(({ text }) => text), ['news']);
  await Promise.all([leave(), again.leave()]);
});

test('sync in small pages misses nothing', async () => {
  const { customer, leave } = await pair('pages');
  await Promise.all(Array.from({ length: 12 }, (_, n) => customer.say(`p${n}`)));
  const texts = [];
  let [since, more, rounds] = [0, true, 0];
  while (more) {
    const page = await customer.question('/app/sync', { since, limit: 3 });
    texts.push(...page.messages.map(({ text }) => text));
    assert.ok(!page.more || page.cursor > since, 'the cursor moves');
    [since, more, rounds] = [page.cursor, page.more, rounds + 1];
    assert.ok(rounds < 30, 'sync comes to an end');
  }
  assert.deepEqual(texts, ['hello', ...Array.from({ length: 12 }, (_, n) => `p${n}`)]);
  await leave();
});

test('history pages go both ways', async () => {
  const { customer, conversationId, leave } = await pair('history');
  await Promise.all(Array.from({ length: 9 }, (_, n) => customer.say(`h${n}`)));
  const seqs = async body => {
    const page = await customer.question('/app/history', { conversationId, ...body });
    return [page.messages.map(({ seq }) => seq), page.more];
  };
  assert.deepEqual(await seqs({ limit: 3 }), [[8, 9, 10], true]);
  assert.deepEqual(await seqs({ before: 4, limit: 3 }), [[1, 2, 3], false]);
  assert.deepEqual(await seqs({ after: 2, limit: 3 }), [[3, 4, 5], true]);
  assert.deepEqual(await seqs({ after: 8, limit: 3 }), [[9, 10], false]);
  await leave();
});

test('bootstrap shows each side its first screen', async () => {
  const { customer, agent, conversationId, leave } = await pair('boot');
  const mine = await customer.ask('/app/bootstrap');
  assert.equal(mine.replyTo, 'bootstrap');
  assert.equal(mine.me.id, 'cus-boot');
  assert.equal(mine.me.role, 'customer');
  assert.equal(mine.queue, undefined);
  assert.deepEqual(mine.conversations.map(({ id }) => id), [conversationId]);
  assert.deepEqual(mine.conversations[0].messages.map(({ text }) => text), ['hello']);
  const waiting = await Person.connect(server, 'boot-waits');
  const { conversationId: other } = await waiting.say('I wait');
  const theirs = await agent.ask('/app/bootstrap');
  assert.deepEqual(theirs.conversations.map(({ id }) => id), [conversationId]);
  assert.ok(theirs.queue.entries.some(({ id }) => id === other));
  assert.ok(theirs.queue.waiting >= 1);
  assert.ok(theirs.cursor > 0);
  assert.ok(Math.abs(Date.parse(theirs.serverTime) - Date.now()) < 60_000);
  await Promise.all([leave(), waiting.leave()]);
});

test('agent lists own conversations page by page', async () => {
  const { customer, agent, conversationId: first, leave } = await pair('list');
  const list = body => agent.question('/app/agent.list', body);
  assert.deepEqual((await list({ state: 'active' })).conversations.map(({ id }) => id), [first]);
  await agent.command('/app/agent.close', { conversationId: first });
  const { conversationId: second } = await customer.command('/app/chat.start', { clientId: 'list-2' });
  await agent.command('/app/agent.take', { conversationId: second });
  await agent.command('/app/agent.close', { conversationId: second });
  const newest = await list({ state: 'closed', limit: 1 });
  assert.equal(newest.replyTo, 'list');
  assert.deepEqual([newest.conversations.map(({ id }) => id), newest.more], [[second], true]);
  assert.equal(newest.conversations[0].previousId, first);
  assert.equal(newest.conversations[0].unread, 0);
  const older = await list({ state: 'closed', limit: 1, before: newest.conversations[0].rev });
  assert.deepEqual([older.conversations.map(({ id }) => id), older.more], [[first], false]);
  const named = await list({ state: 'closed', conversationId: first, customerId: 'cus-list' });
  assert.deepEqual(named.conversations.map(({ id }) => id), [first]);
  assert.deepEqual((await list({ state: 'closed', customerId: 'nobody' })).conversations, []);
  customer.tell('/app/agent.list', { state: 'closed' }, { receipt: 'no' });
  const refusal = await customer.faults.find(() => true);
  assert.equal(refusal.headers['receipt-id'], 'no');
  await leave();
});

test('pointers tell both sides how far', async () => {
  const { customer, agent, conversationId, leave } = await pair('pointer');
  await agent.do('/app/chat.delivered', { conversationId, seq: 1 });
  const delivered = await customer.messages.find(event => event.event === 'participant.pointer' && event.deliveredSeq === 1);
  assert.deepEqual(delivered.participant, { id: 'agt-pointer', role: 'agent' });
  assert.equal(delivered.readSeq, 0);
  await agent.do('/app/chat.read', { conversationId, seq: 1 });
  const read = await customer.messages.find(event => event.event === 'participant.pointer' && event.readSeq === 1);
  assert.equal(read.deliveredSeq, 1);
  await agent.messages.find(event => event.event === 'participant.pointer' && event.readSeq === 1);
  await leave();
});

test('typing reaches the other side only', async () => {
  const { customer, agent, conversationId, leave } = await pair('typing');
  await customer.do('/app/chat.typing', { conversationId, on: true });
  const signal = await agent.signals.find({ event: 'typing' });
  assert.equal(signal.on, true);
  assert.equal(signal.conversationId, conversationId);
  assert.deepEqual(signal.who, { id: 'cus-typing', role: 'customer' });
  assert.ok(signal.ttlMs > 0);
  await agent.do('/app/chat.typing', { conversationId, on: true });
  await customer.signals.find(({ event, who }) => event === 'typing' && who.role === 'agent');
  const own = customer.signals.items.filter(({ event, who }) => event === 'typing' && who.role === 'customer');
  assert.deepEqual(own, []);
  await leave();
});

test('text is kept to the letter', async () => {
  const { customer, agent, leave } = await pair('letters');
  const text = '  <b>&amp;</b> \\r\\n : \u0000 \u2028 "quoted" 你好 🙏🏽 \n second line\t';
  const ack = await customer.say(text);
  assert.equal(ack.ok, true, JSON.stringify(ack));
  const { seq } = ack;
  const arrived = await agent.messages.find({ event: 'message.created', seq });
  assert.equal(arrived.text, text);
  await leave();
});
