import { expect, test } from 'vitest';
import type { Conversation, Head } from '@stompline/client';
import { ANNA, BO, head, LIN } from '../../client/test/fixture.ts';
import { newConversation } from '../../client/src/conversation.ts';
import { NewsFinder } from '../src/news.ts';

const AT = '2026-11-22T10:00:00.000Z';

function mine(id: string, lastSeq: number, sender = ANNA): Conversation {
  return newConversation(head({ id, lastSeq, lastMessage: { seq: lastSeq, sender, text: 'hello', createdAt: AT } }));
}

function waiting(id: string, changes: Partial<Head> = {}): Conversation {
  return newConversation(head({ id, state: 'queued', assignee: null, queuedAt: AT, ...changes }));
}

/** What a finder that saw `before` finds in `after`. */
function found(before: [Conversation[], Conversation[]], after: [Conversation[], Conversation[]]): string[] {
  const finder = new NewsFinder();
  expect(finder.look(...before, LIN)).toEqual([]);
  return finder.look(...after, LIN).map(({ kind, conversation }) => `${kind} ${conversation.id}`);
}

test.each<[string, [Conversation[], Conversation[]], [Conversation[], Conversation[]], string[]]>([
  ['nothing changed', [[mine('a', 3)], [waiting('b')]], [[mine('a', 3)], [waiting('b')]], []],
  ['customer writes', [[mine('a', 3)], []], [[mine('a', 5)], []], ['message a']],
  ['agent answers, perhaps in another tab', [[mine('a', 3)], []], [[mine('a', 4, LIN)], []], []],
  ['colleague writes', [[mine('a', 3)], []], [[mine('a', 4, BO)], []], ['message a']],
  ['somebody begins to wait', [[], [waiting('b')]], [[], [waiting('b'), waiting('c')]], ['waiting c']],
  ['who waits writes more', [[], [waiting('b', { lastSeq: 1 })]], [[], [waiting('b', { lastSeq: 2 })]], []],
  ['somebody waits again', [[], [waiting('b')]], [[], [waiting('b', { queuedAt: '2026-11-22T11:00:00.000Z' })]], ['waiting b']],
  ['taking is no news', [[], [waiting('b', { lastSeq: 2 })]], [[mine('b', 2)], []], []],
  ['who was just taken writes', [[], [waiting('b', { lastSeq: 2 })]], [[mine('b', 3)], []], ['message b']],
  ['conversation is handed over', [[], []], [[mine('b', 3)], []], ['message b']],
  ['closing is no news', [[mine('a', 3)], []], [[], []], []],
])('%s', (_, before, after, news) => {
  expect(found(before, after)).toEqual(news);
});

test('what was there before is no news', () => {
  expect(new NewsFinder().look([mine('a', 3)], [waiting('b')], LIN)).toEqual([]);
});
