import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { Server } from '../lib/server.mjs';
import { Wire } from '../lib/wire.mjs';

const KEY = 'a-key-of-the-back-end';

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_API__KEYS: KEY })));
after(() => server.stop());

const session = (id = '7', headers = {}) => Wire.session(server.ws('/ws/chat', server.token(id)), headers);

/** Publishes as a back end does; resolves with the number of deliveries. */
async function publish(destination, payload) {
  const headers = { 'authorization': `Bearer ${KEY}`, 'content-type': 'application/json' };
  const { status, json, body } = await ask(`${server.url}/api/v1/messages`, { method: 'POST', headers, body: JSON.stringify({ destination, payload }) });
  assert.equal(status, 200, body);
  return json.deliveries;
}

async function subscribe(wire, id, destination, more = {}) {
  wire.frame('SUBSCRIBE', { id, destination, receipt: `s-${id}`, ...more });
  await wire.receipt(`s-${id}`);
}

const isMessage = ({ command }) => command === 'MESSAGE';

test('receipt of SUBSCRIBE means that publishes arrive', async () => {
  for (let round = 0; round < 20; round += 1) {
    const wire = await session();
    await subscribe(wire, '1', `/topic/receipt-${round}`);
    assert.equal(await publish(`/topic/receipt-${round}`, { round }), 1);
    assert.deepEqual((await wire.get('MESSAGE')).json, { round });
    wire.drop();
  }
});

test('two subscriptions of a session get a MESSAGE each', async () => {
  const wire = await session();
  await subscribe(wire, 'a', '/topic/double');
  await subscribe(wire, 'b', '/topic/double');
  assert.equal(await publish('/topic/double', 1), 2);
  const messages = await wire.frames.count(2, isMessage);
  assert.deepEqual(messages.map(({ headers }) => headers.subscription).sort(), ['a', 'b']);
  assert.equal(new Set(messages.map(({ headers }) => headers['message-id'])).size, 2);
  wire.drop();
});

test('nothing arrives after the receipt of UNSUBSCRIBE', async () => {
  const wire = await session();
  await subscribe(wire, 'a', '/topic/leaving');
  await subscribe(wire, 'b', '/topic/leaving');
  wire.frame('UNSUBSCRIBE', { id: 'a', receipt: 'gone' });
  await wire.receipt('gone');
  assert.equal(await publish('/topic/leaving', 1), 1);
  assert.equal((await wire.get('MESSAGE')).headers.subscription, 'b');
  await subscribe(wire, 'a', '/topic/other');
  assert.equal(wire.frames.items.filter(isMessage).length, 1);
  wire.drop();
});

test('acknowledged message carries an ack and settles', async () => {
  const wire = await session();
  await subscribe(wire, '1', '/topic/acked', { ack: 'client-individual' });
  await publish('/topic/acked', 1);
  const { headers } = await wire.get('MESSAGE');
  assert.match(headers.ack, /^[^\s:\\]+$/);
  wire.frame('ACK', { id: headers.ack, receipt: 'settled' });
  await wire.receipt('settled');
  await publish('/topic/acked', 2);
  const [, second] = await wire.frames.count(2, isMessage);
  wire.frame('NACK', { id: second.headers.ack, receipt: 'refused' });
  await wire.receipt('refused');
  await publish('/topic/acked', 3);
  const [, , third] = await wire.frames.count(3, isMessage);
  wire.frame('UNSUBSCRIBE', { id: '1' });
  wire.frame('ACK', { id: third.headers.ack, receipt: 'late' });
  await wire.receipt('late');
  wire.drop();
});

test('cumulative ack settles all before it', async () => {
  const wire = await session('7', { 'accept-version': '1.1' });
  await subscribe(wire, '1', '/topic/cumulative', { ack: 'client' });
  for (let n = 1; n <= 5; n += 1) {
    await publish('/topic/cumulative', n);
  }
  const messages = await wire.frames.count(5, isMessage);
  assert.deepEqual(messages.map(({ json }) => json), [1, 2, 3, 4, 5]);
  wire.frame('ACK', { 'message-id': messages[2].headers['message-id'], 'subscription': '1', 'receipt': 'third' });
  await wire.receipt('third');
  // Settled already: no harm.
  wire.frame('ACK', { 'message-id': messages[0].headers['message-id'], 'subscription': '1', 'receipt': 'first' });
  await wire.receipt('first');
  const unsent = messages[4].headers['message-id'].replace(/\d+$/, number => Number(number) + 1_000);
  wire.frame('ACK', { 'message-id': unsent, 'subscription': '1', 'receipt': 'unsent' });
  assert.equal((await wire.get('ERROR')).headers.code, 'unknown_ack');
  await wire.end();
});

test('STOMP 1.0 subscribes and leaves by destination', async () => {
  const wire = await session('7', { 'accept-version': '1.0' });
  wire.frame('SUBSCRIBE', { destination: '/topic/old', receipt: 's' });
  await wire.receipt('s');
  assert.equal(await publish('/topic/old', 1), 1);
  assert.equal((await wire.get('MESSAGE')).headers.destination, '/topic/old');
  wire.frame('UNSUBSCRIBE', { destination: '/topic/old', receipt: 'u' });
  await wire.receipt('u');
  assert.equal(await publish('/topic/old', 2), 0);
  wire.drop();
});

test('lost connection leaves no subscription', async () => {
  const wire = await session();
  const watcher = await session('8');
  await subscribe(wire, '1', '/topic/lost');
  await subscribe(watcher, '1', '/topic/lost');
  wire.drop();
  const seen = [];
  while (seen.at(-1) !== 1 && seen.length < 500) {
    seen.push(await publish('/topic/lost', seen.length));
  }
  assert.equal(seen.at(-1), 1, 'the lost session goes away');
  const arrived = await watcher.frames.count(seen.length, isMessage);
  assert.deepEqual(arrived.map(({ json }) => json), seen.map((_, index) => index));
  watcher.drop();
});

test('reader that stops is closed, others get everything', async () => {
  const payload = 'x'.repeat(200_000);
  const [slow, quick] = [await session('slow'), await session('quick')];
  await subscribe(slow, '1', '/topic/flood');
  await subscribe(quick, '1', '/topic/flood');
  slow.socket.pause();
  let sent = 0;
  let deliveries = 2;
  while (deliveries === 2 && sent < 500) {
    sent += 1;
    deliveries = await publish('/topic/flood', { n: sent, payload });
    await quick.frames.count(sent, isMessage);
  }
  assert.equal(deliveries, 1, 'the slow one is gone');
  const arrived = quick.frames.items.filter(isMessage);
  assert.deepEqual(arrived.map(({ json }) => json.n), Array.from({ length: sent }, (_, index) => index + 1));
  slow.socket.resume();
  const { code } = await slow.end();
  assert.ok([4500, 1006].includes(code), `${code}: told if the line still carries it`);
  quick.drop();
});
