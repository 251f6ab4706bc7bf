import type { Address, TransportKind } from '../src/transport.ts';
import type { OpenSession, SessionEnd, SessionEvents, WireSession } from '../src/wire-session.ts';

export interface Sent {
  destination: string;
  body: Record<string, unknown>;
  receipt: string | undefined;
}

/** A session whose other end is the test. */
export class FakeSession implements WireSession {
  readonly sent: Sent[] = [];
  readonly subscribed: string[] = [];
  isClosed = false;
  isDiscarded = false;
  readonly kind: TransportKind;
  readonly address: Address;
  readonly #events: SessionEvents;
  #connected = false;
  #ended = false;

  constructor(kind: TransportKind, address: Address, events: SessionEvents) {
    this.kind = kind;
    this.address = address;
    this.#events = events;
  }

  connect(): void {
    this.#connected = true;
    this.#events.onConnected();
  }

  receive(destination: string, body: unknown): void {
    this.#events.onMessage(destination, body);
  }

  end(end: Partial<SessionEnd>): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#events.onEnd({ transportOpened: this.#connected, connected: this.#connected, ...end });
    }
  }

  send(destination: string, body: object, receipt?: string): void {
    this.sent.push({ destination, body: { ...body }, receipt });
  }

  subscribe(destination: string): void {
    this.subscribed.push(destination);
  }

  close(): void {
    this.isClosed = true;
    this.end({ closeCode: 1000 });
  }

  discard(): void {
    this.isDiscarded = true;
    this.end({});
  }

  /** What was sent there, oldest first. */
  to(destination: string): Sent[] {
    return this.sent.filter(sent => sent.destination === destination);
  }
}

/** Keeps every session that was opened. */
export class FakeSessions {
  readonly all: FakeSession[] = [];
  refuseAll = false;

  readonly open: OpenSession = (kind, address, events) => {
    const session = new FakeSession(kind, address, events);
    this.all.push(session);
    if (this.refuseAll) {
      queueMicrotask(() => session.end({}));
    }
    return session;
  };

  get last(): FakeSession {
    const last = this.all.at(-1);
    if (last === undefined) {
      throw new Error('no session was opened');
    }
    return last;
  }
}
