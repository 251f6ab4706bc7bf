/** How close somebody is to a thing: not at the page, at the page but not at the thing, or looking at it. */
export type Attention = 'away' | 'elsewhere' | 'there';

/** Another tab that is looked at has answered by then, in milliseconds, also on a busy machine. */
const ANSWER_MS = 2_000;

/** Whether this page is before somebody's eyes. */
export function isLookedAt(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}

type Word = { ask: string; topic: string } | { answer: string; attention: Attention };

/** Knows over all tabs of a page what somebody looks at. */
export class Watch {
  readonly #here: (topic: string) => Attention;
  readonly #answerMs: number;
  readonly #channel: BroadcastChannel | undefined;
  readonly #asked = new Map<string, (attention: Attention) => void>();
  #count = 0;

  /** `here` says it of this tab. */
  constructor(name: string, here: (topic: string) => Attention, answerMs: number = ANSWER_MS) {
    this.#here = here;
    this.#answerMs = answerMs;
    this.#channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
    this.#channel?.addEventListener('message', ({ data }) => this.#hear(data as Word));
  }

  /** The closest attention of any tab. */
  async to(topic: string): Promise<Attention> {
    let closest = this.#here(topic);
    if (closest !== 'away' || this.#channel === undefined) {
      return closest;
    }
    this.#count += 1;
    const ask = `${crypto.getRandomValues(new Uint32Array(1))[0]}-${this.#count}`;
    await new Promise<void>(resolve => {
      // One tab at most is looked at.
      this.#asked.set(ask, attention => {
        closest = attention;
        resolve();
      });
      this.#channel?.postMessage({ ask, topic } satisfies Word);
      setTimeout(resolve, this.#answerMs);
    });
    this.#asked.delete(ask);
    return closest;
  }

  stop(): void {
    this.#channel?.close();
  }

  #hear(word: Word): void {
    if ('answer' in word) {
      this.#asked.get(word.answer)?.(word.attention);
      return;
    }
    const attention = this.#here(word.topic);
    if (attention !== 'away') {
      this.#channel?.postMessage({ answer: word.ask, attention } satisfies Word);
    }
  }
}
