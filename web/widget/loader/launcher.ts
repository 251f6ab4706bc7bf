import { news, TEXTS } from './texts.ts';

const PATHS = {
  chat: 'M3.5 9.2c0-3.2 2.9-5.7 6.5-5.7s6.5 2.5 6.5 5.7-2.9 5.8-6.5 5.8c-.8 0-1.6-.1-2.3-.4L4 16.2l.9-3.2a5.3 5.3 0 0 1-1.4-3.8z',
  chevron: 'M5 7.5l5 5 5-5',
};
const SVG = 'http://www.w3.org/2000/svg';
/** More than this is not told apart. */
const UNREAD_MAX = 99;

/** The button on the page: it opens the panel, and counts what came in meanwhile. */
export class Launcher {
  readonly button = document.createElement('button');
  /** Says what came in to who does not look. */
  readonly voice = document.createElement('span');
  readonly #path = document.createElementNS(SVG, 'path');
  readonly #badge = document.createElement('span');
  readonly #lang: 'en' | 'zh';
  #unread = 0;

  constructor(lang: 'en' | 'zh') {
    this.#lang = lang;
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 20 20');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(this.#path);
    this.button.type = 'button';
    this.button.className = 'launcher';
    this.button.setAttribute('aria-haspopup', 'dialog');
    this.button.append(svg, this.#badge);
    this.#badge.className = 'badge';
    this.#badge.setAttribute('aria-hidden', 'true');
    this.voice.className = 'unseen';
    this.voice.setAttribute('role', 'status');
    this.show(0, false);
  }

  show(unread: number, isOpen: boolean): void {
    const texts = TEXTS[this.#lang];
    const told = news(this.#lang, unread);
    const isNews = unread > 0 && !isOpen;
    this.#path.setAttribute('d', PATHS[isOpen ? 'chevron' : 'chat']);
    this.#badge.hidden = !isNews;
    this.#badge.textContent = unread > UNREAD_MAX ? `${UNREAD_MAX}+` : String(unread);
    this.button.setAttribute('aria-expanded', String(isOpen));
    this.button.setAttribute('aria-label', isOpen ? texts.close : isNews ? `${texts.open}, ${told}` : texts.open);
    if (unread > this.#unread && isNews) {
      this.voice.textContent = told;
    }
    this.#unread = unread;
  }
}
