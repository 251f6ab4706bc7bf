/** A tab that spoke last goes on speaking for this long, in milliseconds. */
export const LEASE_MS = 60_000;
/** Two tabs that reach for the lease at the same time have both written it after this, in milliseconds. */
const SETTLE_MS = 80;

interface Lease {
  tab: string;
  until: number;
}

/**
 * Among the tabs of one page, the one that speaks for all: it holds a lock of the browser, which passes on when the tab
 * goes. Where there are no locks, on a page that came without TLS, a lease in the storage has to do.
 */
export class Leader {
  readonly #name: string;
  readonly #tab = crypto.getRandomValues(new Uint32Array(2)).join('-');
  readonly #locks: LockManager | null;
  readonly #end = new AbortController();
  #isHolding = false;

  constructor(name: string, locks: LockManager | null = navigator.locks ?? null) {
    this.#name = name;
    this.#locks = locks;
    if (locks === null) {
      addEventListener('pagehide', () => this.#release(), { signal: this.#end.signal });
    } else {
      // Whoever stops before their turn came is refused.
      locks.request(name, { signal: this.#end.signal }, () => this.#hold()).catch(() => undefined);
    }
  }

  /** Leaves it to others. */
  stop(): void {
    this.#isHolding = false;
    this.#end.abort();
    if (this.#locks === null) {
      this.#release();
    }
  }

  /** True in one tab at a time. */
  async isLeading(now: () => number = Date.now): Promise<boolean> {
    if (this.#locks !== null) {
      return this.#isHolding;
    }
    const lease = this.#read();
    if (lease !== undefined && lease.tab !== this.#tab && lease.until > now()) {
      return false;
    }
    try {
      localStorage.setItem(this.#name, JSON.stringify({ tab: this.#tab, until: now() + LEASE_MS }));
    } catch {
      return true;
    }
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
    return this.#read()?.tab === this.#tab;
  }

  #hold(): Promise<void> {
    this.#isHolding = true;
    return new Promise(resolve => this.#end.signal.addEventListener('abort', () => resolve()));
  }

  #release(): void {
    if (this.#read()?.tab === this.#tab) {
      localStorage.removeItem(this.#name);
    }
  }

  #read(): Lease | undefined {
    try {
      const lease: unknown = JSON.parse(localStorage.getItem(this.#name) ?? 'null');
      return typeof lease === 'object' && lease !== null ? (lease as Lease) : undefined;
    } catch {
      return undefined;
    }
  }
}
