import { Archive } from './archive.ts';
import { type Banner, BannerTimer } from './banner.ts';
import { CatchUp } from './catch-up.ts';
import { type Conversation, isSame, pointerOf } from './conversation.ts';
import * as decode from './decode.ts';
import { Emitter } from './emitter.ts';
import { Ledger } from './ledger.ts';
import { Link, type LinkOptions, type LinkState, type Refusal } from './link.ts';
import { Outbox } from './outbox.ts';
import type { OutboxItem, OutboxStorage } from './outbox-storage.ts';
import { Pointers } from './pointer.ts';
import { RequestError, Requests } from './request.ts';
import { TypingBoard, TypingNotice } from './typing.ts';
import type { Ack, Message, Person, Signal } from './wire.ts';

/** The longest text of a message, in characters; the server refuses more. */
export const TEXT_CHARS_MAX = 8_000;
/** After waking up, a session that does not answer within this time is replaced, in milliseconds. */
export const PROBE_TIMEOUT_MS = 3_000;
/** A session that was heard this recently needs no proof of life, in milliseconds. */
const PROBE_AFTER_SILENCE_MS = 5_000;
const QUEUE_TOPIC = '/topic/queue.default';
/** All messages of a customer go into the one open conversation, which the server knows. */
const CUSTOMER_LANE = 'own';

export interface ChatOptions extends LinkOptions {
  side: 'customer' | 'agent';
  outboxStorage: Promise<OutboxStorage>;
  /** For tests. */
  makeId?: () => string;
}

/**
 * One side of the chat: what there is, how it stands with the connection, and what one can do. No user interface.
 *
 * Everything readable is a snapshot; {@link changed} says, once for many changes, that it is time to look again.
 */
export class Chat {
  readonly changed = new Emitter<void>();
  /** A message of somebody else came in live; not those that a reload or a sync brings. */
  readonly arrived = new Emitter<Message>();
  readonly ledger = new Ledger();
  readonly outbox: Outbox;
  readonly archive: Archive;
  readonly typing = new TypingBoard();

  readonly #side: 'customer' | 'agent';
  readonly #makeId: () => string;
  readonly #options: ChatOptions;
  readonly #link: Link;
  readonly #banner = new BannerTimer();
  readonly #requests = new Requests();
  readonly #pointers: Pointers;
  readonly #typingNotice: TypingNotice;
  readonly #catchUp: CatchUp;
  /** Confirmed, but not yet seen in their conversation. */
  readonly #accepted = new Map<string, OutboxItem>();
  #me: Person | undefined;
  /** Messages and pointers of earlier sessions have gone out on this one. */
  #isResumed = false;
  #isChangePending = false;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#side = options.side;
    this.#makeId = options.makeId ?? (() => crypto.randomUUID());
    this.#link = new Link(options);
    this.#catchUp = new CatchUp(this.#link, this.#requests, this.ledger, options.random);
    this.archive = new Archive((destination, body) => this.#catchUp.ask(destination, body), this.ledger);
    this.outbox = new Outbox({ storage: options.outboxStorage, transmit: item => this.#transmit(item) });
    this.#pointers = new Pointers((kind, conversationId, seq) =>
      this.#link.send(`/app/chat.${kind}`, { conversationId, seq }),
    );
    this.#typingNotice = new TypingNotice((conversationId, on) => {
      this.#link.send('/app/chat.typing', { conversationId, on });
    });
    this.#wire();
  }

  get state(): LinkState {
    return this.#link.state;
  }

  get refusal(): Refusal | undefined {
    return this.#link.refusal;
  }

  get banner(): Banner {
    return this.#banner.value;
  }

  /** Who the server takes us for; undefined before the first connection. */
  get me(): Person | undefined {
    return this.#me;
  }

  /** True once there is something to show. */
  get isReady(): boolean {
    return this.#me !== undefined;
  }

  /** Messages of one's own that are in no conversation yet, oldest first. */
  get pending(): readonly OutboxItem[] {
    return [...this.#accepted.values(), ...this.outbox.items].sort((a, b) => a.createdAt - b.createdAt);
  }

  connect(): void {
    this.#link.start();
  }

  disconnect(): void {
    this.#link.stop();
  }

  /** A person asked for the connection to be tried now. */
  retryNow(): void {
    this.#link.retry();
  }

  /** The page is looked at again: do not trust the socket. */
  wake(): void {
    this.#link.retry();
    if (this.#link.isOpen && this.#link.silenceMs > PROBE_AFTER_SILENCE_MS) {
      void this.#catchUp.run(PROBE_TIMEOUT_MS);
    }
  }

  networkLost(): void {
    this.#link.networkLost();
  }

  /** Sends a message, now or as soon as there is a connection. An agent must say where. */
  send(text: string, conversationId?: string): OutboxItem {
    this.#typingNotice.sent();
    return this.outbox.add({
      clientId: this.#makeId(),
      lane: this.#side === 'customer' ? CUSTOMER_LANE : (conversationId ?? CUSTOMER_LANE),
      text,
      ...(conversationId !== undefined && this.#side === 'agent' && { conversationId }),
    });
  }

  /** Begins to wait for an agent without a word. A customer who has an open conversation keeps it. */
  async start(): Promise<void> {
    await this.#catchUp.ask('/app/chat.start', { clientId: this.#makeId() });
  }

  /** Puts a waiting conversation into this agent's hands. */
  async take(conversationId: string): Promise<void> {
    const assignRev = this.ledger.conversations.get(conversationId)?.head.assignRev;
    await this.#catchUp.ask('/app/agent.take', { conversationId, ...(assignRev !== undefined && { assignRev }) });
  }

  async close(conversationId: string): Promise<void> {
    await this.#catchUp.ask(this.#side === 'agent' ? '/app/agent.close' : '/app/chat.close', { conversationId });
  }

  /** Something is being written. */
  typed(conversationId: string): void {
    this.#typingNotice.typed(conversationId);
  }

  typingStopped(): void {
    this.#typingNotice.stopped();
  }

  /** Everything up to `seq` was on screen before somebody's eyes. */
  read(conversationId: string, seq: number): void {
    if (this.#takesPart(this.ledger.conversations.get(conversationId))) {
      this.#pointers.reach('read', conversationId, seq);
    }
  }

  isLoading(conversationId: string): boolean {
    return this.#catchUp.isLoading(conversationId);
  }

  /** Loads the page of messages before those on hand. Nothing happens while one is on its way or none is left. */
  loadOlder(conversationId: string): Promise<void> {
    return this.#catchUp.loadOlder(conversationId);
  }

  #wire(): void {
    this.#link.changed.on(state => {
      this.#banner.enter(state);
      this.#noteChange();
    });
    this.#link.connected.on(() => this.#onConnected());
    this.#link.received.on(({ destination, body }) => this.#onMessage(destination, body));
    this.#link.lost.on(end => {
      this.#isResumed = false;
      this.#requests.refuseAll();
      this.outbox.pause();
      this.#pointers.stop();
      this.typing.clear();
      if (end.closeCode === 1009 || end.errorCode === 'frame_too_large') {
        this.outbox.refuseInFlight('too_large');
      }
    });
    this.#banner.changed.on(() => this.#noteChange());
    this.outbox.changed.on(() => this.#noteChange());
    this.typing.changed.on(() => this.#noteChange());
    this.ledger.changed.on(id => this.#onLedgerChange(id));
    this.ledger.arrived.on(message => this.#onArrived(message));
    this.archive.changed.on(() => this.#noteChange());
    this.#catchUp.changed.on(() => this.#noteChange());
    this.#catchUp.bootstrapped.on(snapshot => {
      this.#me = snapshot.me;
      this.archive.reset();
      this.ledger.bootstrap(snapshot);
      this.#noteChange();
    });
    this.#catchUp.done.on(() => {
      if (!this.#isResumed) {
        this.#isResumed = true;
        this.outbox.resume();
        this.#pointers.resume();
      }
    });
  }

  #onConnected(): void {
    for (const queue of ['messages', 'acks', 'sync', 'signals', 'errors']) {
      this.#link.subscribe(`/user/queue/${queue}`);
    }
    if (this.#side === 'agent') {
      this.#link.subscribe(QUEUE_TOPIC);
    }
    this.#catchUp.begin();
  }

  #onMessage(destination: string, body: unknown): void {
    switch (destination) {
      case '/user/queue/messages': {
        const event = decode.durableEvent(body);
        if (event !== undefined) {
          this.ledger.event(event);
        }
        break;
      }
      case '/user/queue/acks':
        this.#onAck(decode.ack(body));
        break;
      case '/user/queue/sync':
        this.#requests.answer(decode.receiptOf(body), body);
        break;
      case '/user/queue/signals':
        this.#onSignal(decode.signal(body));
        break;
      case '/user/queue/errors':
        this.#onError(body);
        break;
      case '/app/bootstrap':
        this.#catchUp.onSnapshot(body);
        break;
      case QUEUE_TOPIC: {
        const change = decode.queueChange(body);
        if (change !== undefined) {
          this.ledger.queue(change);
          void this.#catchUp.refreshQueue();
        }
      }
    }
  }

  #onArrived(message: Message): void {
    this.typing.forget(message.conversationId, message.sender);
    if (this.#me !== undefined && !isSame(message.sender, this.#me)) {
      this.arrived.emit(message);
    }
  }

  #onAck(ack: Ack | undefined): void {
    if (ack === undefined) {
      return;
    }
    const failure = ack.ok ? undefined : new RequestError(ack.code ?? 'unknown', ack.message ?? '', ack.assignee);
    const wasAsked = failure === undefined ? this.#requests.answer(ack.receipt, ack) : this.#requests.refuse(ack.receipt, failure);
    if (wasAsked || ack.clientId === undefined) {
      return;
    }
    if (failure !== undefined) {
      this.outbox.refuse(ack.clientId, failure.code, ack.retryAfterMs);
      return;
    }
    this.#showConfirmed(ack, ack.clientId);
    this.outbox.confirm(ack.clientId);
  }

  /** The event of one's own message follows its ack; until then the bubble must not vanish. */
  #showConfirmed(ack: Ack, clientId: string): void {
    const item = this.outbox.items.find(candidate => candidate.clientId === clientId);
    const { conversationId, id, seq, rev, createdAt } = ack;
    if (item === undefined || this.#me === undefined || !conversationId || !id || seq === undefined) {
      return;
    }
    if (!this.ledger.conversations.has(conversationId)) {
      this.#accepted.set(clientId, item);
      return;
    }
    this.ledger.confirm({
      id,
      conversationId,
      seq,
      rev: rev ?? 0,
      clientId,
      kind: 'text',
      sender: this.#me,
      content: { text: item.text },
      createdAt: createdAt ?? new Date(item.createdAt).toISOString(),
    });
  }

  #onError(body: unknown): void {
    const error = decode.wireError(body);
    if (error?.receipt === undefined) {
      return;
    }
    if (!this.#requests.refuse(error.receipt, new RequestError(error.code, error.message))) {
      this.outbox.refuse(error.receipt, error.code, error.retryAfterMs);
    }
  }

  #onSignal(signal: Signal | undefined): void {
    switch (signal?.event) {
      case 'typing':
        if (this.#me === undefined || !isSame(signal.who, this.#me)) {
          this.typing.note(signal.conversationId, signal.who, signal.on, signal.ttlMs);
        }
        break;
      case 'checkpoint':
        this.ledger.checkpoint(signal.cursor, signal.heads, signal.gone);
        break;
      case 'session.expiring':
        void this.#renew();
        break;
      case 'server.draining':
        this.#link.comeBackAfter(signal.reconnectAfterMs ?? 0);
        break;
    }
  }

  async #renew(): Promise<void> {
    try {
      this.#link.send('/app/session.renew', { token: await this.#options.tokens.token(true) });
    } catch {
      // The session then ends at its time, and the next one begins with whatever token there is.
    }
  }

  #transmit(item: OutboxItem): boolean {
    const { clientId, conversationId, text } = item;
    return this.#link.send('/app/send', { clientId, ...(conversationId && { conversationId }), text }, clientId);
  }

  /** Only who takes part has pointers that the other side sees: not an agent who looks at the queue. */
  #takesPart(conversation: Conversation | undefined): boolean {
    if (conversation === undefined || this.#me === undefined) {
      return false;
    }
    const { head } = conversation;
    return this.#side === 'customer' || (head.state === 'active' && head.assignee != null && isSame(head.assignee, this.#me));
  }

  #onLedgerChange(id: string): void {
    const conversation = this.ledger.conversations.get(id);
    const last = conversation?.messages.at(-1);
    if (conversation !== undefined && last !== undefined && this.#me !== undefined) {
      this.#confirmSeen(conversation.messages, this.#me);
      const { deliveredSeq, readSeq } = pointerOf(conversation.head, this.#me);
      this.#pointers.known('delivered', id, deliveredSeq);
      this.#pointers.known('read', id, readSeq);
      if (this.#takesPart(conversation) && !isSame(last.sender, this.#me)) {
        this.#pointers.reach('delivered', id, last.seq);
      }
    }
    this.#noteChange();
  }

  /** What is in the conversation is no longer on its way, whichever session or tab sent it. */
  #confirmSeen(messages: readonly Message[], me: Person): void {
    for (const { clientId } of this.pending) {
      if (messages.some(message => message.clientId === clientId && isSame(message.sender, me))) {
        this.#accepted.delete(clientId);
        this.outbox.confirm(clientId);
      }
    }
  }

  #noteChange(): void {
    if (!this.#isChangePending) {
      this.#isChangePending = true;
      queueMicrotask(() => {
        this.#isChangePending = false;
        this.changed.emit();
      });
    }
  }
}
