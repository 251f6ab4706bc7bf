// @ts-check
/** The chat in memory, with the same numbers as the real one: `seq`, and one `rev` chained by `prev`. */
import { randomUUID } from 'node:crypto';

/**
 * @typedef {{ id: string, role: 'customer' | 'agent', name: string }} Person
 * @typedef {Record<string, any>} Body
 * @typedef {{ id: string, customer: Person, assignee: Person | null, state: string, assignRev: number, rev: number,
 *   messages: Body[], pointers: Body[], createdAt: string, queuedAt: string, assignedAt?: string, closedAt?: string,
 *   closedBy?: string }} Conversation
 */

export class Refusal extends Error {
  /** @param {string} code @param {string} message @param {Body} [more] */
  constructor(code, message, more = {}) {
    super(message);
    this.body = { ok: false, code, message, ...more };
  }
}

export class ChatModel {
  /** @param {{ onEvent(recipients: Person[], event: Body): void, onQueue(change: Body): void }} sink */
  constructor(sink) {
    this.sink = sink;
    this.rev = 0;
    this.queueVersion = 0;
    /** @type {Map<string, Conversation>} */
    this.conversations = new Map();
    /** @type {Map<string, Body>} */
    this.sent = new Map();
    this.now = () => Date.now();
  }

  time() {
    return new Date(this.now()).toISOString();
  }

  /** @param {Conversation} conversation */
  head(conversation) {
    const { messages, ...rest } = conversation;
    const last = messages.at(-1);
    return {
      ...rest,
      groupId: 'default',
      lastSeq: messages.length,
      reopenCount: 0,
      ...(last && {
        lastMessage: {
          seq: last.seq,
          sender: last.sender,
          text: last.content.text.slice(0, 120),
          createdAt: last.createdAt,
        },
      }),
    };
  }

  /** @param {Person} who @param {Conversation} conversation */
  mayRead(who, conversation) {
    return who.role === 'customer'
      ? conversation.customer.id === who.id
      : conversation.state === 'queued' || conversation.assignee?.id === who.id;
  }

  /** @param {Person} who */
  visible(who) {
    return [...this.conversations.values()].filter(conversation => this.mayRead(who, conversation));
  }

  /**
   * @param {Conversation} conversation
   * @param {string} event
   * @param {(rev: number) => Body} fields
   */
  change(conversation, event, fields) {
    const wasQueued = conversation.state === 'queued';
    const prev = conversation.rev;
    this.rev += 1;
    conversation.rev = this.rev;
    const body = { event, conversationId: conversation.id, rev: this.rev, prev, ...fields(this.rev) };
    const recipients = [conversation.customer, ...(conversation.assignee ? [conversation.assignee] : [])];
    this.sink.onEvent(recipients, body);
    return { body, wasQueued };
  }

  /** @param {Conversation} conversation @param {string} event */
  lifecycle(conversation, event) {
    this.change(conversation, event, () => ({ head: this.head(conversation) }));
    this.queueChange(conversation);
  }

  /** @param {Conversation} conversation */
  queueChange(conversation) {
    const waiting = [...this.conversations.values()].filter(({ state }) => state === 'queued').length;
    const isQueued = conversation.state === 'queued';
    this.queueVersion += 1;
    this.sink.onQueue({
      event: 'queue.changed',
      groupId: 'default',
      version: this.queueVersion,
      prev: this.queueVersion - 1,
      waiting,
      entries: isQueued ? [this.head(conversation)] : [],
      removed: isQueued ? [] : [conversation.id],
    });
  }

  /** @param {Person} customer */
  openFor(customer) {
    const own = [...this.conversations.values()].filter(conversation => conversation.customer.id === customer.id);
    const open = own.find(({ state }) => state !== 'closed');
    if (open !== undefined) {
      return open;
    }
    const closed = own.at(-1);
    if (closed !== undefined) {
      delete closed.closedAt;
      delete closed.closedBy;
      delete closed.assignedAt;
      Object.assign(closed, { state: 'queued', assignee: null, queuedAt: this.time() });
      closed.assignRev += 1;
      this.lifecycle(closed, 'conversation.reopened');
      return closed;
    }
    const at = this.time();
    const made = /** @type {Conversation} */ ({
      id: randomUUID(),
      customer,
      assignee: null,
      state: 'queued',
      assignRev: 1,
      rev: 0,
      messages: [],
      pointers: [],
      createdAt: at,
      queuedAt: at,
    });
    this.conversations.set(made.id, made);
    this.lifecycle(made, 'conversation.created');
    return made;
  }

  /** @param {string} id */
  find(id) {
    const conversation = this.conversations.get(id);
    if (conversation === undefined) {
      throw new Refusal('not_found', 'there is no such conversation');
    }
    return conversation;
  }

  /** @param {Person} who @param {Body} body */
  send(who, body) {
    const clientId = body.clientId ?? randomUUID();
    const key = `${who.role}:${who.id}:${clientId}`;
    const before = this.sent.get(key);
    if (before !== undefined) {
      return { ...before, duplicate: true };
    }
    const conversation = who.role === 'customer' ? this.openFor(who) : this.find(body.conversationId);
    if (who.role === 'agent') {
      this.take(who, { conversationId: conversation.id });
    }
    const seq = conversation.messages.length + 1;
    const message = {
      conversationId: conversation.id,
      seq,
      id: randomUUID(),
      clientId,
      kind: 'text',
      visibility: 'public',
      sender: who,
      content: { text: body.text },
      createdAt: this.time(),
    };
    conversation.messages.push(message);
    this.change(conversation, 'message.created', rev => Object.assign(message, { rev }));
    if (conversation.state === 'queued') {
      this.queueChange(conversation);
    }
    const { id, createdAt } = message;
    const ack = { clientId, ok: true, conversationId: conversation.id, id, seq, rev: conversation.rev, createdAt };
    this.sent.set(key, ack);
    return { ...ack, duplicate: false };
  }

  /** @param {Person} who @param {Body} body */
  take(who, body) {
    const conversation = this.find(body.conversationId);
    if (conversation.state === 'active' && conversation.assignee?.id !== who.id) {
      throw new Refusal('already_taken', 'another agent was faster', { assignee: conversation.assignee });
    }
    if (conversation.state === 'closed') {
      throw new Refusal('closed', 'the conversation is closed');
    }
    if (conversation.state === 'queued') {
      Object.assign(conversation, { state: 'active', assignee: who, assignedAt: this.time() });
      conversation.assignRev += 1;
      this.lifecycle(conversation, 'conversation.assigned');
    }
    return { ok: true, conversationId: conversation.id, rev: conversation.rev, duplicate: false };
  }

  /** @param {Person} who @param {Body} body */
  close(who, body) {
    const conversation = this.find(body.conversationId);
    if (conversation.state !== 'closed') {
      Object.assign(conversation, { state: 'closed', closedAt: this.time(), closedBy: who.role });
      conversation.assignRev += 1;
      this.lifecycle(conversation, 'conversation.closed');
    }
    return { ok: true, conversationId: conversation.id, rev: conversation.rev, duplicate: false };
  }

  /** @param {Person} who @param {Body} body @param {boolean} isRead */
  point(who, body, isRead) {
    const conversation = this.find(body.conversationId);
    const old = conversation.pointers.find(({ id, role }) => id === who.id && role === who.role);
    const deliveredSeq = Math.max(old?.deliveredSeq ?? 0, body.seq);
    const readSeq = Math.max(old?.readSeq ?? 0, isRead ? body.seq : 0);
    if (deliveredSeq === old?.deliveredSeq && readSeq === old?.readSeq) {
      return;
    }
    const participant = { id: who.id, role: who.role };
    conversation.pointers = [
      ...conversation.pointers.filter(pointer => pointer !== old),
      { ...participant, deliveredSeq, readSeq },
    ];
    this.change(conversation, 'participant.pointer', () => ({ participant, deliveredSeq, readSeq }));
  }

  /** @param {Person} who */
  bootstrap(who) {
    const all = this.visible(who);
    const mine = who.role === 'customer' ? all.slice(-1) : all.filter(({ state }) => state === 'active');
    const waiting = all.filter(({ state }) => state === 'queued');
    const queue = { groupId: 'default', version: this.queueVersion, waiting: waiting.length };
    return {
      replyTo: 'bootstrap',
      me: who,
      conversations: mine.map(conversation => ({
        ...this.head(conversation),
        unread: 0,
        messages: conversation.messages.slice(-50),
        more: conversation.messages.length > 50,
      })),
      more: false,
      ...(who.role === 'agent' && { queue: { ...queue, entries: waiting.map(item => this.head(item)) } }),
      cursor: this.rev,
      serverTime: this.time(),
    };
  }

  /** @param {Person} who @param {Body} body */
  sync(who, body) {
    const all = this.visible(who).filter(({ rev }) => rev > body.since);
    const isWanted = (/** @type {Conversation} */ { id }) => body.open === undefined || id in body.open;
    const messages = all.filter(isWanted).flatMap(item => item.messages.filter(({ rev }) => rev > body.since));
    return {
      replyTo: 'sync',
      cursor: this.rev,
      more: false,
      conversations: all.map(item => ({ ...this.head(item), unread: 0 })),
      messages,
      gone: [],
    };
  }

  /** @param {Person} who @param {Body} body */
  list(who, { state, customerId, conversationId, before = Number.POSITIVE_INFINITY, limit = 50 }) {
    const own = [...this.conversations.values()].filter(item =>
      item.state === state && item.assignee?.id === who.id && item.rev < before &&
      [undefined, item.customer.id].includes(customerId) && [undefined, item.id].includes(conversationId));
    own.sort((a, b) => b.rev - a.rev);
    const conversations = own.slice(0, limit).map(item => ({ ...this.head(item), unread: 0 }));
    return { replyTo: 'list', conversations, more: own.length > limit };
  }

  /** @param {Body} body */
  history(body) {
    const { messages } = this.find(body.conversationId);
    const { before = Number.POSITIVE_INFINITY, after = 0, limit = 50 } = body;
    const within = messages.filter(({ seq }) => seq < before && seq > after);
    const page = body.after === undefined ? within.slice(-limit) : within.slice(0, limit);
    return {
      replyTo: 'history',
      conversationId: body.conversationId,
      messages: page,
      more: page.length < within.length,
    };
  }
}
