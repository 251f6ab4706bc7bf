import { type ReadonlySignal, signal } from '@preact/signals';

/** Something that is on or off, as somebody chose it on this device. Every tab follows. */
export class Choice {
  readonly #key: string;
  readonly #usual: boolean;
  readonly #isOn = signal(false);

  constructor(key: string, usual: boolean) {
    this.#key = key;
    this.#usual = usual;
    this.#isOn.value = this.#read();
    addEventListener('storage', event => {
      if (event.key === key || event.key === null) {
        this.#isOn.value = this.#read();
      }
    });
  }

  get isOn(): ReadonlySignal<boolean> {
    return this.#isOn;
  }

  set(isOn: boolean): void {
    this.#isOn.value = isOn;
    try {
      localStorage.setItem(this.#key, isOn ? 'on' : 'off');
    } catch {
      // Without storage it holds for this page.
    }
  }

  #read(): boolean {
    try {
      const stored = localStorage.getItem(this.#key);
      return stored === null ? this.#usual : stored === 'on';
    } catch {
      return this.#usual;
    }
  }
}
