import { Choice, type Notice } from '@stompline/ui';

/** Notes of the desktop. A click on one leads back to what it is about. */
export class Notes {
  readonly #choice: Choice;
  readonly #onOpen: (topic: string) => void;
  readonly #shown = new Set<Notification>();

  constructor(name: string, onOpen: (topic: string) => void) {
    this.#choice = new Choice(`${name}:notes`, false);
    this.#onOpen = onOpen;
    addEventListener('focus', () => this.#clear());
  }

  /** Browsers have them only on pages that came over TLS or from this machine. */
  get isPossible(): boolean {
    return typeof Notification !== 'undefined' && isSecureContext;
  }

  /** They are wanted, and the browser lets them be shown. */
  get isOn(): boolean {
    return this.#choice.isOn.value && this.isPossible && Notification.permission === 'granted';
  }

  /** Somebody pressed the switch, which is the only time the browser may be asked; false if it refuses. */
  async press(): Promise<boolean> {
    if (this.isOn) {
      this.#choice.set(false);
      return true;
    }
    const isAllowed = (await Notification.requestPermission()) === 'granted';
    this.#choice.set(isAllowed);
    return isAllowed;
  }

  show({ topic, title, text }: Notice): void {
    if (!this.isOn) {
      return;
    }
    let note: Notification;
    try {
      note = new Notification(title, { body: text, tag: topic });
    } catch {
      // Chrome on Android shows notes only for service workers.
      return;
    }
    this.#shown.add(note);
    note.addEventListener('click', () => {
      window.focus();
      this.#onOpen(topic);
      note.close();
    });
    note.addEventListener('close', () => this.#shown.delete(note));
  }

  /** Whoever is back sees it on the page. */
  #clear(): void {
    for (const note of [...this.#shown]) {
      note.close();
    }
    this.#shown.clear();
  }
}
