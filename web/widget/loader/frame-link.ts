import { type FromFrame, isOurs, type ToFrame } from '../src/frame-message.ts';
import type { Identify } from './settings.ts';

/** A page that was loaded and does not speak is none of ours: most likely the browser's own, about a site that is not listed. */
const SILENCE_MS = 3_000;
const LOAD_MS = 20_000;

export interface FrameEvents {
  /** Whether the panel is open, and whether the visitor opened it on this page. */
  panel(): { isOpen: boolean; takesFocus: boolean };
  onReady(): void;
  onState(unread: number, isGoing: boolean): void;
  onClose(): void;
  onFailed(): void;
}

/** The frame with the panel, which belongs to the server's origin, and what is said to it. */
export class FrameLink {
  readonly element = document.createElement('iframe');
  readonly #server: string;
  readonly #identify: Identify | undefined;
  readonly #events: FrameEvents;
  readonly #hear = (event: MessageEvent): void => this.#heard(event);
  #isReady = false;
  #timer: ReturnType<typeof setTimeout>;

  constructor(server: string, lang: string, title: string, identify: Identify | undefined, events: FrameEvents) {
    this.#server = server;
    this.#identify = identify;
    this.#events = events;
    const { element } = this;
    element.title = title;
    element.src = `${server}/widget/?view=panel&lang=${lang}&site=${encodeURIComponent(location.origin)}`;
    this.#timer = setTimeout(() => this.#failUnlessReady(), LOAD_MS);
    element.addEventListener('load', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#failUnlessReady(), SILENCE_MS);
    });
    addEventListener('message', this.#hear);
  }

  tell(message: ToFrame): void {
    if (this.#isReady) {
      // Should the frame lead somewhere else, nobody there is told anything.
      this.element.contentWindow?.postMessage(message, this.#server);
    }
  }

  remove(): void {
    clearTimeout(this.#timer);
    removeEventListener('message', this.#hear);
    this.element.remove();
  }

  #heard({ source, origin, data }: MessageEvent): void {
    if (source !== this.element.contentWindow || origin !== this.#server || !isOurs(data)) {
      return;
    }
    const message = data as FromFrame;
    switch (message.stompline) {
      case 'ready':
        this.#isReady = true;
        this.#events.onReady();
        this.tell({ stompline: 'start', ...this.#events.panel(), isIdentified: this.#identify !== undefined });
        break;
      case 'state':
        this.#events.onState(message.unread, message.isGoing);
        break;
      case 'close':
        this.#events.onClose();
        break;
      case 'ask-token':
        void this.#answer(message.id);
    }
  }

  async #answer(id: number): Promise<void> {
    try {
      const token = await this.#identify?.();
      this.tell({ stompline: 'token', id, ...(typeof token === 'string' && { token }) });
    } catch (error) {
      console.warn('Stompline: the page cannot tell who is signed in.', error);
      this.tell({ stompline: 'token', id, hasFailed: true });
    }
  }

  #failUnlessReady(): void {
    if (!this.#isReady) {
      console.warn(`Stompline: the chat could not be loaded. Is ${location.origin} in widget.origins of ${this.#server}?`);
      this.#events.onFailed();
    }
  }
}
