import { expect, test } from 'vitest';
import { type Conversation, newConversation, unreadCount, waitingSince, withPage } from '../src/conversation.ts';
import type { Head, Message, Person } from '../src/wire.ts';
import { ANNA, head, LIN, message } from './fixture.ts';

function at(minute: number): string {
  return `2026-11-22T10:${String(minute).padStart(2, '0')}:00.000Z`;
}

/** A conversation in which these spoke, one a minute. */
function spoken(senders: readonly Person[], changes: Partial<Head> = {}): Conversation {
  const messages: Message[] = senders.map((sender, index) => message(index + 1, { sender, createdAt: at(index + 1) }));
  const last = messages.at(-1);
  const lastMessage = last && { seq: last.seq, sender: last.sender, text: '', createdAt: last.createdAt };
  const made = newConversation(head({ lastSeq: messages.length, lastMessage: lastMessage ?? null, ...changes }));
  return withPage(made, messages, false);
}

test.each([
  ['customer waits since the first message without an answer', [ANNA, LIN, ANNA, ANNA], {}, at(3)],
  ['nobody waits after an answer', [ANNA, ANNA, LIN], {}, undefined],
  ['customer waits since the first message of all', [ANNA, ANNA], {}, at(1)],
  ['nobody waits where nothing was said', [], {}, undefined],
  ['closed conversation waits for nobody', [ANNA], { state: 'closed' }, undefined],
  ['queue waits since it was entered', [ANNA, LIN, ANNA], { state: 'queued', queuedAt: at(0) }, at(0)],
] as const)('%s', (_, senders, changes, since) => {
  expect(waitingSince(spoken(senders, changes))).toBe(since);
});

test.each([
  ['all that is unread is on hand', { readSeq: 7, first: 8, unread: 3 }, 3],
  ['reading stopped before what is on hand', { readSeq: 2, first: 8, unread: 8 }, 8],
  ['nothing was read', { readSeq: 0, first: 8, unread: 10 }, 10],
  ['everything was read', { readSeq: 10, first: 8, unread: 3 }, 0],
])('unread are counted where %s', (_, { readSeq, first, unread }, count) => {
  const pointers = [{ id: LIN.id, role: LIN.role, deliveredSeq: 10, readSeq }];
  const page = Array.from({ length: 11 - first }, (_, index) => message(first + index));
  const made = withPage(newConversation(head({ lastSeq: 10, pointers, unread })), page, true);
  expect(unreadCount(made, LIN)).toBe(count);
});

test('without messages on hand the last one counts', () => {
  const lastMessage = { seq: 4, sender: ANNA, text: 'hello?', createdAt: at(4) };
  expect(waitingSince(newConversation(head({ lastSeq: 4, lastMessage })))).toBe(at(4));
});
