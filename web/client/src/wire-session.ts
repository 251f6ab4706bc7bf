import { Client, type IFrame, type IStompSocket, Versions } from '@stomp/stompjs';
import { type Address, OPEN_TIMEOUT_MS, sockJsUrl, type TransportKind, webSocketUrl } from './transport.ts';

/**
 * What we ask for in both directions, in milliseconds; the server's answer may widen it. The beats run on a plain
 * interval: stompjs' worker needs a `blob:` script, which our content security policy refuses, and the server counts
 * three silent intervals, enough for a hidden tab whose timers run once a minute.
 */
const HEARTBEAT_MS = 20_000;
/** After an ERROR or a DISCONNECT the server closes; if it does not within this time we do. */
const CLOSE_WAIT_MS = 2_000;

/** Why and how far a session got before it ended. */
export interface SessionEnd {
  /** The transport itself had opened. */
  transportOpened: boolean;
  /** The server had answered CONNECTED. */
  connected: boolean;
  /** The WebSocket close code, if there was one. */
  closeCode?: number;
  /** The `code` header of the ERROR frame, if the server sent one. */
  errorCode?: string;
}

/** What a session tells its owner. `onEnd` comes exactly once and nothing comes after it. */
export interface SessionEvents {
  onConnected(): void;
  onMessage(destination: string, body: unknown): void;
  onEnd(end: SessionEnd): void;
}

/** One STOMP session on one transport, from opening to its end; never used again. */
export interface WireSession {
  /** Sends a command. The receipt id comes back in the answer or the refusal. */
  send(destination: string, body: object, receipt?: string): void;
  subscribe(destination: string): void;
  /** Ends it politely, with DISCONNECT. */
  close(): void;
  /** Ends it now; for a socket that cannot be trusted any more. */
  discard(): void;
}

export type OpenSession = (kind: TransportKind, address: Address, events: SessionEvents) => WireSession;

/** Opens a session with stompjs. One `Client` for each session, so nothing of an old transport can reach a new one. */
export const openStompSession: OpenSession = (kind, address, events) => new StompSession(kind, address, events);

class StompSession implements WireSession {
  readonly #client: Client;
  readonly #events: SessionEvents;
  readonly #end: SessionEnd = { transportOpened: false, connected: false };
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(kind: TransportKind, address: Address, events: SessionEvents) {
    this.#events = events;
    this.#client = new Client({
      reconnectDelay: 0,
      heartbeatIncoming: HEARTBEAT_MS,
      heartbeatOutgoing: HEARTBEAT_MS,
      discardWebsocketOnCommFailure: true,
      onConnect: () => this.#connected(),
      onStompError: frame => this.#refused(frame),
      onWebSocketClose: (event: CloseEvent) => this.#finish(event.code),
    });
    this.#timer = setTimeout(() => this.discard(), OPEN_TIMEOUT_MS);
    void this.#open(kind, address);
  }

  send(destination: string, body: object, receipt?: string): void {
    if (this.#ended || !this.#client.connected) {
      return;
    }
    this.#client.publish({
      destination,
      body: JSON.stringify(body),
      headers: receipt === undefined ? JSON_BODY : { ...JSON_BODY, receipt },
    });
  }

  subscribe(destination: string): void {
    if (this.#ended || !this.#client.connected) {
      return;
    }
    this.#client.subscribe(destination, message => this.#received(destination, message.body));
  }

  close(): void {
    this.#finish(1000);
    // The server answers the DISCONNECT; if it does not, nothing here waits for it.
    setTimeout(() => void this.#client.deactivate({ force: true }), CLOSE_WAIT_MS);
  }

  discard(): void {
    void this.#client.deactivate({ force: true });
    this.#finish(undefined);
  }

  async #open(kind: TransportKind, address: Address): Promise<void> {
    try {
      const socket = kind === 'websocket' ? openWebSocket(address) : await openSockJs(address);
      socket.addEventListener('open', () => {
        this.#end.transportOpened = true;
      });
      if (this.#ended) {
        socket.close();
        return;
      }
      this.#client.webSocketFactory = () => socket;
      this.#client.activate();
    } catch {
      // A WebSocket that the page may not open, or a SockJS that could not be loaded: as good as closed.
      this.#finish(undefined);
    }
  }

  #connected(): void {
    if (this.#ended) {
      return;
    }
    clearTimeout(this.#timer);
    this.#end.connected = true;
    this.#events.onConnected();
  }

  #received(destination: string, body: string): void {
    if (this.#ended) {
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return;
    }
    try {
      this.#events.onMessage(destination, value);
    } catch (error) {
      // Thrown through stompjs it would lose the frames behind this one; it still has to be seen.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #refused(frame: IFrame): void {
    this.#end.errorCode = frame.headers.code ?? 'unknown';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.discard(), CLOSE_WAIT_MS);
  }

  #finish(closeCode: number | undefined): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    clearTimeout(this.#timer);
    void this.#client.deactivate();
    this.#events.onEnd(closeCode === undefined ? this.#end : { ...this.#end, closeCode });
  }
}

const JSON_BODY = { 'content-type': 'application/json' };

type Socket = IStompSocket & { addEventListener(type: 'open', listener: () => void): void };

function openWebSocket(address: Address): Socket {
  return new WebSocket(webSocketUrl(address), Versions.default.protocolVersions()) as unknown as Socket;
}

async function openSockJs(address: Address): Promise<Socket> {
  const { default: SockJS } = await import('sockjs-client');
  return new SockJS(sockJsUrl(address), null, { timeout: OPEN_TIMEOUT_MS }) as unknown as Socket;
}
