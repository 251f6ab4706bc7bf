import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { Wire } from '../lib/wire.mjs';

/** @type {Server} */
let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

const created = text => ({ event: 'message.created', text });

test('all sessions of a user hear the events', async () => {
  const [phone, laptop] = await Promise.all([Person.connect(server, 'two'), Person.connect(server, 'two')]);
  const ack = await phone.say('from the phone');
  await phone.messages.find(created('from the phone'));
  await laptop.messages.find(created('from the phone'));
  await laptop.say('from the laptop');
  await phone.messages.find(created('from the laptop'));
  assert.equal(laptop.acks.items.some(({ id }) => id === ack.id), false, 'acks are for one session');
  await Promise.all([phone.leave(), laptop.leave()]);
});

test('customer and agent of one id stay apart', async () => {
  const customer = await Person.connect(server, '7');
  const agent = await Person.connect(server, '7', 'agent');
  const other = await Person.connect(server, 'someone');
  await other.say('not for agent 7 yet');
  await customer.say('mine alone');
  await customer.messages.find(created('mine alone'));
  const { conversationId } = await other.say('now take me');
  await agent.command('/app/agent.take', { conversationId });
  await agent.say('to someone', { conversationId });
  await agent.messages.find(created('to someone'));
  await customer.say('still alone');
  await customer.messages.find(created('still alone'));
  // A fence: what was sent before has arrived by now.
  await agent.do('/app/chat.read', { conversationId, seq: 3 });
  await agent.messages.find({ event: 'participant.pointer' });
  const texts = person => person.messages.items.flatMap(({ text }) => (text === undefined ? [] : [text]));
  assert.deepEqual(texts(customer), ['mine alone', 'still alone']);
  assert.deepEqual(texts(agent), ['to someone']);
  const first = await agent.ask('/app/bootstrap');
  assert.deepEqual(first.conversations.map(head => head.customer.id), ['someone']);
  await Promise.all([customer, agent, other].map(person => person.leave()));
});

test('eleventh session closes the longest idle one', async () => {
  const url = server.ws('/ws/chat', server.token('many'));
  const wires = [];
  for (let n = 0; n < 10; n += 1) {
    wires.push(await Wire.session(url));
  }
  const [oldest, second, ...others] = wires;
  oldest.frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'awake' });
  await oldest.receipt('awake');
  const newest = await Wire.session(url);
  const { code, reason } = await second.end();
  assert.equal(code, 4409);
  assert.match(reason, /newer session/);
  for (const [index, wire] of [oldest, ...others, newest].entries()) {
    wire.frame('SUBSCRIBE', { id: '2', destination: '/user/queue/signals', receipt: `alive-${index}` });
    await wire.receipt(`alive-${index}`);
    wire.drop();
  }
});

test('session ends when its token does', async () => {
  const exp = Math.floor(Date.now() / 1000) - 3;
  const token = server.token('expiring', 'customer', { exp });
  const wire = await Wire.session(server.ws('/ws/chat', token));
  const error = await wire.get('ERROR');
  assert.equal(error.headers.code, 'token_expired');
  assert.equal((await wire.end()).code, 4401);
});

test('session is told before its token ends', async () => {
  const exp = Math.floor(Date.now() / 1000) + 20;
  const person = await Person.connect(server, 'soon', 'customer', { url: server.ws('/ws/chat', server.token('soon', 'customer', { exp })) });
  const signal = await person.signals.find({ event: 'session.expiring' });
  assert.ok(signal);
  await person.do('/app/session.renew', { token: server.token('soon') });
  person.tell('/app/session.renew', { token: server.token('someone-else') }, { receipt: 'foreign' });
  const error = await person.errors.find({ receipt: 'foreign' });
  assert.equal(error.code, 'forbidden');
  await person.leave();
});

test('server that stops says so', async () => {
  const own = await Server.start();
  const wire = await Wire.session(own.ws('/ws/chat', own.token('7')));
  const person = await Person.connect(own, '7', 'agent');
  await own.stop();
  assert.equal((await wire.end()).code, 1001);
  assert.equal((await person.closes.find(() => true)).code, 1001);
});

test('log and metrics say why a session ended', async () => {
  const wire = await Wire.session(server.ws('/ws/chat', server.token('noted')));
  wire.frame('DISCONNECT', { receipt: 'bye' });
  await wire.receipt('bye');
  const left = await server.logged(/session ended.*customer:noted/);
  assert.match(left, /endpoint="\/ws\/chat" transport="websocket" reason="disconnect" code=1000 seconds=\d+/);
  const rude = await Wire.session(server.ws('/ws/chat', server.token('rude')));
  rude.frame('SUBSCRIBE', { id: '1', destination: '/topic/presence.customer' });
  await rude.end();
  assert.match(await server.logged(/session ended.*customer:rude/), /reason="forbidden" code=1008/);
  const { body } = await ask(`${server.url}/metrics`);
  assert.match(body, /^stompline_sessions_ended_total\{reason="disconnect"\} [1-9]/m);
  assert.match(body, /^stompline_sessions_ended_total\{reason="forbidden"\} [1-9]/m);
});

test('log says why a frame was refused, once for each session', async () => {
  const wire = await Wire.session(server.ws('/ws/chat', server.token('unlucky')));
  wire.frame('SUBSCRIBE', { id: 'e', destination: '/user/queue/errors' });
  for (const n of [1, 2, 3]) {
    wire.frame('SEND', { destination: '/app/nowhere', n });
  }
  await wire.frames.count(3, ({ command }) => command === 'MESSAGE');
  const session = wire.connected.headers.session;
  const line = await server.logged(new RegExp(`refused.*${session}`));
  assert.match(line, /code="no_handler" destination="\/app\/nowhere"/);
  wire.frame('DISCONNECT', {});
  await server.logged(new RegExp(`session ended.*${session}`));
  assert.equal(server.log.split('\n').filter(line => line.includes(session) && line.includes('refused')).length, 1);
});

test('frames are logged when asked for, without secrets', async t => {
  const talkative = await Server.for(t, { STOMPLINE_LOG__FRAMES: 'true' });
  const token = talkative.token('seen');
  const wire = await Wire.session(talkative.ws('/ws/chat', token));
  const secret = { destination: '/app/send', 'x-shown': 'shown', Authorization: 'hidden', receipt: 'sent' };
  wire.frame('SEND', secret, JSON.stringify({ text: 'unsaid' }));
  await wire.receipt('sent');
  const line = await talkative.logged(/stompline::frame.*SEND/);
  assert.match(line, /user=customer:seen/);
  assert.match(line, /x-shown=shown/);
  assert.match(line, /Authorization=\*\*\*/);
  for (const hidden of ['hidden', 'unsaid', token]) {
    assert.equal(talkative.log.includes(hidden), false, hidden);
  }
});

test('agents hear who comes and goes', async t => {
  const alone = await Server.for(t, { STOMPLINE_REDIS__GRACE_S: '0' });
  const agent = await Wire.session(alone.ws('/ws/agent', alone.token('a1', 'agent')));
  agent.frame('SUBSCRIBE', { id: 'p', destination: '/topic/presence.customer', receipt: 'live' });
  await agent.receipt('live');
  const customer = await Wire.session(alone.ws('/ws/chat', alone.token('seen')));
  const news = online => found => found.command === 'MESSAGE' && JSON.parse(found.body).online === online;
  const came = await agent.frames.find(news(true));
  assert.equal(came.headers.event, 'presence.changed');
  assert.deepEqual(JSON.parse(came.body), { userId: 'seen', realm: 'customer', online: true });
  customer.socket.terminate();
  await agent.frames.find(news(false));
});

test('endpoint may have limits of its own', async t => {
  const narrow = await Server.for(t, { STOMPLINE_ENDPOINTS__CHAT__FRAME_BYTES: '1024' });
  const long = { destination: '/app/send', receipt: 'long' };
  const body = JSON.stringify({ text: 'x'.repeat(1_500) });
  const customer = await Wire.session(narrow.ws('/ws/chat', narrow.token('c1')));
  customer.frame('SEND', long, body);
  const error = await customer.get('ERROR');
  assert.equal(error.headers.code, 'frame_too_large');
  const agent = await Wire.session(narrow.ws('/ws/agent', narrow.token('a1', 'agent')));
  agent.frame('SUBSCRIBE', { id: 'a', destination: '/user/queue/acks' });
  agent.frame('SEND', long, body);
  // It is not refused for its length, only because there is no conversation.
  const { body: ack } = await agent.get('MESSAGE', { subscription: 'a' });
  assert.equal(JSON.parse(ack).ok, false);
});
