import { fullJitter } from './backoff.ts';
import * as decode from './decode.ts';
import { Emitter } from './emitter.ts';
import type { Ledger } from './ledger.ts';
import type { Link } from './link.ts';
import { RequestError, type Requests } from './request.ts';
import type { Bootstrap } from './wire.ts';

/** Items of one sync answer; the server's own bound. */
const SYNC_LIMIT = 200;
/** Heads of one list; the server's own bound. */
const LIST_LIMIT = 100;
/** Messages of one page of history. */
const HISTORY_LIMIT = 50;
const QUEUE = 'queue';

/**
 * Brings the ledger up to what the server has: a bootstrap the first time, then a sync from the cursor, and pages of
 * history where there are holes.
 */
export class CatchUp {
  /** A new session, or one that fell behind, is up to date. */
  readonly done = new Emitter<void>();
  readonly bootstrapped = new Emitter<Bootstrap>();
  /** Something started or stopped loading. */
  readonly changed = new Emitter<void>();

  readonly #link: Link;
  readonly #requests: Requests;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  readonly #loading = new Set<string>();
  #isBootstrapped = false;
  /** The `rev` before which there are active conversations that are not held yet. */
  #restBefore: number | undefined;
  #isRunning = false;
  #refusals = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #mustRunAgain = false;
  #snapshotReceipt: string | undefined;
  #snapshotPending: Promise<Bootstrap> | undefined;

  constructor(link: Link, requests: Requests, ledger: Ledger, random: () => number = Math.random) {
    this.#random = random;
    this.#link = link;
    this.#requests = requests;
    this.#ledger = ledger;
    ledger.behind.on(() => void this.run());
    ledger.hole.on(({ conversationId, after }) => void this.#history(conversationId, { after }));
  }

  isLoading(conversationId: string): boolean {
    return this.#loading.has(conversationId);
  }

  /** A new session: whatever the old one was asked is void. */
  begin(): void {
    clearTimeout(this.#retryTimer);
    this.#isRunning = false;
    void this.run();
  }

  /** Asks for what is missing, page by page. One run at a time; what is found missing meanwhile is asked for after it. */
  async run(timeoutMs?: number): Promise<void> {
    if (!this.#link.isOpen) {
      return;
    }
    if (this.#isRunning) {
      this.#mustRunAgain = true;
      return;
    }
    this.#isRunning = true;
    this.#link.fellBehind();
    try {
      do {
        this.#mustRunAgain = false;
        await this.#sync(timeoutMs);
        await this.#loadRest(timeoutMs);
      } while (this.#mustRunAgain);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#isRunning = false;
    this.#refusals = 0;
    this.#link.caughtUp();
    this.done.emit();
  }

  /** No answer: the session is of no use. Refused for now: the session is good, and asks again later. */
  #failed(error: unknown): void {
    if (!(error instanceof RequestError)) {
      throw error;
    }
    if (error.code === 'disconnected') {
      return;
    }
    this.#isRunning = false;
    if (error.code === 'timeout') {
      this.#link.replace();
      return;
    }
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.run(), fullJitter(this.#refusals + 1, this.#random));
    this.#refusals += 1;
  }

  /** The answer to the subscription of `/app/bootstrap`. */
  onSnapshot(body: unknown): void {
    this.#requests.answer(this.#snapshotReceipt, body);
  }

  /** A page of what comes before the messages on hand. Nothing happens while one is on its way or none is left. */
  async loadOlder(conversationId: string): Promise<void> {
    const conversation = this.#ledger.conversations.get(conversationId);
    if (conversation === undefined || conversation.isComplete) {
      return;
    }
    const { loadedFrom } = conversation;
    await this.#history(conversationId, loadedFrom === undefined ? {} : { before: loadedFrom });
  }

  /** Of a long queue only a part is listed; as that is worked off, the next part is fetched. */
  async refreshQueue(): Promise<void> {
    if (this.#ledger.needsQueue && !this.#loading.has(QUEUE)) {
      await this.#whileLoading(QUEUE, async () => {
        const { queue } = await this.#snapshot();
        if (queue !== undefined) {
          this.#ledger.queueSnapshot(queue);
        }
      });
    }
  }

  /** Sends a command or a question and waits for its answer. */
  ask(destination: string, body: object, timeoutMs?: number): Promise<unknown> {
    return this.#requests.ask(receipt => this.#link.send(destination, body, receipt), timeoutMs);
  }

  async #sync(timeoutMs: number | undefined): Promise<void> {
    while (this.#isBootstrapped) {
      const body = { since: this.#ledger.cursor, open: this.#ledger.open, limit: SYNC_LIMIT };
      const reply = decode.syncReply(await this.ask('/app/sync', body, timeoutMs));
      if (reply === undefined || reply.reset === true) {
        this.#isBootstrapped = false;
        break;
      }
      this.#ledger.sync(reply);
      if (!reply.more) {
        void this.refreshQueue();
        return;
      }
    }
    const snapshot = await this.#snapshot();
    this.#isBootstrapped = true;
    this.#restBefore = snapshot.more ? snapshot.conversations.at(-1)?.rev : undefined;
    this.bootstrapped.emit(snapshot);
  }

  /** A first screen names only so many of an agent's active conversations; the others follow as heads. */
  async #loadRest(timeoutMs: number | undefined): Promise<void> {
    while (this.#restBefore !== undefined) {
      const body = { state: 'active', before: this.#restBefore, limit: LIST_LIMIT };
      const page = decode.listReply(await this.ask('/app/agent.list', body, timeoutMs));
      this.#ledger.archive(page?.conversations ?? []);
      this.#restBefore = page?.more === true ? page.conversations.at(-1)?.rev : undefined;
    }
  }

  #snapshot(): Promise<Bootstrap> {
    this.#snapshotPending ??= this.#requests
      .ask(receipt => {
        this.#snapshotReceipt = receipt;
        this.#link.subscribe('/app/bootstrap');
        return this.#link.isOpen;
      })
      .then(body => {
        const snapshot = decode.bootstrap(body);
        if (snapshot === undefined) {
          throw new RequestError('unknown', 'the first screen cannot be read');
        }
        return snapshot;
      })
      .finally(() => {
        this.#snapshotPending = undefined;
      });
    return this.#snapshotPending;
  }

  async #history(conversationId: string, bound: { before?: number; after?: number }): Promise<void> {
    if (this.#loading.has(conversationId)) {
      return;
    }
    const body = { conversationId, ...bound, limit: HISTORY_LIMIT };
    let page: unknown;
    await this.#whileLoading(conversationId, async () => {
      page = await this.ask('/app/history', body);
    });
    const reply = decode.historyReply(page);
    if (reply !== undefined) {
      this.#ledger.history(reply, bound.after !== undefined);
    }
  }

  async #whileLoading(what: string, load: () => Promise<void>): Promise<void> {
    this.#loading.add(what);
    this.changed.emit();
    try {
      await load();
    } catch (error) {
      ignoreRefusal(error);
    } finally {
      this.#loading.delete(what);
      this.changed.emit();
    }
  }
}

/** Refused or unanswered: it is asked again when it is needed again. Anything else is a fault of ours. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof RequestError)) {
    throw error;
  }
}
