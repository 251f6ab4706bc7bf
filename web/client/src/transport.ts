/** How the bytes travel. SockJS is for networks that let no WebSocket through. */
export type TransportKind = 'websocket' | 'sockjs';

/** How long a transport may take to open before it counts as failed, in milliseconds. */
export const OPEN_TIMEOUT_MS = 8_000;

/** Once WebSocket has worked on this page, this many failures in a row before SockJS is tried again. */
const DOUBT_AFTER_FAILURES = 4;

/**
 * Decides which transport the next attempt uses.
 *
 * WebSocket first. If it never opened on this page, its failure is answered with SockJS at once, and the transport that
 * works is kept. If it had opened before, the network or the server is away and not WebSocket: it is tried again, and
 * SockJS only on every fourth failure, so that a restart of the server never moves everybody to the heavier transport.
 */
export class TransportChoice {
  #next: TransportKind = 'websocket';
  #webSocketWorks = false;
  #failures = 0;

  /** The transport for the next attempt. */
  get next(): TransportKind {
    return this.#next;
  }

  /** An attempt with `kind` opened. */
  opened(kind: TransportKind): void {
    this.#failures = 0;
    if (kind === 'websocket') {
      this.#webSocketWorks = true;
    }
    this.#next = this.#webSocketWorks ? 'websocket' : kind;
  }

  /** An attempt with `kind` ended before it opened. True: try the next one at once, without a delay. */
  failed(kind: TransportKind): boolean {
    this.#failures += 1;
    if (kind === 'sockjs') {
      this.#next = 'websocket';
      return false;
    }
    if (this.#webSocketWorks && this.#failures % DOUBT_AFTER_FAILURES !== 0) {
      return false;
    }
    this.#next = 'sockjs';
    return true;
  }
}

/** What opens a transport: the endpoint as an `http(s)` address without a query, and the token for it. */
export interface Address {
  endpoint: string;
  token: string;
}

/** The address of the plain WebSocket below an endpoint. */
export function webSocketUrl({ endpoint, token }: Address): string {
  const url = new URL(`${endpoint}/websocket`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('token', token);
  return url.href;
}

/** The address that sockjs-client takes; it puts its own path segments before the query. */
export function sockJsUrl({ endpoint, token }: Address): string {
  const url = new URL(endpoint);
  url.searchParams.set('token', token);
  return url.href;
}
