import { Emitter } from './emitter.ts';
import type { LinkState } from './link.ts';

/** What a person should be told about the connection. */
export type Banner = 'none' | 'updating' | 'reconnecting' | 'offline' | 'refused';

/** A short catch-up is not worth a word, in milliseconds. */
export const UPDATING_AFTER_MS = 500;
/** Neither is a short drop, in milliseconds. */
export const RECONNECTING_AFTER_MS = 2_000;

/**
 * Turns connection states into words after a while, so that nothing flickers.
 *
 * A drop keeps its own clock while the state goes to and fro between reconnecting and catching up: only `live` ends it.
 */
export class BannerTimer {
  readonly changed = new Emitter<Banner>();
  #banner: Banner = 'none';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitingFor: Banner = 'none';

  get value(): Banner {
    return this.#banner;
  }

  enter(state: LinkState): void {
    switch (state) {
      case 'idle':
      case 'connecting':
      case 'live':
        this.#show('none');
        break;
      case 'catching-up':
        this.#later('updating', UPDATING_AFTER_MS);
        break;
      case 'reconnecting':
        this.#later('reconnecting', RECONNECTING_AFTER_MS);
        break;
      case 'offline':
      case 'refused':
        this.#show(state);
        break;
    }
  }

  #later(banner: Banner, delayMs: number): void {
    if (this.#banner !== 'none') {
      this.#show(banner);
      return;
    }
    if (this.#timer !== undefined && this.#waitingFor === banner) {
      return;
    }
    clearTimeout(this.#timer);
    this.#waitingFor = banner;
    this.#timer = setTimeout(() => this.#show(banner), delayMs);
  }

  #show(banner: Banner): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#banner !== banner) {
      this.#banner = banner;
      this.changed.emit(banner);
    }
  }
}
