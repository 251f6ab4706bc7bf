import { fullJitter } from './backoff.ts';
import { Emitter } from './emitter.ts';
import { Refused, type TokenRefusal, type TokenSource } from './token.ts';
import { TransportChoice, type TransportKind } from './transport.ts';
import { type OpenSession, openStompSession, type SessionEnd, type WireSession } from './wire-session.ts';

/** The connection as a person would name it. */
export type LinkState = 'idle' | 'connecting' | 'live' | 'catching-up' | 'reconnecting' | 'offline' | 'refused';

/** Why the server will not have us. `replaced`: the session was ended in favour of another one of the same user. */
export type Refusal = TokenRefusal | 'forbidden' | 'replaced';

/** After failing for this long the state is called offline, in milliseconds. */
export const OFFLINE_AFTER_MS = 60_000;

/** Asks over plain HTTP whether a client would be let in, when a socket was closed before it opened; gives the status. */
export type Probe = (url: string) => Promise<number | undefined>;

export interface LinkOptions {
  /** The endpoint as an `http(s)` address, e.g. `https://host/ws/chat`. */
  endpoint: string;
  tokens: TokenSource;
  /** For tests. */
  open?: OpenSession;
  probe?: Probe;
  random?: () => number;
  isOnline?: () => boolean;
}

/**
 * Keeps one session open: the connection state machine.
 *
 * It knows how to connect, what an end means and when to come back, and nothing of what is said on the session. Its
 * owner calls {@link caughtUp} once the first answer on a new session has been applied.
 */
export class Link {
  readonly changed = new Emitter<LinkState>();
  readonly connected = new Emitter<void>();
  readonly lost = new Emitter<SessionEnd>();
  readonly received = new Emitter<{ destination: string; body: unknown }>();

  readonly #options: Required<LinkOptions>;
  readonly #choice = new TransportChoice();
  #state: LinkState = 'idle';
  #refusal: Refusal | undefined;
  #session: WireSession | undefined;
  #isOpen = false;
  /** Counts attempts and stops, so that a late answer of an old attempt is recognised. */
  #generation = 0;
  #attempts = 0;
  #tokenTurnedDown = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #offlineTimer: ReturnType<typeof setTimeout> | undefined;
  #delayAsked: number | undefined;
  #lastReceivedAt = 0;

  constructor(options: LinkOptions) {
    this.#options = {
      open: openStompSession,
      probe: probeStatus,
      random: Math.random,
      isOnline: () => globalThis.navigator?.onLine ?? true,
      ...options,
    };
  }

  get state(): LinkState {
    return this.#state;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** True while commands reach the server. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How long ago the server was last heard, in milliseconds. */
  get silenceMs(): number {
    return Date.now() - this.#lastReceivedAt;
  }

  start(): void {
    if (this.#state !== 'idle') {
      return;
    }
    this.#enter('connecting');
    this.#watchForOffline();
    this.#attempt();
  }

  /** Ends the session politely and stays away. */
  stop(): void {
    this.#abandon();
    this.#attempts = 0;
    this.#refusal = undefined;
    this.#enter('idle');
  }

  /** The first answer on the new session has been applied: what is shown is what the server has. */
  caughtUp(): void {
    if (this.#state === 'catching-up') {
      this.#attempts = 0;
      this.#tokenTurnedDown = 0;
      this.#enter('live');
    }
  }

  /** The session is behind again and asks for what it missed. */
  fellBehind(): void {
    if (this.#state === 'live') {
      this.#enter('catching-up');
    }
  }

  /** Something suggests that the network is back, or a person asked: forget the delays and try now. */
  retry(): void {
    if (this.#state === 'idle' || this.#isOpen) {
      return;
    }
    this.#attempts = 0;
    this.#tokenTurnedDown = 0;
    if (this.#state === 'refused') {
      this.#refusal = undefined;
      this.#enter('connecting');
      this.#watchForOffline();
      this.#attempt();
      return;
    }
    if (this.#retryTimer !== undefined) {
      this.#attempt();
    }
  }

  /** The network says it is gone. Shown only while there is no session; a session is believed until it fails. */
  networkLost(): void {
    if (this.#state === 'reconnecting') {
      this.#enter('offline');
    }
  }

  /** Replaces a session that is open but does not answer. */
  replace(): void {
    if (this.#isOpen) {
      this.#session?.discard();
    }
  }

  /** The server announced that it goes away and when to come back. */
  comeBackAfter(delayMs: number): void {
    this.#delayAsked = delayMs;
  }

  send(destination: string, body: object, receipt?: string): boolean {
    if (!this.#isOpen || this.#session === undefined) {
      return false;
    }
    this.#session.send(destination, body, receipt);
    return this.#isOpen;
  }

  subscribe(destination: string): void {
    if (this.#isOpen) {
      this.#session?.subscribe(destination);
    }
  }

  #attempt(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#generation += 1;
    void this.#connect(this.#generation);
  }

  async #connect(generation: number): Promise<void> {
    let token: string;
    try {
      token = await this.#options.tokens.token(this.#tokenTurnedDown > 0);
    } catch (error) {
      if (generation === this.#generation) {
        if (error instanceof Refused) {
          this.#refuse(error.reason);
        } else {
          this.#comeBack(false);
        }
      }
      return;
    }
    if (generation !== this.#generation) {
      return;
    }
    const kind = this.#choice.next;
    const { endpoint, open } = this.#options;
    this.#session = open(kind, { endpoint, token }, {
      onConnected: () => this.#opened(generation, kind),
      onMessage: (destination, body) => {
        if (generation === this.#generation) {
          this.#lastReceivedAt = Date.now();
          this.received.emit({ destination, body });
        }
      },
      onEnd: end => {
        if (generation === this.#generation) {
          void this.#ended(generation, kind, token, end);
        }
      },
    });
  }

  #opened(generation: number, kind: TransportKind): void {
    if (generation !== this.#generation) {
      return;
    }
    this.#choice.opened(kind);
    this.#isOpen = true;
    this.#delayAsked = undefined;
    this.#lastReceivedAt = Date.now();
    clearTimeout(this.#offlineTimer);
    this.#offlineTimer = undefined;
    this.#enter('catching-up');
    this.connected.emit();
  }

  async #ended(generation: number, kind: TransportKind, token: string, end: SessionEnd): Promise<void> {
    this.#session = undefined;
    this.#isOpen = false;
    if (end.connected) {
      this.lost.emit(end);
    }
    let verdict = verdictOn(end);
    if (verdict === 'unknown' && !end.transportOpened) {
      // A browser does not tell why a handshake failed; `/info` is asked the same question and answers it.
      const status = await this.#options.probe(`${this.#options.endpoint}/info?token=${encodeURIComponent(token)}`);
      verdict = status === 401 ? 'token' : status === 403 ? 'forbidden' : 'unknown';
      if (generation !== this.#generation) {
        return;
      }
    }
    if (verdict === 'token') {
      this.#tokenTurnedDown += 1;
      if (this.#tokenTurnedDown > 1) {
        this.#refuse('token');
      } else {
        this.#comeBack(true);
      }
    } else if (verdict === 'forbidden' || verdict === 'replaced') {
      this.#refuse(verdict);
    } else {
      this.#comeBack(!end.connected && verdict === 'unknown' && this.#choice.failed(kind));
    }
  }

  #comeBack(atOnce: boolean): void {
    if (this.#offlineTimer === undefined) {
      this.#watchForOffline();
    }
    if (this.#state !== 'offline') {
      this.#enter(this.#options.isOnline() ? 'reconnecting' : 'offline');
    }
    const delay = atOnce ? 0 : (this.#delayAsked ?? fullJitter(this.#attempts, this.#options.random));
    this.#delayAsked = undefined;
    if (!atOnce) {
      this.#attempts += 1;
    }
    this.#retryTimer = setTimeout(() => this.#attempt(), delay);
  }

  #refuse(reason: Refusal): void {
    this.#abandon();
    this.#refusal = reason;
    this.#enter('refused');
  }

  #abandon(): void {
    this.#generation += 1;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#offlineTimer);
    this.#retryTimer = undefined;
    this.#offlineTimer = undefined;
    const session = this.#session;
    const wasOpen = this.#isOpen;
    this.#session = undefined;
    this.#isOpen = false;
    session?.close();
    if (wasOpen) {
      this.lost.emit({ transportOpened: true, connected: true, closeCode: 1000 });
    }
  }

  #watchForOffline(): void {
    clearTimeout(this.#offlineTimer);
    this.#offlineTimer = setTimeout(() => {
      if (this.#state === 'connecting' || this.#state === 'reconnecting') {
        this.#enter('offline');
      }
    }, OFFLINE_AFTER_MS);
  }

  #enter(state: LinkState): void {
    if (this.#state !== state) {
      this.#state = state;
      this.changed.emit(state);
    }
  }
}

type Verdict = Refusal | 'known' | 'unknown';

/** What an end asks of us. `known`: the server said why, and coming back is right. */
function verdictOn({ closeCode, errorCode }: SessionEnd): Verdict {
  if (closeCode === 4401 || errorCode?.startsWith('token_') === true) {
    return 'token';
  }
  if (closeCode === 4409) {
    return 'replaced';
  }
  if (closeCode === 1008 || errorCode === 'wrong_user_type') {
    return 'forbidden';
  }
  return errorCode !== undefined || (closeCode !== undefined && closeCode >= 4000 && closeCode !== 4001)
    ? 'known'
    : 'unknown';
}

async function probeStatus(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(4_000) });
    return response.status;
  } catch {
    return undefined;
  }
}
