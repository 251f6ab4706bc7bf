/** How many rows of a long list are in the page at once: many screens, and few enough to stay quick. */
export const ROWS_MAX = 200;
/** How many come in at one end, and leave at the other, when somebody scrolls on. */
export const ROWS_STEP = 60;

/** Which rows are in the page: from `start` up to and without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The first row of a span, by its key; should that be gone, by its distance from the end. */
export interface Mark {
  readonly key: string;
  readonly fromEnd: number;
}

export function markAt(keys: readonly string[], index: number): Mark | undefined {
  const key = keys[index];
  return key === undefined ? undefined : { key, fromEnd: keys.length - index };
}

/** The rows from the mark on; without a mark the last ones. Always as many as there may be. */
export function spanFrom(keys: readonly string[], first: Mark | undefined): Span {
  const last = Math.max(0, keys.length - ROWS_MAX);
  const start = first === undefined ? last : placeOf(keys, first);
  const from = Math.min(Math.max(start, 0), last);
  return { start: from, end: Math.min(keys.length, from + ROWS_MAX) };
}

function placeOf(keys: readonly string[], { key, fromEnd }: Mark): number {
  const found = keys.indexOf(key);
  return found < 0 ? keys.length - fromEnd : found;
}

/** The first of `count` things in order for which `isBeyond` holds; `count` if it holds for none. */
export function firstBeyond(count: number, isBeyond: (index: number) => boolean): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBeyond(middle)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}
