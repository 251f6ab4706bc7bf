import { type Conversation, isSame, type Person } from '@stompline/client';

/** A customer began to wait for an agent, or wrote to this one. */
export interface News {
  kind: 'waiting' | 'message';
  conversation: Conversation;
}

/**
 * Finds what is new to an agent between two looks. It compares what there is, not what came in, so that it does not
 * matter whether something was pushed or fetched after a while without a connection.
 */
export class NewsFinder {
  /** Since when each one waits. */
  #waiting: ReadonlyMap<string, string> | undefined;
  /** The last `seq` of each conversation, one's own or in the queue: it may be taken and written to between two looks. */
  #seen: ReadonlyMap<string, number> = new Map();

  /** What is new since the last look. All that the first look finds was there before. */
  look(mine: readonly Conversation[], queue: readonly Conversation[], me: Person): News[] {
    const waiting = this.#waiting;
    const seen = this.#seen;
    this.#waiting = new Map(queue.map(({ id, head }) => [id, head.queuedAt]));
    this.#seen = new Map([...mine, ...queue].map(({ id, head }) => [id, head.lastSeq]));
    if (waiting === undefined) {
      return [];
    }
    const cameIn = queue.filter(({ id, head }) => waiting.get(id) !== head.queuedAt);
    const wroteTo = mine.filter(({ id, head: { lastSeq, lastMessage } }) => {
      return lastSeq > (seen.get(id) ?? 0) && lastMessage != null && !isSame(lastMessage.sender, me);
    });
    return [
      ...cameIn.map((conversation): News => ({ kind: 'waiting', conversation })),
      ...wroteTo.map((conversation): News => ({ kind: 'message', conversation })),
    ];
  }
}
