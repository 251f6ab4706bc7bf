/** Pointer moves of this long are sent as one, in milliseconds. */
export const POINTER_DEBOUNCE_MS = 250;

export type PointerKind = 'delivered' | 'read';

/** Sends a pointer; false if there is no session. */
export type SendPointer = (kind: PointerKind, conversationId: string, seq: number) => boolean;

interface Move {
  kind: PointerKind;
  conversationId: string;
  /** How far we are. */
  reached: number;
  /** How far the server says it knows. */
  known: number;
  /** How far this session has told it. */
  told: number;
}

/**
 * Tells the server how far messages have come here and have been read.
 *
 * Pointers are cumulative, so only the newest of a burst goes out, and one that was lost with a session is told again on
 * the next.
 */
export class Pointers {
  readonly #send: SendPointer;
  readonly #moves = new Map<string, Move>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: SendPointer) {
    this.#send = send;
  }

  /** This side has got as far as `seq`. */
  reach(kind: PointerKind, conversationId: string, seq: number): void {
    const move = this.#move(kind, conversationId);
    if (seq <= move.reached || seq <= move.known) {
      return;
    }
    move.reached = seq;
    this.#timer ??= setTimeout(() => this.#flush(), POINTER_DEBOUNCE_MS);
  }

  /** The server says how far it knows this side to be. */
  known(kind: PointerKind, conversationId: string, seq: number): void {
    const move = this.#move(kind, conversationId);
    move.known = Math.max(move.known, seq);
  }

  /** A new session: what an old one may have swallowed is told again. */
  resume(): void {
    for (const move of this.#moves.values()) {
      move.told = 0;
    }
    this.#timer ??= setTimeout(() => this.#flush(), POINTER_DEBOUNCE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    this.#timer = undefined;
    for (const move of this.#moves.values()) {
      const { kind, conversationId, reached, known, told } = move;
      if (reached > Math.max(known, told) && this.#send(kind, conversationId, reached)) {
        move.told = reached;
      }
    }
  }

  #move(kind: PointerKind, conversationId: string): Move {
    const key = `${kind}:${conversationId}`;
    let move = this.#moves.get(key);
    if (move === undefined) {
      move = { kind, conversationId, reached: 0, known: 0, told: 0 };
      this.#moves.set(key, move);
    }
    return move;
  }
}
