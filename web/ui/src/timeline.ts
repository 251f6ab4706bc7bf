import { type Conversation, isSame, type Message, type OutboxItem, type Person, shownMessages, type Tick, ticksOf, type UserRef } from '@stompline/client';
import { dayNumber } from './time.ts';

/** Messages of one sender within this time stand together, in milliseconds. */
export const GROUP_WITHIN_MS = 5 * 60_000;

/** There is one such line at most. */
export const UNREAD_KEY = 'unread';

export type Status = 'pending' | 'sent' | 'delivered' | 'read' | 'failed';

/** One message as it is drawn. */
export interface Bubble {
  readonly kind: 'bubble';
  readonly key: string;
  /** Absent while it is on its way. */
  readonly message: Message | undefined;
  readonly seq: number | undefined;
  readonly clientId: string | undefined;
  readonly text: string | undefined;
  readonly at: string | number;
  /** The same as a number. */
  readonly ms: number;
  readonly isOwn: boolean;
  readonly sender: Person | undefined;
  /** Own messages only. */
  readonly status: Status | undefined;
  readonly failure: string | undefined;
  /** The first and the last of those that stand together. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export interface DayLine {
  readonly kind: 'day';
  readonly key: string;
  readonly at: string | number;
}

export interface UnreadLine {
  readonly kind: 'unread';
  readonly key: string;
}

/** Something that happened to the conversation. */
export interface EventLine {
  readonly kind: 'joined' | 'closed';
  readonly key: string;
  readonly at: string;
  readonly ms: number;
  readonly who: Person | undefined;
}

export type Entry = Bubble | DayLine | UnreadLine | EventLine;

export interface TimelineOptions {
  me: UserRef | undefined;
  pending: readonly OutboxItem[];
  /** Put a line before the first message of others after this `seq`. */
  unreadAfter?: number | undefined;
  timeZone?: string;
}

/** Everything that the list of messages shows, in order: by `seq`, then what is on its way. */
export function timeline(conversation: Conversation | undefined, options: TimelineOptions): Entry[] {
  const messages = conversation === undefined ? [] : shownMessages(conversation);
  const { me } = options;
  const tickOf = conversation === undefined || me === undefined ? undefined : ticksOf(conversation.head, me.role);
  const bubbles = [
    ...messages.map(message => ofMessage(message, tickOf, me)),
    ...options.pending.map(ofPending),
  ];
  const entries = withLines(bubbles, conversation, options);
  return withDays(entries, options.timeZone).map(grouped);
}

/** How each message was drawn last. What has not changed is the same object again, and need not be drawn again. */
const drawn = new WeakMap<Message, Bubble>();

function ofMessage(message: Message, tickOf: ((seq: number) => Tick) | undefined, me: UserRef | undefined): Bubble {
  const isOwn = me !== undefined && isSame(message.sender, me);
  const status = isOwn ? tickOf?.(message.seq) : undefined;
  const held = drawn.get(message);
  if (held !== undefined && held.isOwn === isOwn && held.status === status) {
    return held;
  }
  return kept({
    kind: 'bubble',
    message,
    // An own message keeps its key when the server confirms it, so it does not jump on the screen.
    key: isOwn && message.clientId !== undefined ? message.clientId : message.id,
    seq: message.seq,
    clientId: message.clientId,
    text: message.content.text,
    at: message.createdAt,
    ms: Date.parse(message.createdAt),
    isOwn,
    sender: message.sender,
    status,
    failure: undefined,
    isFirst: true,
    isLast: true,
  });
}

function kept(bubble: Bubble): Bubble {
  if (bubble.message !== undefined) {
    drawn.set(bubble.message, bubble);
  }
  return bubble;
}

function ofPending({ clientId, text, createdAt, failure }: OutboxItem): Bubble {
  return {
    kind: 'bubble',
    key: clientId,
    message: undefined,
    seq: undefined,
    clientId,
    text,
    at: createdAt,
    ms: createdAt,
    isOwn: true,
    sender: undefined,
    status: failure === undefined ? 'pending' : 'failed',
    failure,
    isFirst: true,
    isLast: true,
  };
}

function withLines(bubbles: Bubble[], conversation: Conversation | undefined, options: TimelineOptions): Entry[] {
  const entries: Entry[] = [...bubbles];
  const { unreadAfter } = options;
  if (unreadAfter !== undefined) {
    const first = bubbles.findIndex(({ seq, isOwn }) => seq !== undefined && seq > unreadAfter && !isOwn);
    if (first >= 0) {
      entries.splice(first, 0, { kind: 'unread', key: UNREAD_KEY });
    }
  }
  const head = conversation?.head;
  if (head?.assignee != null && head.assignedAt !== undefined) {
    insertByTime(entries, { kind: 'joined', key: 'joined', at: head.assignedAt, ms: Date.parse(head.assignedAt), who: head.assignee }, conversation);
  }
  if (head?.closedAt !== undefined) {
    const who = head.closedBy === 'customer' ? head.customer : (head.assignee ?? undefined);
    insertByTime(entries, { kind: 'closed', key: 'closed', at: head.closedAt, ms: Date.parse(head.closedAt), who }, conversation);
  }
  return entries;
}

/** Lifecycle changes have no `seq`; the server's clock places them among the server's own times. */
function insertByTime(entries: Entry[], line: EventLine, conversation: Conversation | undefined): void {
  const isLater = (entry: Entry): boolean => entry.kind === 'bubble' && (entry.seq === undefined || entry.ms > line.ms);
  const index = entries.findIndex(isLater);
  if (index === 0 && conversation?.isComplete === false) {
    return;
  }
  entries.splice(index < 0 ? entries.length : index, 0, line);
}

function withDays(entries: readonly Entry[], timeZone: string | undefined): Entry[] {
  const result: Entry[] = [];
  let day: number | undefined;
  for (const entry of entries) {
    if ('ms' in entry) {
      const own = dayNumber(entry.ms, timeZone);
      // Clocks of two devices may differ: a pending message must not open a day before the one above it.
      if (day === undefined || own > day) {
        const before = result.at(-1)?.kind === 'unread' ? result.pop() : undefined;
        result.push({ kind: 'day', key: `day:${own}`, at: entry.at });
        if (before !== undefined) {
          result.push(before);
        }
        day = own;
      }
    }
    result.push(entry);
  }
  return result;
}

function grouped(entry: Entry, index: number, entries: readonly Entry[]): Entry {
  if (entry.kind !== 'bubble') {
    return entry;
  }
  const isFirst = !standTogether(entries[index - 1], entry);
  const isLast = !standTogether(entry, entries[index + 1]);
  return entry.isFirst === isFirst && entry.isLast === isLast ? entry : kept({ ...entry, isFirst, isLast });
}

function standTogether(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a?.kind !== 'bubble' || b?.kind !== 'bubble' || a.isOwn !== b.isOwn) {
    return false;
  }
  const isSameSender = a.isOwn || (a.sender !== undefined && b.sender !== undefined && isSame(a.sender, b.sender));
  return isSameSender && b.ms - a.ms < GROUP_WITHIN_MS;
}
