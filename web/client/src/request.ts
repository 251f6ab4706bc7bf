import type { Person } from './wire.ts';

/** A question or command without an answer for this long has failed, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** A command or question was refused, or never answered. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** The server's code, or `disconnected` or `timeout` of our own. */
  readonly code: string;
  /** Who has the conversation instead, if that is the reason. */
  readonly assignee: Person | undefined;

  constructor(code: string, message: string, assignee?: Person) {
    super(message);
    this.code = code;
    this.assignee = assignee;
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: RequestError): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Matches answers to what was asked, by receipt id. */
export class Requests {
  readonly #waiting = new Map<string, Waiting>();
  #counter = 0;

  /** Asks through `send`, which gets the receipt id to use and says whether there was a session to ask on. */
  ask(send: (receipt: string) => boolean, timeoutMs: number = REQUEST_TIMEOUT_MS): Promise<unknown> {
    this.#counter += 1;
    const receipt = `r-${this.#counter}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(receipt);
        reject(new RequestError('timeout', 'the server did not answer in time'));
      }, timeoutMs);
      this.#waiting.set(receipt, { resolve, reject, timer });
      if (!send(receipt)) {
        this.refuse(receipt, new RequestError('disconnected', 'there is no connection'));
      }
    });
  }

  /** True if somebody waited for this receipt. */
  answer(receipt: string | undefined, answer: unknown): boolean {
    const waiting = this.#take(receipt);
    waiting?.resolve(answer);
    return waiting !== undefined;
  }

  /** True if somebody waited for this receipt. */
  refuse(receipt: string | undefined, error: RequestError): boolean {
    const waiting = this.#take(receipt);
    waiting?.reject(error);
    return waiting !== undefined;
  }

  /** The session is gone, and every answer with it. */
  refuseAll(): void {
    for (const receipt of [...this.#waiting.keys()]) {
      this.refuse(receipt, new RequestError('disconnected', 'the connection was lost'));
    }
  }

  #take(receipt: string | undefined): Waiting | undefined {
    const waiting = receipt === undefined ? undefined : this.#waiting.get(receipt);
    if (receipt !== undefined && waiting !== undefined) {
      clearTimeout(waiting.timer);
      this.#waiting.delete(receipt);
    }
    return waiting;
  }
}
