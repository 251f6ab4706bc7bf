import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { shownMessages, ticksOf, unreadCount } from '../src/conversation.ts';
import { GAP_WAIT_MS, Ledger } from '../src/ledger.ts';
import type { Bootstrap, Head, Message, SyncReply } from '../src/wire.ts';
import { ANNA, BO, created, head, LIN, lifecycle, message, pointed } from './fixture.ts';

let ledger: Ledger;
let asked: number;
let holes: Array<{ conversationId: string; after: number }>;

beforeEach(() => {
  vi.useFakeTimers();
  ledger = new Ledger();
  asked = 0;
  holes = [];
  ledger.behind.on(() => {
    asked += 1;
  });
  ledger.hole.on(hole => holes.push(hole));
});
afterEach(() => void vi.useRealTimers());

function bootstrap(changes: Partial<Bootstrap> = {}): void {
  ledger.bootstrap({
    replyTo: 'bootstrap',
    me: LIN,
    conversations: [{ ...head(), messages: [], more: false }],
    more: false,
    cursor: 10,
    serverTime: '2026-11-22T09:30:12.123Z',
    ...changes,
  });
}

function sync(conversations: Head[], messages: Message[], changes: Partial<SyncReply> = {}): void {
  ledger.sync({ replyTo: 'sync', cursor: 100, more: false, conversations, messages, gone: [], ...changes });
}

function held(): { rev: number; seqs: number[] } {
  const conversation = ledger.conversations.get('c1');
  return { rev: conversation?.rev ?? -1, seqs: conversation?.messages.map(({ seq }) => seq) ?? [] };
}

describe('the chain', () => {
  test('event that follows is applied', () => {
    bootstrap();
    ledger.event(created(1));
    ledger.event(pointed(12, 11, ANNA, 1, 0));
    ledger.event(created(2, 12, { rev: 13 }));
    expect(held()).toEqual({ rev: 13, seqs: [1, 2] });
    expect(asked).toBe(0);
  });

  test('event known already is ignored', () => {
    bootstrap();
    ledger.event(created(1));
    ledger.event(created(1, 10, { content: { text: 'other' } }));
    expect(ledger.conversations.get('c1')?.messages).toMatchObject([{ content: { text: 'text 1' } }]);
  });

  test('event before its turn waits for its predecessor', () => {
    bootstrap();
    ledger.event(created(2));
    ledger.event(created(3));
    expect(held()).toEqual({ rev: 10, seqs: [] });
    ledger.event(created(1));
    expect(held()).toEqual({ rev: 13, seqs: [1, 2, 3] });
    vi.advanceTimersByTime(GAP_WAIT_MS);
    expect(asked).toBe(0);
  });

  test('predecessor that does not come is asked for', () => {
    bootstrap();
    ledger.event(created(2));
    vi.advanceTimersByTime(GAP_WAIT_MS - 1);
    expect(asked).toBe(0);
    vi.advanceTimersByTime(1);
    expect(asked).toBe(1);
    sync([head({ rev: 12, lastSeq: 2 })], [message(1), message(2)]);
    ledger.event(created(3));
    expect(held()).toEqual({ rev: 13, seqs: [1, 2, 3] });
  });

  test('gap that no sync closes is not asked for forever', () => {
    bootstrap();
    ledger.event(created(2));
    for (let round = 0; round < 5; round += 1) {
      vi.advanceTimersByTime(GAP_WAIT_MS);
      sync([], []);
    }
    expect(asked).toBe(2);
    expect(held()).toEqual({ rev: 12, seqs: [2] });
  });

  test('head of a lifecycle event replaces the held one', () => {
    bootstrap();
    ledger.event(lifecycle('conversation.closed', 10, { rev: 11, state: 'closed', closedBy: 'agent' }));
    expect(ledger.conversations.get('c1')?.head).toMatchObject({ state: 'closed', closedBy: 'agent' });
  });

  test('older head never wins', () => {
    bootstrap();
    ledger.event(created(1));
    sync([head({ rev: 9, state: 'queued' })], []);
    expect(ledger.conversations.get('c1')).toMatchObject({ rev: 11, head: { state: 'active' } });
  });

  test('any order of delivery ends the same', () => {
    const events = [created(1), pointed(12, 11, ANNA, 1, 1), created(2, 12, { rev: 13 }), created(3, 13, { rev: 14 })];
    for (const order of [[3, 2, 1, 0], [1, 0, 3, 2], [2, 0, 0, 3, 1, 1]]) {
      ledger = new Ledger();
      bootstrap();
      for (const index of order) {
        const event = events[index];
        if (event !== undefined) {
          ledger.event(event);
        }
      }
      expect(held(), String(order)).toEqual({ rev: 14, seqs: [1, 2, 3] });
    }
  });
});

describe('the cursor', () => {
  test('live event does not move it', () => {
    bootstrap();
    ledger.event(created(1));
    expect(ledger.cursor).toBe(10);
  });

  test('sync moves it page by page', () => {
    bootstrap();
    sync([], [message(1)], { cursor: 11, more: true });
    expect(ledger.cursor).toBe(11);
    sync([head({ rev: 12, lastSeq: 2 })], [message(2)], { cursor: 12 });
    expect(ledger.cursor).toBe(12);
    expect(held()).toEqual({ rev: 12, seqs: [1, 2] });
  });

  test('checkpoint moves it when nothing is missing', () => {
    bootstrap();
    ledger.event(created(1));
    ledger.checkpoint(40, { c1: 11 });
    expect(ledger.cursor).toBe(40);
    expect(asked).toBe(0);
  });

  test('checkpoint ahead of what is held asks', () => {
    bootstrap();
    ledger.checkpoint(40, { c1: 12 });
    ledger.checkpoint(40, { c9: 3 });
    expect(ledger.cursor).toBe(10);
    expect(asked).toBe(2);
  });

  test('archive brings heads and leaves it', () => {
    bootstrap();
    ledger.archive([head({ id: 'c0', rev: 5, state: 'closed', lastSeq: 3 })]);
    expect(ledger.conversations.has('c0')).toBe(true);
    expect(ledger.cursor).toBe(10);
  });
});

describe('what is gone', () => {
  test('sync and checkpoint remove it', () => {
    bootstrap();
    sync([], [], { gone: ['c1'] });
    expect(ledger.conversations.size).toBe(0);
    bootstrap();
    ledger.checkpoint(20, {}, ['c1']);
    expect(ledger.conversations.size).toBe(0);
  });

  test('new bootstrap keeps nothing it does not name', () => {
    bootstrap();
    bootstrap({ conversations: [], cursor: 3 });
    expect(ledger.conversations.size).toBe(0);
    expect(ledger.cursor).toBe(3);
  });
});

describe('history', () => {
  test('messages before a hole are not shown', () => {
    bootstrap({ conversations: [{ ...head({ rev: 60, lastSeq: 50 }), messages: [message(49), message(50)], more: true }] });
    sync([], [message(3, { rev: 99 })]);
    const conversation = ledger.conversations.get('c1');
    expect(conversation && shownMessages(conversation).map(({ seq }) => seq)).toEqual([49, 50]);
  });

  test('older page joins in front', () => {
    bootstrap({ conversations: [{ ...head({ rev: 14, lastSeq: 4 }), messages: [message(3), message(4)], more: true }] });
    ledger.history({ replyTo: 'history', conversationId: 'c1', messages: [message(1), message(2)], more: false }, false);
    const conversation = ledger.conversations.get('c1');
    expect(conversation && shownMessages(conversation).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(conversation?.isComplete).toBe(true);
  });

  test('messages that only the head knows of are fetched', () => {
    bootstrap();
    ledger.event(created(1));
    sync([head({ rev: 30, lastSeq: 3 })], []);
    expect(holes).toEqual([{ conversationId: 'c1', after: 1 }]);
    ledger.history({ replyTo: 'history', conversationId: 'c1', messages: [message(2), message(3)], more: false }, true);
    expect(held().seqs).toEqual([1, 2, 3]);
    expect(holes).toHaveLength(1);
  });
});

describe('the queue', () => {
  const waiting = (id: string, rev: number, queuedAt: string): Head =>
    head({ id, rev, state: 'queued', assignee: null, queuedAt, lastSeq: 1 });
  const snapshot = (): void =>
    bootstrap({
      conversations: [],
      queue: { groupId: 'default', version: 5, waiting: 1, entries: [waiting('q1', 4, '2026-01-01T00:00:02.000Z')] },
    });
  const change = { event: 'queue.changed', groupId: 'default' } as const;

  test('changes add and remove, longest wait first', () => {
    snapshot();
    const earlier = waiting('q2', 6, '2026-01-01T00:00:01.000Z');
    ledger.queue({ ...change, version: 6, prev: 5, waiting: 2, entries: [earlier], removed: [] });
    expect(ledger.queued.map(({ id }) => id)).toEqual(['q2', 'q1']);
    ledger.queue({ ...change, version: 7, prev: 6, waiting: 1, entries: [], removed: ['q2'] });
    expect(ledger.queued.map(({ id }) => id)).toEqual(['q1']);
    expect(ledger.waiting).toBe(1);
    expect(asked).toBe(0);
  });

  test('missed change asks', () => {
    snapshot();
    ledger.queue({ ...change, version: 9, prev: 8, waiting: 1, entries: [], removed: [] });
    expect(asked).toBe(1);
  });

  test('change known already is ignored', () => {
    snapshot();
    ledger.queue({ ...change, version: 5, prev: 4, waiting: 9, entries: [], removed: ['q1'] });
    expect(ledger.queued).toHaveLength(1);
  });

  test('taken conversation comes back with its next head', () => {
    snapshot();
    ledger.queue({ ...change, version: 6, prev: 5, waiting: 0, entries: [], removed: ['q1'] });
    expect(ledger.conversations.get('q1')?.isElsewhere).toBe(true);
    ledger.event(lifecycle('conversation.assigned', 4, { id: 'q1', rev: 6, lastSeq: 1 }));
    expect(ledger.conversations.get('q1')).toMatchObject({ isElsewhere: false, head: { state: 'active' } });
  });

  test('long queue is fetched on as it is worked off', () => {
    bootstrap({
      conversations: [],
      queue: { groupId: 'default', version: 5, waiting: 400, entries: [waiting('q1', 4, '2026-01-01T00:00:02.000Z')] },
    });
    expect(ledger.needsQueue).toBe(true);
    expect(ledger.waiting).toBe(400);
  });
});

describe('what is shown of it', () => {
  test('unread counts the others since one last read or spoke', () => {
    bootstrap();
    ledger.event(created(1));
    ledger.event(created(2, 11, { sender: LIN }));
    ledger.event(created(3));
    ledger.event(created(4));
    const count = (): number => {
      const conversation = ledger.conversations.get('c1');
      return conversation === undefined ? -1 : unreadCount(conversation, LIN);
    };
    expect(count()).toBe(2);
    ledger.event(pointed(15, 14, LIN, 4, 3));
    expect(count()).toBe(1);
  });

  test('tick is the furthest that the other side got', () => {
    const pointers = [
      { id: 'agt_1', role: 'agent' as const, deliveredSeq: 5, readSeq: 3 },
      { id: 'cus_1', role: 'customer' as const, deliveredSeq: 9, readSeq: 9 },
      { id: BO.id, role: 'agent' as const, deliveredSeq: 4, readSeq: 4 },
    ];
    const ticks = [4, 5, 6].map(ticksOf(head({ pointers }), 'customer'));
    expect(ticks).toEqual(['read', 'delivered', 'sent']);
  });
});
