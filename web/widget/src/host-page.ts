import type { FromFrame, ToFrame } from './frame-message.ts';
import { isOurs } from './frame-message.ts';

/** A page whose back end does not answer for this long has failed, in milliseconds. */
const TOKEN_TIMEOUT_MS = 15_000;

export type Start = Extract<ToFrame, { stompline: 'start' }>;

/**
 * The page of a site around this frame, as its loader speaks for it.
 *
 * The address says whose page it is. The server sent this page with a policy that lets no other site show it, so nobody else
 * reads what is said here.
 */
export class HostPage {
  onOpen: () => void = () => {};
  onClose: () => void = () => {};

  readonly #site: string;
  readonly #window: Window;
  readonly #asked = new Map<number, (answer: Extract<ToFrame, { stompline: 'token' }>) => void>();
  #onStart: (start: Start) => void = () => {};
  #asks = 0;

  constructor(site: string, window: Window) {
    this.#site = site;
    this.#window = window;
    window.addEventListener('message', event => {
      if (event.source === window.parent && event.origin === site && isOurs(event.data)) {
        this.#heard(event.data as ToFrame);
      }
    });
  }

  /** Undefined where no site shows this page. */
  static around(window: Window): HostPage | undefined {
    const site = new URLSearchParams(window.location.search).get('site');
    return site === null || window.parent === window ? undefined : new HostPage(site, window);
  }

  /** Says that this page listens; resolves when the loader has answered. */
  start(): Promise<Start> {
    return new Promise(resolve => {
      this.#onStart = resolve;
      this.tell({ stompline: 'ready' });
    });
  }

  tell(message: FromFrame): void {
    this.#window.parent.postMessage(message, this.#site);
  }

  /** The token of who is signed in to the site; undefined if nobody is. Rejects if the page cannot tell. */
  askToken(): Promise<string | undefined> {
    this.#asks += 1;
    const id = this.#asks;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('the page around the widget gave no token'));
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        fail();
      }, TOKEN_TIMEOUT_MS);
      this.#asked.set(id, answer => {
        clearTimeout(timer);
        this.#asked.delete(id);
        if (answer.hasFailed === true) {
          fail();
        } else {
          resolve(typeof answer.token === 'string' && answer.token !== '' ? answer.token : undefined);
        }
      });
      this.tell({ stompline: 'ask-token', id });
    });
  }

  #heard(message: ToFrame): void {
    switch (message.stompline) {
      case 'start':
        this.#onStart(message);
        break;
      case 'open':
        this.onOpen();
        break;
      case 'close':
        this.onClose();
        break;
      case 'token':
        this.#asked.get(message.id)?.(message);
    }
  }
}
