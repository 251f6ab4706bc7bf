import { fullJitter } from './backoff.ts';
import { Emitter } from './emitter.ts';
import { MemoryOutbox, type OutboxItem, type OutboxStorage } from './outbox-storage.ts';

/** Refusals after which the same message may be sent again. All others are final. */
const RETRYABLE = new Set(['rate_limited', 'unavailable', 'cluster_unavailable', 'timeout']);

/** An answer that does not come within this time on a living session is asked for again, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 15_000;

/** Puts an item on the wire; false if there is no session to put it on. */
export type Transmit = (item: OutboxItem) => boolean;

export interface OutboxOptions {
  storage: Promise<OutboxStorage>;
  transmit: Transmit;
  random?: () => number;
}

interface Lane {
  inFlight?: string;
  attempts: number;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Messages that the server has not confirmed.
 *
 * Each lane sends in order and one at a time, so an order can neither be lost by a retry nor by a reconnect. An item
 * leaves only when the server confirmed it, or when a person deletes it after it failed for good. Sending the same
 * item twice is harmless: the server knows its `clientId`.
 *
 * Several tabs may hold the same items. That keeps the order too: a tab sends the second item of a lane only after
 * the first was confirmed to it.
 */
export class Outbox {
  readonly changed = new Emitter<void>();
  readonly #transmit: Transmit;
  readonly #random: () => number;
  readonly #items = new Map<string, OutboxItem>();
  readonly #lanes = new Map<string, Lane>();
  /** Confirmed or deleted while the storage was still being read. */
  readonly #gone = new Set<string>();
  #storage: OutboxStorage = new MemoryOutbox();
  #isOpen = false;
  /** Nothing is sent before the older items of earlier pages are known. */
  #isLoaded = false;
  #lastCreatedAt = 0;
  /** Resolves when the items of earlier pages are in. */
  readonly loaded: Promise<void>;

  constructor({ storage, transmit, random = Math.random }: OutboxOptions) {
    this.#transmit = transmit;
    this.#random = random;
    this.loaded = this.#load(storage);
  }

  /** All items, oldest first. */
  get items(): readonly OutboxItem[] {
    return [...this.#items.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Takes a message in and sends it as soon as its turn comes. */
  add(item: Omit<OutboxItem, 'createdAt'>, now: number = Date.now()): OutboxItem {
    // Two messages of one millisecond keep their order across a reload.
    this.#lastCreatedAt = Math.max(now, this.#lastCreatedAt + 1);
    const kept: OutboxItem = { ...item, createdAt: this.#lastCreatedAt };
    this.#items.set(kept.clientId, kept);
    this.#store(kept);
    this.changed.emit();
    this.#pump(kept.lane);
    return kept;
  }

  /** A new session is ready for messages: whatever was under way is sent again. */
  resume(): void {
    this.#isOpen = true;
    for (const lane of this.#lanes.values()) {
      release(lane);
    }
    this.#pumpAll();
  }

  /** The session is gone. Nothing is lost: what was under way waits for the next one. */
  pause(): void {
    this.#isOpen = false;
    for (const lane of this.#lanes.values()) {
      release(lane);
    }
  }

  /** The server has the message. */
  confirm(clientId: string): void {
    this.#gone.add(clientId);
    const item = this.#items.get(clientId);
    if (item === undefined) {
      return;
    }
    this.#drop(item);
    const lane = this.#lane(item.lane);
    if (lane.inFlight === clientId) {
      release(lane);
      lane.attempts = 0;
    }
    this.#pump(item.lane);
  }

  /** The server turned the message down. */
  refuse(clientId: string, code: string, retryAfterMs?: number): void {
    const item = this.#items.get(clientId);
    if (item === undefined) {
      return;
    }
    const lane = this.#lane(item.lane);
    if (RETRYABLE.has(code)) {
      if (lane.inFlight === clientId) {
        this.#again(item.lane, lane, retryAfterMs);
      }
      return;
    }
    this.#replace({ ...item, failure: code });
    if (lane.inFlight === clientId) {
      release(lane);
    }
    this.changed.emit();
    this.#pump(item.lane);
  }

  /** A session ended over the item under way, e.g. because it was too big: it would end every session to come. */
  refuseInFlight(code: string): void {
    for (const lane of [...this.#lanes.values()]) {
      if (lane.inFlight !== undefined) {
        this.refuse(lane.inFlight, code);
      }
    }
  }

  /** Sends a failed message once more. */
  retry(clientId: string): void {
    const item = this.#items.get(clientId);
    if (item?.failure === undefined) {
      return;
    }
    const { failure: _, ...again } = item;
    this.#replace(again);
    this.changed.emit();
    this.#pump(item.lane);
  }

  /** Forgets a failed message. One that is still on its way cannot be taken back. */
  discard(clientId: string): void {
    const item = this.#items.get(clientId);
    if (item?.failure !== undefined) {
      this.#gone.add(clientId);
      this.#drop(item);
    }
  }

  async #load(storage: Promise<OutboxStorage>): Promise<void> {
    let stored: OutboxItem[];
    try {
      this.#storage = await storage;
      stored = await this.#storage.load();
    } catch {
      stored = [];
    }
    this.#isLoaded = true;
    for (const item of this.#items.values()) {
      this.#store(item);
    }
    for (const item of stored) {
      if (!this.#items.has(item.clientId) && !this.#gone.has(item.clientId)) {
        this.#items.set(item.clientId, item);
      } else if (this.#gone.has(item.clientId)) {
        void this.#storage.remove(item.clientId).catch(ignore);
      }
    }
    this.#lastCreatedAt = Math.max(this.#lastCreatedAt, ...stored.map(item => item.createdAt));
    if (stored.length > 0) {
      this.changed.emit();
    }
    this.#pumpAll();
  }

  #pumpAll(): void {
    for (const name of new Set([...this.#items.values()].map(item => item.lane))) {
      this.#pump(name);
    }
  }

  #pump(name: string): void {
    const lane = this.#lane(name);
    if (!this.#isOpen || !this.#isLoaded || lane.inFlight !== undefined || lane.timer !== undefined) {
      return;
    }
    const item = this.items.find(candidate => candidate.lane === name && candidate.failure === undefined);
    if (item === undefined || !this.#transmit(item)) {
      return;
    }
    lane.inFlight = item.clientId;
    lane.timer = setTimeout(() => {
      release(lane);
      this.#pump(name);
    }, ANSWER_TIMEOUT_MS);
  }

  #again(name: string, lane: Lane, retryAfterMs: number | undefined): void {
    release(lane);
    const delay = retryAfterMs ?? fullJitter(lane.attempts + 1, this.#random);
    lane.attempts += 1;
    lane.timer = setTimeout(() => {
      lane.timer = undefined;
      this.#pump(name);
    }, delay);
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { attempts: 0 };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #replace(item: OutboxItem): void {
    this.#items.set(item.clientId, item);
    this.#store(item);
  }

  #drop(item: OutboxItem): void {
    this.#items.delete(item.clientId);
    void this.#storage.remove(item.clientId).catch(ignore);
    this.changed.emit();
  }

  #store(item: OutboxItem): void {
    void this.#storage.put(item).catch(ignore);
  }
}

function release(lane: Lane): void {
  clearTimeout(lane.timer);
  delete lane.inFlight;
  lane.timer = undefined;
}

/** The storage is full or gone. The item stays in memory and is sent from there. */
function ignore(): void {}
