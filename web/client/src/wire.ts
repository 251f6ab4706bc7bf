/**
 * The chat's bodies on the wire, as the server writes them.
 *
 * Unknown events and fields are ignored by everybody, so a newer server never breaks an older page.
 */

export type Role = 'customer' | 'agent' | 'bot' | 'system';

/** A principal: the same id in two roles is two people. */
export interface UserRef {
  id: string;
  role: Role;
}

/** A principal under the name that is shown; without a name of its own it is the id. */
export interface Person extends UserRef {
  name: string;
}

export type ConversationState = 'queued' | 'active' | 'closed';

/** How far one participant has got. Cumulative: everything up to and including the number. */
export interface Pointer extends UserRef {
  deliveredSeq: number;
  readSeq: number;
}

/** One message. `seq` orders a conversation, dense from 1; `createdAt` is for display only. */
export interface Message {
  id: string;
  conversationId: string;
  seq: number;
  rev: number;
  clientId?: string;
  kind: string;
  visibility?: 'public' | 'internal';
  sender: Person;
  content: { text?: string };
  replyTo?: number;
  /** RFC 3339, milliseconds, UTC; the server's clock. */
  createdAt: string;
}

/** The last message, shortened for a list. */
export interface Preview {
  seq: number;
  sender: Person;
  text: string;
  createdAt: string;
}

/** Everything about a conversation but its messages. The newest `rev` wins; nothing is patched. */
export interface Head {
  id: string;
  rev: number;
  state: ConversationState;
  /** Counts the changes of hands; named by a take so that two agents cannot both win. */
  assignRev: number;
  groupId: string;
  customer: Person;
  /** Who answers or, once closed, answered last. */
  assignee?: Person | null;
  lastSeq: number;
  lastMessage?: Preview | null;
  pointers: Pointer[];
  previousId?: string;
  reopenCount: number;
  createdAt: string;
  /** Since when the customer has waited for an agent, or waited last. */
  queuedAt: string;
  assignedAt?: string;
  closedAt?: string;
  closedBy?: Role;
  closeReason?: string;
  /** In answers only: how many messages of others this side has not seen. */
  unread?: number;
}

interface Chained {
  conversationId: string;
  rev: number;
  /** The `rev` that this side saw before it; 0 if there was none. */
  prev: number;
}

export interface MessageCreated extends Chained, Message {
  event: 'message.created';
  conversationId: string;
  rev: number;
}

export interface Lifecycle extends Chained {
  event:
    | 'conversation.created'
    | 'conversation.assigned'
    | 'conversation.closed'
    | 'conversation.reopened'
    | 'conversation.updated';
  head: Head;
}

export interface PointerMoved extends Chained {
  event: 'participant.pointer';
  participant: UserRef;
  deliveredSeq: number;
  readSeq: number;
}

/** A change of a conversation, on `/user/queue/messages`. */
export type DurableEvent = MessageCreated | Lifecycle | PointerMoved;

/** A change of the queue, on `/topic/queue.{group}`. Versions chain like events. */
export interface QueueChange {
  event: 'queue.changed';
  groupId: string;
  version: number;
  prev: number;
  waiting: number;
  longestWaitingSince?: string | null;
  /** Those that are new or changed. */
  entries: Head[];
  /** Those that wait no more. */
  removed: string[];
}

/** A conversation with its last messages. */
export interface OpenConversation extends Head {
  messages: Message[];
  /** There are older ones; history has them. */
  more: boolean;
}

/** A group's queue at one moment. Of a long one only those who wait longest are listed. */
export interface QueueSnapshot {
  groupId: string;
  version: number;
  waiting: number;
  longestWaitingSince?: string | null;
  entries: Head[];
}

/** The answer to SUBSCRIBE `/app/bootstrap`. */
export interface Bootstrap {
  replyTo: 'bootstrap';
  me: Person;
  /** An agent's active conversations, or a customer's latest one. */
  conversations: OpenConversation[];
  /** An agent has more of them than are named here; the list has the rest. */
  more: boolean;
  queue?: QueueSnapshot;
  cursor: number;
  serverTime: string;
}

/** The answer to `/app/sync`. */
export interface SyncReply {
  replyTo: 'sync';
  receipt?: string;
  cursor: number;
  more: boolean;
  /** The cursor is not of this store: forget everything and begin with a bootstrap. */
  reset?: boolean;
  conversations: Head[];
  messages: Message[];
  gone: string[];
}

/** The answer to `/app/agent.list`: an agent's own conversations, the last changed first. */
export interface ListReply {
  replyTo: 'list';
  receipt?: string;
  conversations: Head[];
  /** There are more, changed longer ago. */
  more: boolean;
}

/** The answer to `/app/history`. */
export interface HistoryReply {
  replyTo: 'history';
  receipt?: string;
  conversationId: string;
  messages: Message[];
  /** More within the bounds that were asked for: newer ones after an `after`, else older ones. */
  more: boolean;
}

/** The answer to one command, on the session that sent it. */
export interface Ack {
  clientId?: string;
  receipt?: string;
  ok: boolean;
  conversationId?: string;
  id?: string;
  seq?: number;
  rev?: number;
  createdAt?: string;
  duplicate?: boolean;
  code?: string;
  message?: string;
  retryAfterMs?: number;
  /** Who has the conversation instead. */
  assignee?: Person;
}

/** A refusal of a frame that never became a command. */
export interface WireError {
  code: string;
  message: string;
  receipt?: string;
  retryAfterMs?: number;
}

/** What is true for a moment, on `/user/queue/signals`. */
export type Signal =
  | { event: 'typing'; conversationId: string; who: UserRef; on: boolean; ttlMs: number }
  | { event: 'checkpoint'; cursor: number; heads: Record<string, number>; gone?: string[] }
  | { event: 'session.expiring' }
  | { event: 'server.draining'; reconnectAfterMs?: number };
