import { expect, test } from 'vitest';
import type { Conversation } from '@stompline/client';
import { head, LIN, ANNA, message } from '../../client/test/fixture.ts';
import { newConversation, withPage } from '../../client/src/conversation.ts';
import { byClosing, byWaiting } from '../src/order.ts';

function at(minute: number): string {
  return `2026-11-22T10:${String(minute).padStart(2, '0')}:00.000Z`;
}

/** A conversation in which people spoke at these minutes. */
function spoken(id: string, ...said: Array<readonly ['customer' | 'agent', number]>): Conversation {
  const messages = said.map(([role, minute], index) =>
    message(index + 1, { sender: role === 'customer' ? ANNA : LIN, createdAt: at(minute), conversationId: id }),
  );
  const last = messages.at(-1);
  const lastMessage = last && { seq: last.seq, sender: last.sender, text: '', createdAt: last.createdAt };
  return withPage(newConversation(head({ id, lastSeq: said.length, lastMessage: lastMessage ?? null })), messages, false);
}

test('who waits longest comes first, whoever wrote last', () => {
  const conversations = [
    spoken('answered early', ['customer', 1], ['agent', 2]),
    spoken('waits since 5', ['customer', 1], ['agent', 4], ['customer', 5], ['customer', 30]),
    spoken('waits since 20', ['customer', 20]),
    spoken('answered late', ['customer', 3], ['agent', 25]),
    spoken('waits since 3', ['customer', 3]),
  ];
  expect(byWaiting(conversations).map(({ id }) => id)).toEqual([
    'waits since 3',
    'waits since 5',
    'waits since 20',
    'answered late',
    'answered early',
  ]);
});

test('last closed comes first', () => {
  const closed = [3, 9, 6].map(minute => newConversation(head({ id: `${minute}`, state: 'closed', closedAt: at(minute) })));
  expect(byClosing(closed).map(({ id }) => id)).toEqual(['9', '6', '3']);
});
