import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { Inbox } from '../lib/inbox.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

/** @type {Server} */
let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

test('plainest front end gets its own message back', async () => {
  const token = await server.printedToken('--user', '7', '--type', 'customer');
  const arrived = new Inbox('/user/queue/messages');

  const stompClient = new Client({
    webSocketFactory: () => new SockJS(`${server.url}/ws/chat?token=${token}`),
    reconnectDelay: 5000,
  });
  stompClient.onConnect = () => {
    stompClient.subscribe('/user/queue/messages', msg => {
      arrived.add(JSON.parse(msg.body));
    });
    stompClient.publish({ destination: '/app/send', body: JSON.stringify({ content: 'hi' }) });
  };
  stompClient.activate();

  const message = await arrived.find({ event: 'message.created' });
  assert.equal(message.seq, 1);
  assert.equal(message.text, 'hi');
  assert.deepEqual(message.content, { text: 'hi' });
  assert.equal(message.sender.id, '7');
  assert.equal(message.sender.role, 'customer');
  await stompClient.deactivate();
});

test('front end reconnects by itself after restart', async () => {
  const token = server.token('8');
  const connects = new Inbox('connects');
  const arrived = new Inbox('/user/queue/messages');
  const stompClient = new Client({
    webSocketFactory: () => new SockJS(`${server.url}/ws/chat?token=${token}`),
    reconnectDelay: 50,
  });
  stompClient.onConnect = () => {
    stompClient.subscribe('/user/queue/messages', msg => arrived.add(JSON.parse(msg.body)));
    connects.add({});
  };
  stompClient.activate();
  await connects.count(1);
  stompClient.publish({ destination: '/app/send', body: JSON.stringify({ content: 'before' }) });
  await arrived.find({ event: 'message.created', text: 'before', seq: 1 });

  await server.kill();
  await server.restart();

  await connects.count(2);
  stompClient.publish({ destination: '/app/send', body: JSON.stringify({ text: 'after' }) });
  await arrived.find({ event: 'message.created', text: 'after', seq: 2 });
  await stompClient.deactivate();
});

test('front end asks for what it missed', async () => {
  // As in docs/wire.md, "Coming back".
  const token = server.token('10');
  const shown = new Map();
  const arrived = new Inbox('messages');
  const connects = new Inbox('connects');
  const show = message => {
    if (!shown.has(message.id)) {
      shown.set(message.id, message);
      arrived.add(message);
    }
  };
  let cursor = 0;
  const client = new Client({
    webSocketFactory: () => new SockJS(`${server.url}/ws/chat?token=${token}`),
    reconnectDelay: 50,
  });
  const sync = () => client.publish({ destination: '/app/sync', body: JSON.stringify({ since: cursor }) });
  client.onConnect = () => {
    client.subscribe('/user/queue/messages', ({ body, headers }) => {
      if (headers.event === 'message.created') {
        show(JSON.parse(body));
      }
    });
    client.subscribe('/user/queue/sync', ({ body }) => {
      const page = JSON.parse(body);
      page.messages.forEach(show);
      cursor = page.cursor;
      if (page.more) {
        sync();
      }
    });
    sync();
    connects.add({});
  };
  client.activate();
  await connects.count(1);
  client.publish({ destination: '/app/send', body: JSON.stringify({ text: 'from here' }) });
  const { conversationId } = await arrived.find({ text: 'from here' });

  await client.deactivate();
  const agent = await Person.connect(server, 'a10', 'agent');
  await agent.command('/app/agent.take', { conversationId });
  for (let n = 0; n < 5; n += 1) {
    await agent.say(`missed ${n}`, { conversationId });
  }
  client.activate();
  await arrived.find({ text: 'missed 4' });
  await agent.say('live again', { conversationId });
  await arrived.find({ text: 'live again' });
  const texts = arrived.items.toSorted((a, b) => a.seq - b.seq).map(({ text }) => text);
  assert.deepEqual(texts, ['from here', 'missed 0', 'missed 1', 'missed 2', 'missed 3', 'missed 4', 'live again']);
  await client.deactivate();
  await agent.leave();
});

test('refused token is told to SockJS front end', async () => {
  const closes = new Inbox('closes');
  const stompClient = new Client({
    webSocketFactory: () => new SockJS(`${server.url}/ws/chat?token=wrong`),
    reconnectDelay: 0,
    onWebSocketClose: event => closes.add({ code: event.code, reason: event.reason }),
    onConnect: () => closes.add({ code: 0, reason: 'connected' }),
  });
  stompClient.activate();
  // In Node the library has this code for every failure of its first request.
  assert.equal((await closes.find(() => true)).code, 1002);
  await stompClient.deactivate();
});

test('SockJS front end hears why it was ended', async () => {
  const closes = new Inbox('closes');
  const connects = new Inbox('connects');
  const stompClient = new Client({
    webSocketFactory: () => new SockJS(`${server.url}/ws/chat?token=${server.token('9')}`),
    reconnectDelay: 0,
    onStompError: ({ headers }) => closes.add({ error: headers.code }),
    onWebSocketClose: event => closes.add({ code: event.code, reason: event.reason }),
    onConnect: () => connects.add({}),
  });
  stompClient.activate();
  await connects.count(1);
  stompClient.publish({ destination: '/topic/news', body: '{}' });
  await closes.find({ error: 'forbidden' });
  await closes.find({ code: 1008 });
  await stompClient.deactivate();
});
