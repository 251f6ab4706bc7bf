import type { DurableEvent, Head, Message, Pointer, UserRef } from './wire.ts';

/** A conversation as this side holds it. A change makes a new object, so a view may compare by identity. */
export interface Conversation {
  readonly id: string;
  readonly head: Head;
  /** The last change applied; the next event must name it as `prev`. */
  readonly rev: number;
  /** By `seq`, ascending, each once. */
  readonly messages: readonly Message[];
  /** Every message from this `seq` on is held; undefined while nothing was loaded. */
  readonly loadedFrom: number | undefined;
  /** There is nothing before {@link loadedFrom}. */
  readonly isComplete: boolean;
  /** It left the queue and did not come to this side. */
  readonly isElsewhere: boolean;
}

export function newConversation(head: Head): Conversation {
  const isComplete = head.lastSeq === 0;
  const loadedFrom = isComplete ? 1 : undefined;
  return { id: head.id, head, rev: head.rev, messages: [], loadedFrom, isComplete, isElsewhere: false };
}

/** Takes a head over if it is newer than what is held. */
export function withHead(conversation: Conversation, head: Head): Conversation {
  if (head.rev < conversation.rev) {
    return conversation;
  }
  return { ...conversation, head: { ...head, ...unreadOf(head, conversation.head) }, rev: head.rev, isElsewhere: false };
}

/** Heads in answers say how many messages are unread; those in events do not. Absent: nobody has counted. */
function unreadOf(...heads: Head[]): { unread?: number } {
  const unread = heads.find(head => head.unread !== undefined)?.unread;
  return unread === undefined ? {} : { unread };
}

/** Puts messages in by `seq`; of two with the same one the newer `rev` stays. */
export function withMessages(conversation: Conversation, messages: readonly Message[]): Conversation {
  const [only] = messages;
  if (only !== undefined && messages.length === 1 && only.seq > (conversation.messages.at(-1)?.seq ?? 0)) {
    return { ...conversation, messages: [...conversation.messages, only] };
  }
  const bySeq = new Map(conversation.messages.map(message => [message.seq, message]));
  let hasChanged = false;
  for (const message of messages) {
    const held = bySeq.get(message.seq);
    if (held === undefined || held.rev < message.rev || held.id !== message.id) {
      bySeq.set(message.seq, message);
      hasChanged = true;
    }
  }
  if (!hasChanged) {
    return conversation;
  }
  return { ...conversation, messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq) };
}

/** Takes over a page of history that ends just before what is held, or is the first that is. */
export function withPage(conversation: Conversation, page: readonly Message[], more: boolean): Conversation {
  const first = page[0]?.seq ?? 1;
  const loadedFrom = Math.min(conversation.loadedFrom ?? Number.POSITIVE_INFINITY, more ? first : 1);
  return { ...withMessages(conversation, page), loadedFrom, isComplete: conversation.isComplete || !more };
}

/** The messages to show: all from where the history is without a hole. */
export function shownMessages({ messages, loadedFrom }: Conversation): readonly Message[] {
  if (loadedFrom === undefined) {
    return [];
  }
  const start = messages.findIndex(message => message.seq >= loadedFrom);
  return start <= 0 ? (start === 0 ? messages : []) : messages.slice(start);
}

/** The `seq` after which messages are missing although the head counts them; undefined if none are. */
export function holeAfter(conversation: Conversation): number | undefined {
  if (conversation.loadedFrom === undefined) {
    return undefined;
  }
  const last = conversation.messages.at(-1)?.seq ?? 0;
  return last < conversation.head.lastSeq ? last : undefined;
}

/** How an event stands to what is held. */
export type Standing = 'next' | 'old' | 'gap';

/** The rule of the chain: an event follows what is held, or is known already, or something before it is missing. */
export function standingOf(conversation: Conversation, event: DurableEvent): Standing {
  if (event.rev <= conversation.rev) {
    return 'old';
  }
  return event.prev === conversation.rev ? 'next' : 'gap';
}

/** Applies an event whose turn it is. */
export function applied(conversation: Conversation, event: DurableEvent): Conversation {
  switch (event.event) {
    case 'message.created':
      return withNewMessage(conversation, event);
    case 'participant.pointer':
      return {
        ...conversation,
        rev: event.rev,
        head: {
          ...conversation.head,
          rev: event.rev,
          pointers: moved(conversation.head.pointers, {
            id: event.participant.id,
            role: event.participant.role,
            deliveredSeq: event.deliveredSeq,
            readSeq: event.readSeq,
          }),
        },
      };
    default:
      return withHead(conversation, event.head);
  }
}

function withNewMessage(conversation: Conversation, message: Message): Conversation {
  const { head } = conversation;
  const isLast = message.seq > head.lastSeq;
  return {
    ...withMessages(conversation, [message]),
    rev: message.rev,
    head: {
      ...head,
      rev: message.rev,
      lastSeq: Math.max(head.lastSeq, message.seq),
      lastMessage: isLast ? previewOf(message) : (head.lastMessage ?? null),
      ...(head.unread !== undefined && { unread: head.unread + 1 }),
    },
  };
}

function previewOf({ seq, sender, content, createdAt }: Message): NonNullable<Head['lastMessage']> {
  return { seq, sender, text: (content.text ?? '').slice(0, 120), createdAt };
}

function moved(pointers: readonly Pointer[], pointer: Pointer): Pointer[] {
  return [...pointers.filter(other => !isSame(other, pointer)), pointer];
}

export function isSame(a: UserRef, b: UserRef): boolean {
  return a.id === b.id && a.role === b.role;
}

/** How far somebody has got; nothing if they have no pointer yet. */
export function pointerOf(head: Head, who: UserRef): { deliveredSeq: number; readSeq: number } {
  return head.pointers.find(pointer => isSame(pointer, who)) ?? { deliveredSeq: 0, readSeq: 0 };
}

/** How many messages of others this side has not read. What one says oneself counts as having read all before it. */
export function unreadCount(conversation: Conversation, me: UserRef): number {
  const { head, loadedFrom } = conversation;
  if (loadedFrom === undefined) {
    return head.unread ?? 0;
  }
  const shown = shownMessages(conversation);
  const lastOwn = shown.findLast(message => isSame(message.sender, me))?.seq ?? 0;
  const readSeq = Math.max(pointerOf(head, me).readSeq, lastOwn);
  const count = shown.filter(message => message.seq > readSeq && !isSame(message.sender, me)).length;
  // Where reading stopped before what is on hand, the server has counted what lies between.
  return readSeq + 1 < loadedFrom ? Math.max(head.unread ?? 0, count) : count;
}

/**
 * Since when the customer has waited for somebody to say something; undefined if they do not. Of the messages that are
 * not on hand nothing is known, so it is at least that long.
 */
export function waitingSince({ head, messages }: Conversation): string | undefined {
  if (head.state === 'queued') {
    return head.queuedAt;
  }
  const last = head.lastMessage;
  if (head.state === 'closed' || last?.sender.role !== 'customer') {
    return undefined;
  }
  const answered = messages.findLastIndex(({ sender }) => sender.role !== 'customer');
  return messages[answered + 1]?.createdAt ?? last.createdAt;
}

/** What became of a message of one's own. */
export type Tick = 'sent' | 'delivered' | 'read';

/** How far anybody on the other side has got with the messages of `role`. The pointers are looked through once. */
export function ticksOf(head: Head, role: UserRef['role']): (seq: number) => Tick {
  const others = head.pointers.filter(pointer => pointer.role !== role);
  const readSeq = Math.max(0, ...others.map(pointer => pointer.readSeq));
  const deliveredSeq = Math.max(0, ...others.map(pointer => pointer.deliveredSeq));
  return seq => (seq <= readSeq ? 'read' : seq <= deliveredSeq ? 'delivered' : 'sent');
}
