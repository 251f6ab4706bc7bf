import * as decode from './decode.ts';
import { Emitter } from './emitter.ts';
import type { Ledger } from './ledger.ts';
import { RequestError } from './request.ts';

/** Heads of one page: more than a screen shows. */
export const ARCHIVE_PAGE = 50;
/** Of the earlier conversations with one customer, the last ones. */
const EARLIER_LIMIT = 20;
/** After a question without an answer none is put for this long, in milliseconds: lists ask whenever they are drawn. */
export const PAUSE_MS = 5_000;

type Ask = (destination: string, body: object) => Promise<unknown>;

/**
 * An agent's closed conversations, of which there is no end: fetched page by page, the last changed first, as far as
 * somebody looks.
 */
export class Archive {
  /** A page is on its way, or came. */
  readonly changed = new Emitter<void>();
  readonly #ask: Ask;
  readonly #ledger: Ledger;
  /** The `rev` before which nothing was fetched. */
  #before: number | undefined;
  #isComplete = false;
  #isLoading = false;
  #isPausing = false;
  /** The customers whose earlier conversations were asked for, and whether they came. */
  readonly #earlier = new Map<string, boolean>();

  constructor(ask: Ask, ledger: Ledger) {
    this.#ask = ask;
    this.#ledger = ledger;
  }

  /** There are no older ones. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** A first page was fetched. */
  get isBegun(): boolean {
    return this.#before !== undefined || this.#isComplete;
  }

  /** Fetches the next page. Nothing happens while one is on its way or none is left. */
  async loadMore(): Promise<void> {
    if (this.#isLoading || this.#isComplete || this.#isPausing) {
      return;
    }
    this.#setLoading(true);
    try {
      const before = this.#before;
      const page = await this.#list({ limit: ARCHIVE_PAGE, ...(before !== undefined && { before }) });
      const last = page?.conversations.at(-1);
      this.#isComplete = page !== undefined && (!page.more || last === undefined);
      this.#before = last?.rev ?? before;
    } finally {
      this.#setLoading(false);
    }
  }

  /** Fetches the last closed conversations with one customer, once. */
  async loadEarlier(customerId: string): Promise<void> {
    if (this.#earlier.has(customerId) || this.#isPausing) {
      return;
    }
    this.#earlier.set(customerId, false);
    if ((await this.#list({ customerId, limit: EARLIER_LIMIT })) === undefined) {
      this.#earlier.delete(customerId);
    } else {
      this.#earlier.set(customerId, true);
      this.changed.emit();
    }
  }

  /** The earlier conversations with this customer were fetched. */
  hasEarlier(customerId: string): boolean {
    return this.#earlier.get(customerId) === true;
  }

  /** Fetches one conversation, if it is a closed one of this agent's. */
  async loadOne(conversationId: string): Promise<void> {
    await this.#list({ conversationId });
  }

  /** The ledger began anew, so nothing is fetched. */
  reset(): void {
    this.#before = undefined;
    this.#isComplete = false;
    this.#earlier.clear();
  }

  async #list(body: object) {
    try {
      const page = decode.listReply(await this.#ask('/app/agent.list', { state: 'closed', ...body }));
      this.#ledger.archive(page?.conversations ?? []);
      return page;
    } catch (error) {
      if (!(error instanceof RequestError)) {
        throw error;
      }
      this.#pause();
      return undefined;
    }
  }

  #pause(): void {
    this.#isPausing = true;
    setTimeout(() => {
      this.#isPausing = false;
      this.changed.emit();
    }, PAUSE_MS);
  }

  #setLoading(isLoading: boolean): void {
    this.#isLoading = isLoading;
    this.changed.emit();
  }
}
