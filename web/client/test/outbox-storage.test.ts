// @vitest-environment happy-dom
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  IndexedOutbox,
  LocalOutbox,
  MemoryOutbox,
  openOutboxStorage,
  type OutboxItem,
  type OutboxStorage,
} from '../src/outbox-storage.ts';

const item = (clientId: string, changes: Partial<OutboxItem> = {}): OutboxItem => ({
  clientId,
  lane: 'own',
  text: '你好',
  createdAt: 1,
  ...changes,
});

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  localStorage.clear();
});

type Open = (owner: string) => Promise<OutboxStorage>;

const lasting: Array<[string, Open]> = [
  ['IndexedDB', owner => IndexedOutbox.open(owner)],
  ['localStorage', async owner => new LocalOutbox(localStorage, owner)],
];

describe.each([...lasting, ['memory', async () => new MemoryOutbox()] as [string, Open]])('%s', (_, open) => {
  test('items come back as they were put', async () => {
    const storage = await open('ann');
    await storage.put(item('k1'));
    await storage.put(item('k2', { conversationId: 'c1', failure: 'closed' }));
    await storage.put(item('k1', { text: 'changed' }));
    await storage.remove('k3');
    const items = await storage.load();
    expect(items.sort((a, b) => a.clientId.localeCompare(b.clientId))).toEqual([
      item('k1', { text: 'changed' }),
      item('k2', { conversationId: 'c1', failure: 'closed' }),
    ]);
    await storage.remove('k1');
    expect(await storage.load()).toHaveLength(1);
  });
});

describe.each(lasting)('%s', (_, open) => {
  test('items outlive the page that put them', async () => {
    await (await open('ann')).put(item('k1'));
    expect(await (await open('ann')).load()).toEqual([item('k1')]);
  });

  test('owners do not see each other', async () => {
    await (await open('ann')).put(item('k1'));
    expect(await (await open('bob')).load()).toEqual([]);
  });
});

test('localStorage steps in where IndexedDB is refused', async () => {
  vi.stubGlobal('indexedDB', {
    open: () => {
      throw new DOMException('denied', 'SecurityError');
    },
  });
  expect(await openOutboxStorage('ann')).toBeInstanceOf(LocalOutbox);
});

test('unreadable entries are left out', async () => {
  localStorage.setItem('stompline-outbox:ann:k1', '{"clientId":');
  localStorage.setItem('stompline-outbox:ann:k2', '{"clientId":"k2"}');
  expect(await new LocalOutbox(localStorage, 'ann').load()).toEqual([]);
});
