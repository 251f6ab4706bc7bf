import {
  applied,
  type Conversation,
  holeAfter,
  newConversation,
  standingOf,
  withHead,
  withMessages,
  withPage,
} from './conversation.ts';
import { Emitter } from './emitter.ts';
import type {
  Bootstrap,
  DurableEvent,
  Head,
  HistoryReply,
  Message,
  QueueChange,
  QueueSnapshot,
  SyncReply,
} from './wire.ts';

/** An event that came before its predecessor waits this long for it, in milliseconds. */
export const GAP_WAIT_MS = 250;
/** A held event is applied without its predecessor after so many syncs did not bring it: never ask forever. */
const SYNCS_FOR_A_GAP_MAX = 2;

/** How many conversations a sync names at most: their names must fit a frame. Holes in others are found by `seq`. */
const OPEN_MAX = 300;

/** Of a queue too long to be listed whole, at least this many are kept listed. */
const QUEUE_LISTED_MIN = 20;

interface Held {
  event: DurableEvent;
  syncs: number;
}

/**
 * All conversations this side may see, and the one cursor.
 *
 * Events are applied along each conversation's own chain. Only a bootstrap, a sync and a checkpoint move the cursor: a
 * live event may have overtaken one that was lost, so it proves nothing about what came before it.
 */
export class Ledger {
  /** The id of what changed; empty for the queue as a whole. */
  readonly changed = new Emitter<string>();
  /** A message came in live; not one that a sync brought. */
  readonly arrived = new Emitter<Message>();
  /** Something is missing that only a sync can bring. */
  readonly behind = new Emitter<void>();
  /** A conversation counts messages after `seq` that are not held. */
  readonly hole = new Emitter<{ conversationId: string; after: number }>();

  #cursor = 0;
  #queueVersion: number | undefined;
  #waiting = 0;
  /** The server counts more waiting conversations than it listed. */
  #isQueueCut = false;
  readonly #conversations = new Map<string, Conversation>();
  readonly #held = new Map<string, Held[]>();
  #gapTimer: ReturnType<typeof setTimeout> | undefined;

  get cursor(): number {
    return this.#cursor;
  }

  get conversations(): ReadonlyMap<string, Conversation> {
    return this.#conversations;
  }

  /** Conversations that wait, longest first. */
  get queued(): Conversation[] {
    return [...this.#conversations.values()]
      .filter(({ head, isElsewhere }) => head.state === 'queued' && !isElsewhere)
      .sort((a, b) => a.head.queuedAt.localeCompare(b.head.queuedAt));
  }

  /** How many wait, of which a long queue lists only some. */
  get waiting(): number {
    return Math.max(this.#waiting, this.queued.length);
  }

  /** True when a fresh snapshot would list conversations that wait and are not known here. */
  get needsQueue(): boolean {
    return this.#isQueueCut && this.queued.length < QUEUE_LISTED_MIN;
  }

  /** What a sync request names: the held `rev` of the conversations whose messages are on hand, newest changes first. */
  get open(): Record<string, number> {
    const loaded = [...this.#conversations.values()].filter(conversation => conversation.loadedFrom !== undefined);
    loaded.sort((a, b) => b.rev - a.rev);
    return Object.fromEntries(loaded.slice(0, OPEN_MAX).map(conversation => [conversation.id, conversation.rev]));
  }

  /** Starts from what the server has now, and from nothing else. */
  bootstrap(snapshot: Bootstrap): void {
    const queued = snapshot.queue?.entries ?? [];
    const named = new Set([...snapshot.conversations, ...queued].map(head => head.id));
    for (const id of [...this.#conversations.keys()]) {
      if (!named.has(id)) {
        this.#forget(id);
      }
    }
    for (const { messages, more, ...head } of snapshot.conversations) {
      this.#takeHeads([head]);
      const conversation = this.#conversations.get(head.id);
      if (conversation !== undefined && (messages.length > 0 || !more)) {
        this.#put(withPage(conversation, messages, more));
      }
    }
    if (snapshot.queue !== undefined) {
      this.queueSnapshot(snapshot.queue);
    }
    this.#cursor = snapshot.cursor;
    this.#settle();
  }

  /** One page of what changed since the cursor. */
  sync(reply: SyncReply): void {
    this.#takeHeads(reply.conversations);
    for (const [id, messages] of byConversation(reply.messages)) {
      const conversation = this.#conversations.get(id);
      if (conversation !== undefined) {
        this.#put(withMessages(conversation, messages));
      }
    }
    for (const id of reply.gone) {
      this.#forget(id);
    }
    this.#cursor = Math.max(this.#cursor, reply.cursor);
    if (!reply.more) {
      if (!this.#isQueueCut) {
        this.#waiting = 0;
      }
      this.#settle();
    }
  }

  /** Heads from beyond what the first screen needed. Messages do not come with them, so the cursor stays. */
  archive(heads: readonly Head[]): void {
    this.#takeHeads(heads);
    for (const head of heads) {
      this.#findHole(head.id);
    }
  }

  /** A page of older messages, or of those that a hole was asked for. */
  history(reply: HistoryReply, isAfter: boolean): void {
    const conversation = this.#conversations.get(reply.conversationId);
    if (conversation === undefined) {
      return;
    }
    this.#put(
      isAfter ? withMessages(conversation, reply.messages) : withPage(conversation, reply.messages, reply.more),
    );
    if (reply.messages.length > 0) {
      this.#findHole(reply.conversationId);
    }
  }

  /** A live event: applied, ignored, or held until what is missing before it has come. */
  event(event: DurableEvent): void {
    const conversation = this.#conversations.get(event.conversationId);
    if (conversation === undefined || conversation.loadedFrom === undefined) {
      this.#eventWithoutHistory(conversation, event);
      return;
    }
    switch (standingOf(conversation, event)) {
      case 'old':
        return;
      case 'next':
        this.#apply(conversation, event);
        this.#drain(event.conversationId);
        this.#findHole(event.conversationId);
        return;
      case 'gap':
        this.#hold(event);
    }
  }

  /** What the server's store says is newest. Behind any of it: ask. Behind none: this is the new cursor. */
  checkpoint(cursor: number, heads: Readonly<Record<string, number>>, gone: readonly string[] = []): void {
    for (const id of gone) {
      this.#forget(id);
    }
    const isBehind = Object.entries(heads).some(([id, rev]) => (this.#conversations.get(id)?.rev ?? 0) < rev);
    if (isBehind) {
      this.behind.emit();
    } else {
      this.#cursor = Math.max(this.#cursor, cursor);
    }
  }

  /** The queue as it is now. */
  queueSnapshot({ version, waiting, entries }: QueueSnapshot): void {
    this.#queueVersion = version;
    this.archive(entries);
    const listed = new Set(entries.map(head => head.id));
    for (const conversation of this.queued) {
      if (!listed.has(conversation.id) && entries.length >= waiting) {
        this.#put({ ...conversation, isElsewhere: true });
      }
    }
    this.#setWaiting(waiting);
  }

  /** A change of the queue. Its entries are heads of conversations in which this side takes no part yet. */
  queue(change: QueueChange): void {
    const held = this.#queueVersion;
    if (held !== undefined && change.version <= held) {
      return;
    }
    this.#queueVersion = change.version;
    this.archive(change.entries);
    for (const id of change.removed) {
      const conversation = this.#conversations.get(id);
      if (conversation?.head.state === 'queued') {
        // If it came to this side an event of its own says so, before or after this.
        this.#put({ ...conversation, isElsewhere: true });
      }
    }
    this.#setWaiting(change.waiting);
    if (held !== undefined && change.prev !== held) {
      this.behind.emit();
    }
  }

  /** A message of one's own that was confirmed before its event came. It moves no chain. */
  confirm(message: Message): void {
    const conversation = this.#conversations.get(message.conversationId);
    if (conversation !== undefined) {
      this.#put(withMessages(conversation, [message]));
    }
  }

  #setWaiting(waiting: number): void {
    this.#waiting = waiting;
    this.#isQueueCut = waiting > this.queued.length;
    this.changed.emit('');
  }

  #eventWithoutHistory(conversation: Conversation | undefined, event: DurableEvent): void {
    if ('head' in event) {
      this.#takeHeads([event.head]);
      this.#drain(event.conversationId);
    } else if (conversation === undefined) {
      this.#hold(event);
    } else if (event.rev > conversation.rev) {
      // Only the head is on hand here, and every change since the last one is in the next head.
      this.#apply(conversation, event);
    }
  }

  #takeHeads(heads: readonly Head[]): void {
    for (const head of heads) {
      const held = this.#conversations.get(head.id);
      this.#put(held === undefined ? newConversation(head) : withHead(held, head));
    }
  }

  #apply(conversation: Conversation, event: DurableEvent): void {
    this.#put(applied(conversation, event));
    if (event.event === 'message.created') {
      this.arrived.emit(event);
    }
  }

  #put(conversation: Conversation): void {
    if (this.#conversations.get(conversation.id) !== conversation) {
      this.#conversations.set(conversation.id, conversation);
      this.changed.emit(conversation.id);
    }
  }

  #forget(id: string): void {
    this.#held.delete(id);
    if (this.#conversations.delete(id)) {
      this.changed.emit(id);
    }
  }

  #hold(event: DurableEvent): void {
    const held = this.#held.get(event.conversationId) ?? [];
    if (!held.some(other => other.event.rev === event.rev)) {
      held.push({ event, syncs: 0 });
      held.sort((a, b) => a.event.rev - b.event.rev);
    }
    this.#held.set(event.conversationId, held);
    this.#watchGaps();
  }

  /** Applies what was held and now follows. */
  #drain(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) {
      return;
    }
    const waiting: Held[] = [];
    for (const entry of held) {
      const conversation = this.#conversations.get(id);
      const standing = conversation === undefined ? 'gap' : standingOf(conversation, entry.event);
      if (standing === 'gap' && (conversation === undefined || entry.syncs < SYNCS_FOR_A_GAP_MAX)) {
        waiting.push(entry);
      } else if (standing !== 'old' && conversation !== undefined) {
        this.#apply(conversation, entry.event);
      }
    }
    if (waiting.length > 0) {
      this.#held.set(id, waiting);
    } else {
      this.#held.delete(id);
    }
  }

  /** After a full answer: what was held is applied, or has one chance less. */
  #settle(): void {
    for (const [id, held] of [...this.#held]) {
      for (const entry of held) {
        entry.syncs += 1;
      }
      this.#drain(id);
      if (!this.#conversations.has(id) && held.every(entry => entry.syncs >= SYNCS_FOR_A_GAP_MAX)) {
        this.#held.delete(id);
      }
    }
    if (this.#held.size > 0) {
      this.#watchGaps();
    }
    for (const id of this.#conversations.keys()) {
      this.#findHole(id);
    }
  }

  #findHole(id: string): void {
    const conversation = this.#conversations.get(id);
    const after = conversation === undefined ? undefined : holeAfter(conversation);
    if (after !== undefined) {
      this.hole.emit({ conversationId: id, after });
    }
  }

  #watchGaps(): void {
    this.#gapTimer ??= setTimeout(() => {
      this.#gapTimer = undefined;
      if (this.#held.size > 0) {
        this.behind.emit();
      }
    }, GAP_WAIT_MS);
  }
}

function byConversation(messages: readonly Message[]): Map<string, Message[]> {
  const groups = new Map<string, Message[]>();
  for (const message of [...messages].sort((a, b) => a.seq - b.seq)) {
    const group = groups.get(message.conversationId);
    if (group === undefined) {
      groups.set(message.conversationId, [message]);
    } else {
      group.push(message);
    }
  }
  return groups;
}
