import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@stomp/stompjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

/** @type {Server} */
let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

for (const path of ['/ws/chat', '/ws/chat/websocket']) {
  test(`stompjs connects over ${path}`, async () => {
    const person = await Person.connect(server, '7', 'customer', { url: server.ws(path, server.token('7')) });
    const { headers } = person.connects.items[0];
    assert.equal(headers.version, '1.2');
    assert.equal(headers['user-name'], '7');
    assert.equal(headers['heart-beat'], '20000,45000');
    assert.match(headers.server, /^stompline\/\d/);
    assert.match(headers.session, /^[^\s:\\]+$/);
    assert.equal(person.client.webSocket.protocol, 'v12.stomp');
    await person.leave();
    assert.equal((await person.closes.find(() => true)).code, 1000);
  });
}

test('each session has a name of its own', async () => {
  const both = await Promise.all([Person.connect(server, '7'), Person.connect(server, '7')]);
  const [one, other] = both.map(person => person.connects.items[0].headers.session);
  assert.notEqual(one, other);
  await Promise.all(both.map(person => person.leave()));
});

test('token in the header connects without the query', async () => {
  const { Wire } = await import('../lib/wire.mjs');
  const wire = await Wire.session(server.ws('/ws/agent'), {}, { headers: { authorization: `Bearer ${server.token('a', 'agent')}` } });
  assert.equal(wire.connected.headers['user-name'], 'a');
  wire.drop();
});

test('large message in split frames arrives whole', async () => {
  const person = await Person.connect(server, 'split', 'customer', { splitLargeFrames: true });
  const text = 'ä€𝄞x'.repeat(1_900);
  const ack = await person.say(text);
  assert.equal(ack.ok, true);
  const message = await person.messages.find({ event: 'message.created' });
  assert.equal(message.text, text);
  await person.leave();
});

test('oldest protocol version still talks', async () => {
  const client = new Client({
    brokerURL: server.ws('/ws/chat', server.token('old')),
    reconnectDelay: 0,
    stompVersions: { versions: '1.0', supportedVersions: () => '1.0', protocolVersions: () => ['v10.stomp'] },
  });
  const connected = await new Promise((resolve, reject) => {
    client.onConnect = resolve;
    client.onStompError = frame => reject(new Error(frame.headers.message));
    client.activate();
  });
  assert.equal(connected.headers.version, '1.0');
  await client.deactivate();
});
