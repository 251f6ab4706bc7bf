import type { Head, Lifecycle, Message, MessageCreated, Person, PointerMoved } from '../src/wire.ts';

export const ANNA: Person = { id: 'cus_1', role: 'customer', name: 'Anna' };
export const LIN: Person = { id: 'agt_1', role: 'agent', name: 'Lin' };
export const BO: Person = { id: 'agt_2', role: 'agent', name: 'Bo' };
const AT = '2026-11-22T09:30:12.123Z';

export function head(changes: Partial<Head> = {}): Head {
  return {
    id: 'c1',
    rev: 10,
    state: 'active',
    assignRev: 2,
    groupId: 'default',
    customer: ANNA,
    assignee: LIN,
    lastSeq: 0,
    pointers: [],
    reopenCount: 0,
    createdAt: AT,
    queuedAt: AT,
    ...changes,
  };
}

export function message(seq: number, changes: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    conversationId: 'c1',
    seq,
    rev: 10 + seq,
    clientId: `k${seq}`,
    kind: 'text',
    sender: ANNA,
    content: { text: `text ${seq}` },
    createdAt: AT,
    ...changes,
  };
}

/** Message `seq` as the event with stamp `10 + seq`, after `prev`. */
export function created(seq: number, prev = 9 + seq, changes: Partial<Message> = {}): MessageCreated {
  return { ...message(seq, changes), event: 'message.created', prev };
}

export function lifecycle(event: Lifecycle['event'], prev: number, changes: Partial<Head>): Lifecycle {
  const next = head(changes);
  return { event, conversationId: next.id, rev: next.rev, prev, head: next };
}

export function pointed(rev: number, prev: number, who: Person, deliveredSeq: number, readSeq: number): PointerMoved {
  return {
    event: 'participant.pointer',
    conversationId: 'c1',
    rev,
    prev,
    participant: { id: who.id, role: who.role },
    deliveredSeq,
    readSeq,
  };
}
