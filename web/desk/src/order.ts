import { type Conversation, waitingSince } from '@stompline/client';

/** Who waits longest for an answer comes first; after them those who wait for none, the last active first. */
export function byWaiting(conversations: readonly Conversation[]): Conversation[] {
  return conversations
    .map(conversation => ({ conversation, since: waitingSince(conversation), last: lastAt(conversation) }))
    .sort((a, b) => compare(a.since ?? AFTER_ALL, b.since ?? AFTER_ALL) || compare(b.last, a.last))
    .map(({ conversation }) => conversation);
}

/** The last closed first. */
export function byClosing(conversations: readonly Conversation[]): Conversation[] {
  return [...conversations].sort((a, b) => compare(b.head.closedAt ?? '', a.head.closedAt ?? ''));
}

/** Behind every time that begins with a digit. */
const AFTER_ALL = '~';

/** Times of one form, in UTC: their order is that of their characters, which is found much faster than by language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lastAt({ head }: Conversation): string {
  return head.lastMessage?.createdAt ?? head.assignedAt ?? head.createdAt;
}
