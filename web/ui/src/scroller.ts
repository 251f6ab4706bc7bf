import { createRef } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useState } from 'preact/hooks';
import { firstBeyond, type Mark, markAt, ROWS_STEP, type Span, spanFrom } from './span.ts';

/** This close to the end, in pixels, counts as at the end. */
const AT_END_WITHIN_PX = 48;
/** This close to the start, in pixels, earlier messages are fetched. */
const NEAR_START_PX = 160;
/** This close to either edge of the rows that are in the page, in pixels, the next ones come in. */
const NEAR_EDGE_PX = 900;
/** A row counts as seen when this much of it, in pixels, is on screen. */
const SEEN_PX = 12;

interface ScrollerOptions {
  /** The keys of all rows, in order. */
  keys: readonly string[];
  /** The key of the line above the first unread message, if there is one. */
  unreadKey: string | undefined;
  /** The first unread message is among the rows. */
  isUnreadLoaded: boolean;
  /** `seq` of the last message; 0 if there is none. */
  lastSeq: number;
  /** Messages that have no `seq` yet. */
  pendingCount: number;
  /** How many messages of others came in at the end. */
  countNewAfter(seq: number): number;
  onNearStart(): void;
  /** The newest message that is on screen before somebody's eyes. */
  onSeen(seq: number): void;
}

/**
 * Decides which rows of a list are in the page, keeps the end in view as long as it was in view and the reader's place
 * otherwise, and notes what has been seen: on screen, in a visible window that has the focus.
 */
export class Scroller {
  readonly list = createRef<HTMLDivElement>();
  readonly rows = createRef<HTMLOListElement>();
  isAtEnd = true;
  /** Messages of others below what is on screen. */
  newCount = 0;
  /** The line above the first unread message is further up than what is on screen. */
  isUnreadAbove = false;

  readonly #redraw: () => void;
  #options: ScrollerOptions | undefined;
  #span: Span = { start: 0, end: 0 };
  #first: Mark | undefined;
  /** The keys of the rows in the page. */
  #drawn: readonly string[] = [];
  /** A row on screen, and how far below the upper edge it was before the rows changed. */
  #anchor: { key: string; top: number } | undefined;
  /** The row to bring to the upper edge. */
  #wanted: { key: string; isFocused: boolean } | undefined;
  #mustShowEnd = true;
  #hadFocus = false;
  #seenSeq: number | undefined;
  #wasUnreadShown = false;

  constructor(redraw: () => void) {
    this.#redraw = redraw;
  }

  /** Before drawing: which rows, and where the reader is now. */
  plan(options: ScrollerOptions): Span {
    const old = this.#options;
    const hasSpoken = old !== undefined && options.pendingCount > old.pendingCount;
    this.#mustShowEnd ||= hasSpoken || (this.isAtEnd && options.keys.at(-1) !== old?.keys.at(-1));
    if (this.#mustShowEnd) {
      this.isAtEnd = true;
      this.#first = undefined;
    }
    this.#options = options;
    this.#seenSeq ??= options.lastSeq;
    this.#anchor = this.#mustShowEnd ? undefined : this.#topRow();
    this.#hadFocus = this.rows.current?.contains(document.activeElement) ?? false;
    this.#span = spanFrom(options.keys, this.#first);
    return this.#span;
  }

  /** After drawing: puts the reader where they were, or where they want to be. */
  settle(): void {
    const { current: list } = this.list;
    if (list === null || this.#options === undefined) {
      return;
    }
    this.#drawn = this.#options.keys.slice(this.#span.start, this.#span.end);
    if (this.#wanted !== undefined) {
      this.#goToWanted(list, this.#wanted);
    } else if (this.#mustShowEnd) {
      list.scrollTop = list.scrollHeight;
    } else if (this.#anchor !== undefined) {
      const row = this.#rowOf(this.#anchor.key);
      list.scrollTop += row === undefined ? 0 : topIn(list, row) - this.#anchor.top;
    }
    this.#mustShowEnd = false;
    if (this.#hadFocus && document.activeElement === document.body) {
      list.focus({ preventScroll: true });
    }
    this.look();
  }

  /** Something moved: notes what is on screen, and fetches what comes next. */
  readonly look = (): void => {
    const { current: list } = this.list;
    const options = this.#options;
    if (list === null || options === undefined) {
      return;
    }
    const before = [this.isAtEnd, this.newCount, this.isUnreadAbove, this.#first?.key].join();
    const below = list.scrollHeight - list.scrollTop - list.clientHeight;
    this.isAtEnd = this.#span.end === options.keys.length && below < AT_END_WITHIN_PX;
    const seen = this.isAtEnd ? options.lastSeq : this.#lastSeqOnScreen(list);
    this.#seenSeq = Math.max(this.#seenSeq ?? 0, seen);
    this.newCount = this.isAtEnd ? 0 : options.countNewAfter(this.#seenSeq);
    this.isUnreadAbove = this.#isUnreadFurtherUp(list, options);
    if (seen > 0 && document.visibilityState === 'visible' && document.hasFocus()) {
      options.onSeen(seen);
    }
    this.#moveSpan(list, below, options);
    if (before !== [this.isAtEnd, this.newCount, this.isUnreadAbove, this.#first?.key].join()) {
      this.#redraw();
    }
  };

  /** The room for the rows changed: the end stays in view. */
  readonly fit = (): void => {
    const { current: list } = this.list;
    if (this.isAtEnd && list !== null) {
      list.scrollTop = list.scrollHeight;
    }
    this.look();
  };

  readonly toEnd = (): void => {
    this.#mustShowEnd = true;
    this.#redraw();
  };

  /** Brings a row to the upper edge, wherever it is. */
  reveal(key: string, isFocused = false): void {
    const { keys = [] } = this.#options ?? {};
    const index = keys.indexOf(key);
    if (index >= 0) {
      this.isAtEnd = false;
      this.#first = markAt(keys, Math.max(0, index - Math.floor((this.#span.end - this.#span.start) / 2)));
      this.#wanted = { key, isFocused };
      this.#redraw();
    }
  }

  #goToWanted(list: HTMLElement, { key, isFocused }: { key: string; isFocused: boolean }): void {
    this.#wanted = undefined;
    const row = this.#rowOf(key);
    if (row !== undefined) {
      list.scrollTop += topIn(list, row) - SEEN_PX;
      if (isFocused) {
        row.focus({ preventScroll: true });
      }
    }
  }

  #moveSpan(list: HTMLElement, below: number, { keys, onNearStart }: ScrollerOptions): void {
    const { start, end } = this.#span;
    if (this.isAtEnd) {
      this.#first = undefined;
    } else {
      // Rows that come in at the end must not push out those that are being read.
      this.#first ??= markAt(keys, start);
    }
    if (start > 0 && list.scrollTop < NEAR_EDGE_PX) {
      this.#first = markAt(keys, Math.max(0, start - ROWS_STEP));
    } else if (end < keys.length && below < NEAR_EDGE_PX) {
      this.#first = markAt(keys, Math.min(start + ROWS_STEP, keys.length - (end - start)));
    }
    if (start === 0 && list.scrollTop < NEAR_START_PX) {
      onNearStart();
    }
  }

  /** Once the line was on screen, nobody has to be led to it. */
  #isUnreadFurtherUp(list: HTMLElement, { keys, unreadKey, isUnreadLoaded }: ScrollerOptions): boolean {
    const index = unreadKey === undefined ? -1 : keys.indexOf(unreadKey);
    if (index < 0 || this.#wasUnreadShown) {
      return false;
    }
    const isAbove = !isUnreadLoaded || index < this.#span.start + this.#topIndex(list);
    this.#wasUnreadShown = !isAbove;
    return isAbove;
  }

  /** The uppermost message on screen. Other lines may move among the messages, such as that of a day. */
  #topRow(): { key: string; top: number } | undefined {
    const { current: list } = this.list;
    if (list === null) {
      return undefined;
    }
    const rows = this.#children;
    const top = this.#topIndex(list);
    const index = rows.findIndex((row, at) => at >= top && row.matches('.bubble-row'));
    const [key, row] = [this.#drawn[index], rows[index]];
    return key === undefined || row === undefined ? undefined : { key, top: topIn(list, row) };
  }

  #topIndex(list: HTMLElement): number {
    const { top } = list.getBoundingClientRect();
    const rows = this.#children;
    return firstBeyond(rows.length, index => (rows[index]?.getBoundingClientRect().bottom ?? 0) > top);
  }

  /** The newest message whose upper edge is on screen. */
  #lastSeqOnScreen(list: HTMLElement): number {
    const { bottom } = list.getBoundingClientRect();
    const rows = this.#children;
    let index = firstBeyond(rows.length, at => (rows[at]?.getBoundingClientRect().top ?? 0) >= bottom - SEEN_PX);
    while (index > 0) {
      index -= 1;
      const seq = rows[index]?.dataset.seq;
      if (seq !== undefined) {
        return Number(seq);
      }
    }
    return 0;
  }

  #rowOf(key: string): HTMLElement | undefined {
    return this.#children[this.#drawn.indexOf(key)];
  }

  get #children(): readonly HTMLElement[] {
    return [...(this.rows.current?.children ?? [])] as HTMLElement[];
  }
}

function topIn(list: HTMLElement, row: HTMLElement): number {
  return row.getBoundingClientRect().top - list.getBoundingClientRect().top;
}

/** A scroller for a list, and the rows that are to be drawn. */
export function useScroller(options: ScrollerOptions): { scroller: Scroller; span: Span } {
  const [, redraw] = useReducer<number, void>(count => count + 1, 0);
  const [scroller] = useState(() => new Scroller(() => redraw()));
  const span = scroller.plan(options);
  useLayoutEffect(() => scroller.settle());
  useEffect(() => {
    const { current: list } = scroller.list;
    if (list === null) {
      return;
    }
    // The keyboard of a phone, a longer composer, a typing note: the end stays in view.
    const observer = new ResizeObserver(scroller.fit);
    observer.observe(list);
    if (list.firstElementChild !== null) {
      observer.observe(list.firstElementChild);
    }
    list.addEventListener('scroll', scroller.look, { passive: true });
    document.addEventListener('visibilitychange', scroller.look);
    addEventListener('focus', scroller.look);
    return () => {
      observer.disconnect();
      list.removeEventListener('scroll', scroller.look);
      document.removeEventListener('visibilitychange', scroller.look);
      removeEventListener('focus', scroller.look);
    };
  }, []);
  return { scroller, span };
}
