type Listener<T> = (value: T) => void;

/** A list of listeners to one kind of event. */
export class Emitter<T> {
  readonly #listeners = new Set<Listener<T>>();

  /** Adds a listener and returns what removes it. */
  on(listener: Listener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) {
      listener(value);
    }
  }
}
