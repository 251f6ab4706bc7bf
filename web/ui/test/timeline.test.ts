import type { Conversation, Head, OutboxItem } from '@stompline/client';
import { describe, expect, test } from 'vitest';
import { ANNA, head, LIN, message } from '../../client/test/fixture.ts';
import { type Entry, timeline } from '../src/timeline.ts';

const UTC = { timeZone: 'UTC' };

function conversation(changes: Partial<Conversation>, headChanges: Partial<Head> = {}): Conversation {
  return {
    id: 'c1',
    head: head({ lastSeq: changes.messages?.length ?? 0, ...headChanges }),
    rev: 10,
    messages: [],
    loadedFrom: 1,
    isComplete: true,
    isElsewhere: false,
    ...changes,
  };
}

function at(minute: number, day = 22): string {
  return new Date(Date.UTC(2026, 10, day, 9, minute)).toISOString();
}

function pendingItem(clientId: string, changes: Partial<OutboxItem> = {}): OutboxItem {
  return { clientId, lane: 'own', text: clientId, createdAt: Date.parse(at(30)), ...changes };
}

/** What a reader sees, in short. */
function shape(entries: readonly Entry[]): string[] {
  return entries.map(entry => {
    if (entry.kind !== 'bubble') {
      return entry.kind;
    }
    const edges = `${entry.isFirst ? '[' : ''}${entry.isLast ? ']' : ''}`;
    return `${entry.isOwn ? 'own' : 'other'} ${entry.seq ?? entry.clientId}${edges}`;
  });
}

describe('grouping', () => {
  test('messages of one sender stand together for five minutes', () => {
    const messages = [
      message(1, { createdAt: at(0) }),
      message(2, { createdAt: at(4) }),
      message(3, { createdAt: at(9) }),
      message(4, { createdAt: at(10), sender: LIN }),
    ];
    expect(shape(timeline(conversation({ messages }), { me: LIN, pending: [], ...UTC }))).toEqual([
      'day',
      'other 1[',
      'other 2]',
      'other 3[]',
      'own 4[]',
    ]);
  });

  test('new day divides a group', () => {
    const messages = [message(1, { createdAt: at(59, 21) }), message(2, { createdAt: '2026-11-22T00:01:00.000Z' })];
    expect(shape(timeline(conversation({ messages }), { me: LIN, pending: [], ...UTC }))).toEqual([
      'day',
      'other 1[]',
      'day',
      'other 2[]',
    ]);
  });

  test('clock that was set back opens no second day', () => {
    const messages = [message(1, { createdAt: at(0, 22) }), message(2, { createdAt: at(0, 21) })];
    const days = timeline(conversation({ messages }), { me: LIN, pending: [], ...UTC }).filter(({ kind }) => kind === 'day');
    expect(days).toHaveLength(1);
  });
});

describe('own messages', () => {
  test('what is on its way comes last and joins its group', () => {
    const messages = [message(1, { createdAt: at(29) })];
    const entries = timeline(conversation({ messages }), { me: ANNA, pending: [pendingItem('k7')], ...UTC });
    expect(shape(entries)).toEqual(['day', 'own 1[', 'own k7]']);
  });

  test('key stays the same when the server confirms', () => {
    const before = timeline(undefined, { me: ANNA, pending: [pendingItem('k1')], ...UTC });
    const after = timeline(conversation({ messages: [message(1)] }), { me: ANNA, pending: [], ...UTC });
    expect(before.at(-1)?.key).toBe('k1');
    expect(after.at(-1)?.key).toBe('k1');
  });

  test('status follows the pointers of the other side', () => {
    const pointers = [{ id: LIN.id, role: LIN.role, deliveredSeq: 2, readSeq: 1 }];
    const messages = [message(1), message(2), message(3)];
    const pending = [pendingItem('k8'), pendingItem('k9', { failure: 'closed' })];
    const entries = timeline(conversation({ messages }, { pointers }), { me: ANNA, pending, ...UTC });
    const statuses = entries.flatMap(entry => (entry.kind === 'bubble' ? [entry.status] : []));
    expect(statuses).toEqual(['read', 'delivered', 'sent', 'pending', 'failed']);
  });

  test('messages of others have no status', () => {
    const entries = timeline(conversation({ messages: [message(1)] }), { me: LIN, pending: [], ...UTC });
    expect(entries.at(-1)).toMatchObject({ isOwn: false, status: undefined });
  });
});

describe('lines', () => {
  const messages = [message(1, { createdAt: at(0) }), message(2, { createdAt: at(6) })];

  test('joining and closing stand where they happened', () => {
    const changes = { assignedAt: at(3), closedAt: at(8), closedBy: 'customer' as const, state: 'closed' as const };
    const entries = timeline(conversation({ messages }, changes), { me: LIN, pending: [], ...UTC });
    expect(shape(entries)).toEqual(['day', 'other 1[]', 'joined', 'other 2[]', 'closed']);
    expect(entries.at(-1)).toMatchObject({ who: ANNA });
  });

  test('joining before what is loaded is left out', () => {
    const loaded = conversation({ messages, isComplete: false }, { assignedAt: at(0, 20) });
    expect(shape(timeline(loaded, { me: LIN, pending: [], ...UTC }))).not.toContain('joined');
  });

  test('unread line stands before the first unread of others', () => {
    const all = [...messages, message(3, { sender: LIN, createdAt: at(7) }), message(4, { createdAt: at(8) })];
    const options = { me: LIN, pending: [], unreadAfter: 2, ...UTC };
    expect(shape(timeline(conversation({ messages: all }), options))).toEqual([
      'day',
      'other 1[]',
      'other 2[]',
      'own 3[]',
      'unread',
      'other 4[]',
    ]);
  });

  test('day comes before the unread line', () => {
    const options = { me: LIN, pending: [], unreadAfter: 0, ...UTC };
    expect(shape(timeline(conversation({ messages }), options)).slice(0, 2)).toEqual(['day', 'unread']);
  });
});

test('what has not changed is the same object', () => {
  const messages = [message(1, { createdAt: at(0) }), message(2, { createdAt: at(1), sender: LIN })];
  const options = { me: LIN, pending: [], ...UTC };
  const before = timeline(conversation({ messages }), options);
  const more = [...messages, message(3, { createdAt: at(2), sender: LIN })];
  const after = timeline(conversation({ messages: more }), options);
  expect(shape(after)).toEqual(['day', 'other 1[]', 'own 2[', 'own 3]']);
  expect(after[1]).toBe(before[1]);
  expect(after[2]).not.toBe(before[2]);
});
