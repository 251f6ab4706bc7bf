import { type RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Rows beyond either edge of the screen that are in the page too, so that scrolling finds them drawn. */
const BEYOND = 8;
/** What a row is taken to measure before there is one, in pixels. */
const ROW_PX = 68;

/** The rows that are in the page: from `start` up to and without `end`. */
export interface RowSpan {
  readonly start: number;
  readonly end: number;
}

/** The rows on screen and some beyond, of `count` rows of one height. */
export function rowsAround(scrollTop: number, heightPx: number, rowPx: number, count: number): RowSpan {
  const start = Math.min(Math.max(Math.floor(scrollTop / rowPx) - BEYOND, 0), Math.max(count - 1, 0));
  const end = Math.min(Math.ceil((scrollTop + heightPx) / rowPx) + BEYOND, count);
  return { start, end: Math.max(start, end) };
}

interface RowWindow {
  panel: RefObject<HTMLDivElement | null>;
  span: RowSpan;
  /** Scrolls as little as it takes to have the row on screen. */
  show(index: number): void;
}

/** Follows how far a list of `count` rows of one height is scrolled. */
export function useRowWindow(count: number): RowWindow {
  const panel = useRef<HTMLDivElement>(null);
  const [{ scrollTop, height, rowPx }, setPlace] = useState({ scrollTop: 0, height: 0, rowPx: ROW_PX });
  useLayoutEffect(() => {
    const { current } = panel;
    if (current === null) {
      return;
    }
    const look = (): void => {
      const row = current.querySelector<HTMLElement>('.row-place')?.offsetHeight ?? ROW_PX;
      // Only a step of a row asks for others.
      const next = { scrollTop: Math.floor(current.scrollTop / row) * row, height: current.clientHeight, rowPx: row };
      setPlace(now => (now.scrollTop === next.scrollTop && now.height === next.height && now.rowPx === row ? now : next));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(current);
    current.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      current.removeEventListener('scroll', look);
    };
  }, []);
  const show = (index: number): void => {
    const { current } = panel;
    if (current !== null) {
      const top = index * rowPx;
      const bottom = top + rowPx * 1.5 - current.clientHeight;
      current.scrollTop = Math.min(Math.max(current.scrollTop, bottom), top);
    }
  };
  return { panel, span: rowsAround(scrollTop, height + rowPx, rowPx, count), show };
}
