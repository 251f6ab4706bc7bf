import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { Inbox } from '../lib/inbox.mjs';
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
