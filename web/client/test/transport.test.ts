import { expect, test } from 'vitest';
import { sockJsUrl, TransportChoice, webSocketUrl } from '../src/transport.ts';

test('first websocket failure turns to sockjs at once', () => {
  const choice = new TransportChoice();
  expect(choice.next).toBe('websocket');
  expect(choice.failed('websocket')).toBe(true);
  expect(choice.next).toBe('sockjs');
});

test('both failing means waiting before websocket again', () => {
  const choice = new TransportChoice();
  choice.failed('websocket');
  expect(choice.failed('sockjs')).toBe(false);
  expect(choice.next).toBe('websocket');
});

test('sockjs that works is kept', () => {
  const choice = new TransportChoice();
  choice.failed('websocket');
  choice.opened('sockjs');
  expect(choice.next).toBe('sockjs');
});

test('websocket that worked is not given up lightly', () => {
  const choice = new TransportChoice();
  choice.opened('websocket');
  const turns = Array.from({ length: 4 }, () => choice.failed('websocket'));
  expect(turns).toEqual([false, false, false, true]);
  expect(choice.next).toBe('sockjs');
  choice.opened('sockjs');
  expect(choice.next).toBe('websocket');
});

test('addresses carry the token in the query', () => {
  const address = { endpoint: 'https://example.test/ws/chat', token: 'a.b+c' };
  expect(webSocketUrl(address)).toBe('wss://example.test/ws/chat/websocket?token=a.b%2Bc');
  expect(sockJsUrl(address)).toBe('https://example.test/ws/chat?token=a.b%2Bc');
});
