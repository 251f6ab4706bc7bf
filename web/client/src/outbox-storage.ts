/** A message on its way, as it is kept across reloads. */
export interface OutboxItem {
  /** The sender's own id of the message; the server takes each only once. */
  readonly clientId: string;
  /** Messages of one lane go out in order, one at a time: a conversation, or a customer's only lane. */
  readonly lane: string;
  /** Absent for a customer, whose open conversation the server knows. */
  readonly conversationId?: string;
  readonly text: string;
  /** Milliseconds since the epoch on this device; orders the items and is shown, nothing else. */
  readonly createdAt: number;
  /** Set once the server turned it down for good, or this device gave up. */
  readonly failure?: string;
}

/** Where an outbox keeps its items. Every method may fail; the outbox then goes on in memory. */
export interface OutboxStorage {
  load(): Promise<OutboxItem[]>;
  put(item: OutboxItem): Promise<void>;
  remove(clientId: string): Promise<void>;
}

/** IndexedDB if the browser lets us have it, else localStorage, else nothing outlives the page. */
export async function openOutboxStorage(owner: string): Promise<OutboxStorage> {
  try {
    return await IndexedOutbox.open(owner);
  } catch {
    return localOutbox(owner) ?? new MemoryOutbox();
  }
}

const STORE = 'items';
/** Some browsers leave the first request to a database unanswered; messages do not wait for them. */
const OPEN_TIMEOUT_MS = 2_000;

/** One database for each owner, so that two people on one device never send each other's messages. */
export class IndexedOutbox implements OutboxStorage {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
  }

  static async open(owner: string): Promise<IndexedOutbox> {
    const request = indexedDB.open(`stompline-outbox:${owner}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: 'clientId' });
    };
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('IndexedDB does not answer')), OPEN_TIMEOUT_MS);
    });
    return new IndexedOutbox(await Promise.race([settled(request), late]));
  }

  async load(): Promise<OutboxItem[]> {
    const rows: unknown = await settled(this.#store('readonly').getAll());
    return Array.isArray(rows) ? rows.filter(isItem) : [];
  }

  async put(item: OutboxItem): Promise<void> {
    await settled(this.#store('readwrite').put(item));
  }

  async remove(clientId: string): Promise<void> {
    await settled(this.#store('readwrite').delete(clientId));
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.#db.transaction(STORE, mode).objectStore(STORE);
  }
}

/** One localStorage entry for each item: two tabs never overwrite each other's. */
export class LocalOutbox implements OutboxStorage {
  readonly #storage: Storage;
  readonly #prefix: string;

  constructor(storage: Storage, owner: string) {
    this.#storage = storage;
    this.#prefix = `stompline-outbox:${owner}:`;
  }

  async load(): Promise<OutboxItem[]> {
    const keys = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index));
    return keys
      .filter(key => key?.startsWith(this.#prefix) === true)
      .map(key => parsed(this.#storage.getItem(key ?? '')))
      .filter(isItem);
  }

  async put(item: OutboxItem): Promise<void> {
    this.#storage.setItem(this.#prefix + item.clientId, JSON.stringify(item));
  }

  async remove(clientId: string): Promise<void> {
    this.#storage.removeItem(this.#prefix + clientId);
  }
}

/** Keeps nothing beyond the page. */
export class MemoryOutbox implements OutboxStorage {
  readonly #items = new Map<string, OutboxItem>();

  async load(): Promise<OutboxItem[]> {
    return [...this.#items.values()];
  }

  async put(item: OutboxItem): Promise<void> {
    this.#items.set(item.clientId, item);
  }

  async remove(clientId: string): Promise<void> {
    this.#items.delete(clientId);
  }
}

function localOutbox(owner: string): LocalOutbox | undefined {
  try {
    const probe = 'stompline-outbox-probe';
    localStorage.setItem(probe, '1');
    localStorage.removeItem(probe);
    return new LocalOutbox(localStorage, owner);
  } catch {
    return undefined;
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB refused'));
  });
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

function isItem(value: unknown): value is OutboxItem {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { clientId, lane, text, createdAt } = value as Record<string, unknown>;
  return (
    typeof clientId === 'string' && typeof lane === 'string' && typeof text === 'string' && typeof createdAt === 'number'
  );
}
