import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { counting } from '../lib/proxy.mjs';
import { Server } from '../lib/server.mjs';
import { connectOver, flood, NASTY, NODE_TRANSPORTS, sockjs, transportOf, watch } from '../lib/transport.mjs';

const KEY = 'a-key-of-the-back-end';
const SENDS = 10_000;

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_API__KEYS: KEY, STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0' })));
after(() => server.stop());

for (const transport of NODE_TRANSPORTS) {
  describe(transport, () => {
    test('same identity, heart-beats and session as over WebSocket', async () => {
      const person = await connectOver(transport, server, `same-${transport}`);
      assert.equal(transportOf(person), transport);
      const { headers } = person.connects.items[0];
      assert.equal(headers['user-name'], `same-${transport}`);
      assert.equal(headers['heart-beat'], '20000,45000');
      assert.equal(headers.version, '1.2');
      await person.leave();
      assert.equal((await person.closes.find(() => true)).code, 1000);
    });

    test('customer and agent talk', async () => {
      const customer = await connectOver(transport, server, `talk-${transport}`);
      const agent = await connectOver(transport, server, 'helper', 'agent');
      const { conversationId } = await customer.say('hello');
      assert.equal((await agent.command('/app/agent.take', { conversationId })).ok, true);
      await agent.say('how can I help?', { conversationId });
      const answer = await customer.messages.find({ event: 'message.created', text: 'how can I help?' });
      assert.equal(answer.sender.role, 'agent');
      await Promise.all([customer.leave(), agent.leave()]);
    });

    test('nasty text arrives as it was written', async () => {
      const person = await connectOver(transport, server, `nasty-${transport}`);
      const inbox = await person.listen(`/topic/nasty-${transport}`);
      const body = JSON.stringify({ destination: `/topic/nasty-${transport}`, payload: { text: NASTY } });
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
      await ask(`${server.url}/api/v1/messages`, { method: 'POST', headers, body });
      assert.equal((await inbox.find(() => true)).text, NASTY);
      const text = NASTY.replace(/[\u0000-\u001f\u007f]/g, ' ');
      await person.say(text);
      const echoed = await person.messages.find({ event: 'message.created' });
      assert.equal(echoed.text.trim(), text.trim());
      await person.leave();
    });

    test('flood both ways stays whole and in order', async () => {
      const person = await connectOver(transport, server, `flood-${transport}`, 'customer', { queues: ['errors'] });
      const { texts, seqs, receipts } = await flood(person, SENDS);
      const inOrder = Array.from({ length: SENDS }, (_, n) => n);
      assert.deepEqual(texts, inOrder.map(n => `n${n} %41 😀`));
      assert.deepEqual(seqs, inOrder.map(n => n + 1));
      assert.deepEqual(receipts, inOrder);
      assert.deepEqual(person.closes.items, []);
      await person.leave();
    });

    test('ERROR and close code arrive', async () => {
      const { client, events } = watch(() => sockjs(`${server.url}/ws/chat?token=${server.token(`err-${transport}`)}`, transport));
      await events.find({ kind: 'connected' });
      client.publish({ destination: '/topic/news', body: '{}' });
      await events.find({ kind: 'error', code: 'forbidden' });
      await events.find({ kind: 'closed', code: 1008 });
      await client.deactivate();
    });

    test('front end comes back by itself after a crash', async t => {
      // Not every transport notices by itself that its server is gone; heart-beats do.
      const own = await Server.for(t, { STOMPLINE_HEARTBEAT__SEND_MS: '400' });
      const token = own.token('back');
      const options = { reconnectDelay: 50, heartbeatIncoming: 400 };
      const { client, events } = watch(() => sockjs(`${own.url}/ws/chat?token=${token}`, transport), options);
      await events.count(1, { kind: 'connected' });
      await own.kill();
      await events.find({ kind: 'closed' });
      await own.restart();
      await events.count(2, { kind: 'connected' });
      await client.deactivate();
    });

    test('server that stops says so', async () => {
      const own = await Server.start();
      const { client, events } = watch(() => sockjs(`${own.url}/ws/chat?token=${own.token('stop')}`, transport));
      await events.find({ kind: 'connected' });
      await own.stop();
      await events.find({ kind: 'closed', code: 1001 });
      await client.deactivate();
    });

    test('heart-beats keep an idle session', async t => {
      const own = await Server.for(t, { STOMPLINE_HEARTBEAT__SEND_MS: '400', STOMPLINE_HEARTBEAT__RECEIVE_MS: '400' });
      const beats = new Inbox('beats');
      const { client, events } = watch(() => sockjs(`${own.url}/ws/chat?token=${own.token('beat')}`, transport), {
        heartbeatIncoming: 400,
        heartbeatOutgoing: 400,
        debug: text => /Received data|<<< PONG/i.test(text) && beats.add(text),
      });
      await events.find({ kind: 'connected' });
      // Far longer than three silent intervals: both sides would have given up.
      await beats.count(5);
      assert.equal(events.items.filter(({ kind }) => kind === 'closed').length, 0);
      await client.deactivate();
    });
  });
}

test('short responses roll over without loss', async t => {
  const settings = { STOMPLINE_ENDPOINTS__CHAT__SOCKJS_RESPONSE_BYTES: '4096', STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0' };
  const own = await Server.for(t, settings);
  for (const transport of ['xhr-streaming', 'eventsource']) {
    const person = await connectOver(transport, own, `roll-${transport}`, 'customer', { queues: ['errors'] });
    const { seqs } = await flood(person, 100);
    assert.deepEqual(seqs, Array.from({ length: 100 }, (_, n) => n + 1));
    assert.deepEqual(person.closes.items, []);
    await person.leave();
  }
});

test('refused token is told at once and walks through no transports', async t => {
  const proxy = await counting(t, server.port);
  for (const [token, type] of [['wrong', 'chat'], [server.token('7', 'customer'), 'agent'], [server.token('7', 'customer', { exp: 1 }), 'chat']]) {
    proxy.requests.length = 0;
    const { client, events } = watch(() => sockjs(`${proxy.url}/ws/${type}?token=${token}`, NODE_TRANSPORTS));
    const { code } = await events.find({ kind: 'closed' });
    assert.equal(code, 1002);
    assert.deepEqual(proxy.requests.map(({ path }) => path), [`/ws/${type}/info`]);
    await client.deactivate();
  }
});

test('session of one user cannot be used by another', async () => {
  const path = '/ws/chat/000/stolenid';
  const [anna, eve] = ['anna', 'eve'].map(name => server.token(name));
  const post = (what, token, body = '') => ask(`${server.url}${path}/${what}?token=${token}`, { method: 'POST', body });
  assert.equal((await post('xhr', anna)).body, 'o\n');
  const sent = await post('xhr_send', eve, '["x"]');
  const unknown = await ask(`${server.url}/ws/chat/000/unknown/xhr_send?token=${eve}`, { method: 'POST', body: '["x"]' });
  assert.deepEqual([sent.status, sent.body], [404, '']);
  assert.deepEqual([sent.status, sent.body], [unknown.status, unknown.body]);
  assert.equal((await post('xhr', eve)).body, 'o\n', 'she has a session of her own');
  assert.equal((await post('xhr_send', 'wrong', '["x"]')).status, 401);
  assert.equal((await ask(`${server.url}${path}/xhr_send`, { method: 'POST', body: '["x"]' })).status, 401);
  const connect = JSON.stringify(['CONNECT\naccept-version:1.2\n\n\0']);
  assert.equal((await post('xhr_send', anna, connect)).status, 204);
  const { body } = await post('xhr', anna);
  assert.match(body, /^a\["CONNECTED\\n.*user-name:anna/);
  assert.doesNotMatch(body, /stolenid/, 'the session has a name of its own');
});

test('token may expire while its session polls', async t => {
  const own = await Server.for(t, { STOMPLINE_AUTH__LEEWAY_S: '0', STOMPLINE_AUTH__EXPIRY_NOTICE_S: '1' });
  const soon = Math.floor(Date.now() / 1000) + 3;
  const token = own.token('late', 'customer', { exp: soon });
  const { client, events } = watch(() => sockjs(`${own.url}/ws/chat?token=${token}`, 'xhr-polling'));
  await events.find({ kind: 'connected' });
  await events.find({ kind: 'error', code: 'token_expired' });
  await events.find({ kind: 'closed', code: 4401 });
  await client.deactivate();
});

test('restricted origins hold on every path', async t => {
  const own = await Server.for(t, { STOMPLINE_ENDPOINTS__CHAT__ORIGINS: 'https://shop.example' });
  const token = own.token('7');
  const call = (path, origin, method = 'GET') =>
    ask(`${own.url}/ws/chat${path}?token=${token}&c=x`, { method, headers: origin === undefined ? {} : { origin } });
  const paths = [['', 'GET'], ['/info', 'GET'], ['/0/a/xhr', 'POST'], ['/0/b/xhr_streaming', 'POST'], ['/0/c/xhr_send', 'POST'], ['/0/d/eventsource', 'GET'], ['/0/e/htmlfile', 'GET']];
  for (const [path, method] of paths) {
    assert.equal((await call(path, 'https://evil.example', method)).status, 403, path);
  }
  for (const [n, origin] of [undefined, 'https://shop.example'].entries()) {
    assert.equal((await call(`/0/f${n}/xhr`, origin, 'POST')).status, 200);
    for (const path of ['/iframe.html', '/0/g/jsonp']) {
      assert.equal((await call(path, origin)).status, 404, path);
    }
  }
});
