/** How long anything may take before a test fails, in milliseconds. Long, because a busy machine is not a fault. */
export const PATIENCE_MS = 40_000;

/** Things that arrive, in their order, and a way to wait for them. */
export class Inbox {
  items = [];
  #what;
  #waiting = new Set();

  /** @param {string} what named when waiting fails */
  constructor(what) {
    this.#what = what;
  }

  get length() {
    return this.items.length;
  }

  add(item) {
    this.items.push(item);
    for (const look of [...this.#waiting]) {
      look();
    }
  }

  /** The first item that fits `wanted` (fields that must be equal, or a function), from `from` on, now or later. */
  find(wanted, { from = 0, ms = PATIENCE_MS } = {}) {
    const fits = fitting(wanted);
    return this.#wait(() => this.items.slice(from).find(fits), describe(wanted), ms);
  }

  /** Resolves when `count` items that fit are there, with all that fit. */
  count(count, wanted = () => true, { ms = PATIENCE_MS } = {}) {
    const fits = fitting(wanted);
    const look = () => {
      const found = this.items.filter(fits);
      return found.length >= count ? found : undefined;
    };
    return this.#wait(look, `${count} of ${describe(wanted)}`, ms);
  }

  #wait(look, wanted, ms) {
    const { promise, resolve, reject } = withResolvers();
    const tell = () => new Error(`${this.#what}: no ${wanted} within ${ms} ms; got ${summary(this.items)}`);
    const timer = setTimeout(() => reject(tell()), ms);
    const check = () => {
      const found = look();
      if (found !== undefined) {
        resolve(found);
      }
    };
    this.#waiting.add(check);
    check();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(check);
    });
  }
}

/** What `promise` resolves with, or a failure that names `what` when it takes too long. */
export function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** As `Promise.withResolvers`, which Node 20 lacks. */
export function withResolvers() {
  let resolve, reject;
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

function fitting(wanted) {
  return typeof wanted === 'function'
    ? wanted
    : item => Object.entries(wanted).every(([name, value]) => item?.[name] === value);
}

function describe(wanted) {
  return typeof wanted === 'function' ? wanted.toString() : JSON.stringify(wanted);
}

function summary(items) {
  const shown = items.slice(-12).map(item => JSON.stringify(item)?.slice(0, 300));
  return items.length === 0 ? 'nothing' : `${items.length}, the last: ${shown.join('\n  ')}`;
}
