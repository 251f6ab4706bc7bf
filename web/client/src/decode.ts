import type { Ack, Bootstrap, DurableEvent, HistoryReply, ListReply, QueueChange, Signal, SyncReply, WireError } from './wire.ts';

/**
 * Bodies as they come in. Each function looks at what decides the kind and at what would break us if it were missing,
 * and trusts the server for the rest. An unknown kind is `undefined`, and is skipped.
 */
type Fields = Record<string, unknown>;

export function durableEvent(body: unknown): DurableEvent | undefined {
  if (!isObject(body) || !isChained(body)) {
    return undefined;
  }
  switch (body.event) {
    case 'message.created':
      return typeof body.seq === 'number' && isObject(body.sender) ? (body as unknown as DurableEvent) : undefined;
    case 'participant.pointer':
      return isObject(body.participant) ? (body as unknown as DurableEvent) : undefined;
    case 'conversation.created':
    case 'conversation.assigned':
    case 'conversation.closed':
    case 'conversation.reopened':
    case 'conversation.updated':
      return isObject(body.head) ? (body as unknown as DurableEvent) : undefined;
    default:
      return undefined;
  }
}

export function signal(body: unknown): Signal | undefined {
  if (!isObject(body)) {
    return undefined;
  }
  switch (body.event) {
    case 'typing':
      return isObject(body.who) && typeof body.conversationId === 'string' ? (body as unknown as Signal) : undefined;
    case 'checkpoint':
      return isObject(body.heads) && typeof body.cursor === 'number' ? (body as unknown as Signal) : undefined;
    case 'session.expiring':
    case 'server.draining':
      return body as unknown as Signal;
    default:
      return undefined;
  }
}

export function queueChange(body: unknown): QueueChange | undefined {
  return isObject(body) && body.event === 'queue.changed' && Array.isArray(body.entries) && Array.isArray(body.removed)
    ? (body as unknown as QueueChange)
    : undefined;
}

export function bootstrap(body: unknown): Bootstrap | undefined {
  return isObject(body) && isObject(body.me) && Array.isArray(body.conversations) && typeof body.cursor === 'number'
    ? (body as unknown as Bootstrap)
    : undefined;
}

export function syncReply(body: unknown): SyncReply | undefined {
  return isObject(body) && body.replyTo === 'sync' && typeof body.cursor === 'number'
    ? ({ conversations: [], messages: [], gone: [], more: false, ...body } as unknown as SyncReply)
    : undefined;
}

export function listReply(body: unknown): ListReply | undefined {
  return isObject(body) && body.replyTo === 'list' && Array.isArray(body.conversations)
    ? (body as unknown as ListReply)
    : undefined;
}

export function historyReply(body: unknown): HistoryReply | undefined {
  return isObject(body) && body.replyTo === 'history' && Array.isArray(body.messages)
    ? (body as unknown as HistoryReply)
    : undefined;
}

export function ack(body: unknown): Ack | undefined {
  return isObject(body) && typeof body.ok === 'boolean' ? (body as unknown as Ack) : undefined;
}

export function wireError(body: unknown): WireError | undefined {
  return isObject(body) && typeof body.code === 'string' ? (body as unknown as WireError) : undefined;
}

/** The receipt that an answer names. */
export function receiptOf(body: unknown): string | undefined {
  return isObject(body) && typeof body.receipt === 'string' ? body.receipt : undefined;
}

function isChained(body: Fields): boolean {
  return typeof body.conversationId === 'string' && typeof body.rev === 'number' && typeof body.prev === 'number';
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
