import { FrameLink } from './frame-link.ts';
import { Launcher } from './launcher.ts';
import { recall, rememberGoing, rememberOpen } from './memory.ts';
import type { Identify, Settings } from './settings.ts';
import { dress, FULL_SCREEN } from './style.ts';
import { TEXTS } from './texts.ts';

export type EventName = 'unread' | 'open' | 'close';

/** The launcher on the page and the dialog with the panel. The panel's frame is loaded when there is a reason. */
export class Embed {
  readonly #settings: Settings;
  readonly #host = document.createElement('stompline-chat');
  readonly #dialog = document.createElement('dialog');
  readonly #launcher: Launcher;
  readonly #narrow = matchMedia(FULL_SCREEN);
  readonly #listeners: [EventName, (unread: number) => void][] = [];
  #identify: Identify | undefined;
  #root: ShadowRoot | undefined;
  #frame: FrameLink | undefined;
  #isOpen = false;
  /** The visitor opened it on this page, and did not find it open. */
  #wasOpened = false;
  #unread = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#identify = settings.identify;
    this.#launcher = new Launcher(settings.lang);
    this.#build();
    const { isGoing, isOpen } = recall();
    if (isOpen) {
      this.#isOpen = true;
      this.#load();
      this.#show();
    } else if (isGoing) {
      this.#load();
    }
  }

  open(): void {
    if (this.#isOpen) {
      return;
    }
    this.#isOpen = true;
    this.#wasOpened = true;
    rememberOpen(true);
    this.#load();
    this.#show();
    this.#focusPanel();
    this.#frame?.tell({ stompline: 'open' });
    this.#emit('open');
  }

  close(): void {
    if (!this.#isOpen) {
      return;
    }
    this.#isOpen = false;
    rememberOpen(false);
    this.#frame?.tell({ stompline: 'close' });
    this.#show();
    this.#launcher.button.focus();
    this.#emit('close');
  }

  /** Somebody has signed in to the site, or out of it (null). What was shown belongs to who was there before. */
  identify(identify: Identify | null): void {
    this.#identify = identify ?? undefined;
    if (this.#frame !== undefined) {
      const hadFocus = this.#hasFocus();
      this.#unload();
      this.#load();
      if (hadFocus) {
        this.#focusPanel();
      }
    }
  }

  on(name: EventName, listener: (unread: number) => void): void {
    this.#listeners.push([name, listener]);
  }

  #build(): void {
    const { lang, side } = this.#settings;
    const root = this.#host.attachShadow({ mode: 'closed' });
    this.#root = root;
    dress(root);
    const box = document.createElement('div');
    const { button, voice } = this.#launcher;
    box.className = side;
    box.lang = lang === 'zh' ? 'zh-CN' : 'en';
    box.append(button, this.#dialog, voice);
    root.append(box);
    this.#dialog.setAttribute('aria-label', TEXTS[lang].team);
    button.addEventListener('click', () => (this.#isOpen ? this.close() : this.open()));
    box.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        this.close();
      }
    });
    // On a phone the browser closes it by itself when somebody goes back.
    this.#dialog.addEventListener('close', () => {
      if (!this.#dialog.open) {
        this.close();
      }
    });
    this.#narrow.addEventListener('change', () => this.#show());
    visualViewport?.addEventListener('resize', () => this.#fit());
    visualViewport?.addEventListener('scroll', () => this.#fit());
    document.body.append(this.#host);
  }

  /** On a large screen the page beside the panel stays usable; on a phone the panel is all there is. */
  #show(): void {
    const dialog = this.#dialog;
    dialog.close();
    if (this.#isOpen && this.#narrow.matches) {
      dialog.showModal();
    } else {
      // `show()` would move the focus, also when the page is loaded with the panel open.
      dialog.open = this.#isOpen;
    }
    this.#fit();
    this.#launcher.show(this.#unread, this.#isOpen);
  }

  /** The keyboard of a phone covers a part of the page, and only the page is told. */
  #fit(): void {
    const { style } = this.#dialog;
    const isCovered = visualViewport != null && this.#narrow.matches && Math.abs(visualViewport.scale - 1) < 0.01;
    style.height = isCovered ? `${Math.round(visualViewport?.height ?? 0)}px` : '';
    style.top = isCovered ? `${Math.round(visualViewport?.offsetTop ?? 0)}px` : '';
  }

  #load(): void {
    if (this.#frame !== undefined) {
      return;
    }
    const { server, lang } = this.#settings;
    const frame = new FrameLink(server, lang, TEXTS[lang].team, this.#identify, {
      onReady: () => this.#reveal(),
      panel: () => ({ isOpen: this.#isOpen, takesFocus: this.#wasOpened }),
      onState: (unread, isGoing) => {
        rememberGoing(isGoing);
        this.#count(unread);
      },
      onClose: () => this.close(),
      onFailed: () => this.#fail(),
    });
    // Until the frame can be closed from inside, it is closed from here.
    const wait = element('button', 'wait', '✕');
    wait.setAttribute('aria-label', TEXTS[lang].close);
    wait.addEventListener('click', () => this.close());
    this.#frame = frame;
    this.#dialog.className = 'waiting';
    this.#dialog.replaceChildren(wait, frame.element);
  }

  #reveal(): void {
    const hadFocus = this.#hasFocus();
    this.#dialog.className = '';
    if (hadFocus) {
      this.#focusPanel();
    }
  }

  #hasFocus(): boolean {
    return this.#dialog.contains(this.#root?.activeElement ?? null);
  }

  #focusPanel(): void {
    const place = this.#dialog.className === 'waiting' ? '.wait' : 'iframe, .failed button';
    this.#dialog.querySelector<HTMLElement>(place)?.focus();
  }

  #unload(): void {
    this.#frame?.remove();
    this.#frame = undefined;
    this.#count(0);
  }

  #count(unread: number): void {
    const hasChanged = unread !== this.#unread;
    this.#unread = unread;
    this.#launcher.show(unread, this.#isOpen);
    if (hasChanged) {
      this.#emit('unread');
    }
  }

  /** What stands in the panel's place if there is none. */
  #fail(): void {
    const { server, lang } = this.#settings;
    const texts = TEXTS[lang];
    const hadFocus = this.#hasFocus();
    this.#unload();
    const box = element('div', 'failed', '');
    const retry = element('button', '', texts.retry);
    const own = element('a', '', texts.own);
    const close = element('button', 'text', texts.close);
    own.href = `${server}/widget/?lang=${lang}`;
    own.target = '_blank';
    own.rel = 'noopener';
    retry.addEventListener('click', () => {
      this.#load();
      this.#focusPanel();
    });
    close.addEventListener('click', () => this.close());
    box.setAttribute('role', 'alert');
    box.append(element('p', '', texts.failed), retry, own, close);
    this.#dialog.className = '';
    this.#dialog.replaceChildren(box);
    if (hadFocus) {
      this.#focusPanel();
    }
  }

  #emit(name: EventName): void {
    for (const [wanted, listener] of this.#listeners) {
      if (wanted === name) {
        listener(this.#unread);
      }
    }
  }
}

function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className: string, text: string): HTMLElementTagNameMap[Tag] {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
