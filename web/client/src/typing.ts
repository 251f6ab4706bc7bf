import { Emitter } from './emitter.ts';
import type { UserRef } from './wire.ts';

/** While somebody writes, this is how often the other side is told, in milliseconds. */
export const TYPING_EVERY_MS = 2_000;

interface Typist {
  who: UserRef;
  timer: ReturnType<typeof setTimeout>;
}

/** Who is writing right now. Every note of it dies by itself, because the one that ends it may be lost. */
export class TypingBoard {
  readonly changed = new Emitter<string>();
  readonly #typists = new Map<string, Map<string, Typist>>();

  note(conversationId: string, who: UserRef, on: boolean, ttlMs: number): void {
    this.forget(conversationId, who);
    if (!on) {
      return;
    }
    const timer = setTimeout(() => this.forget(conversationId, who), ttlMs);
    const typists = this.#typists.get(conversationId) ?? new Map<string, Typist>();
    this.#typists.set(conversationId, typists.set(keyOf(who), { who, timer }));
    this.changed.emit(conversationId);
  }

  /** Somebody stopped, or sent what they wrote. */
  forget(conversationId: string, who: UserRef): void {
    const typists = this.#typists.get(conversationId);
    const typist = typists?.get(keyOf(who));
    if (typists === undefined || typist === undefined) {
      return;
    }
    clearTimeout(typist.timer);
    typists.delete(keyOf(who));
    if (typists.size === 0) {
      this.#typists.delete(conversationId);
    }
    this.changed.emit(conversationId);
  }

  in(conversationId: string): UserRef[] {
    return [...(this.#typists.get(conversationId)?.values() ?? [])].map(typist => typist.who);
  }

  clear(): void {
    for (const [conversationId, typists] of [...this.#typists]) {
      for (const { who } of [...typists.values()]) {
        this.forget(conversationId, who);
      }
    }
  }
}

/** Tells the others that this side is writing, at most every {@link TYPING_EVERY_MS}. */
export class TypingNotice {
  readonly #send: (conversationId: string, on: boolean) => void;
  #conversationId: string | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(send: (conversationId: string, on: boolean) => void) {
    this.#send = send;
  }

  /** A key was pressed in the composer. */
  typed(conversationId: string, now: number = Date.now()): void {
    if (this.#conversationId !== conversationId) {
      this.stopped();
    }
    if (this.#conversationId === conversationId && now - this.#toldAt < TYPING_EVERY_MS) {
      return;
    }
    this.#conversationId = conversationId;
    this.#toldAt = now;
    this.#send(conversationId, true);
  }

  /** The composer was emptied or left. Nothing is said if nothing was said before. */
  stopped(): void {
    if (this.#conversationId !== undefined) {
      this.#send(this.#conversationId, false);
      this.#conversationId = undefined;
      this.#toldAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** The message itself went out, which says it all. */
  sent(): void {
    this.#conversationId = undefined;
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }
}

function keyOf(who: UserRef): string {
  return `${who.role}:${who.id}`;
}
