import { type RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** This close to the end, in pixels, counts as at the end. */
const AT_END_WITHIN_PX = 48;
/** This close to the start, in pixels, earlier messages are fetched. */
const NEAR_START_PX = 160;

interface PinningOptions {
  /** `seq` of the first and the last message shown; 0 if there is none. */
  firstSeq: number;
  lastSeq: number;
  /** Messages shown that have no `seq` yet. */
  pendingCount: number;
  /** How many messages of others came in at the end. */
  countNewAfter(seq: number): number;
  onNearStart(): void;
  /** The newest message that is on screen before somebody's eyes. */
  onSeen(seq: number): void;
}

interface Pinning {
  list: RefObject<HTMLDivElement | null>;
  isAtEnd: boolean;
  /** Messages of others below what is on screen. */
  newCount: number;
  toEnd(): void;
}

/**
 * Keeps the end of the list in view as long as it was in view, keeps the reader's place otherwise, and notes what has
 * been seen: on screen, in a visible window that has the focus.
 */
export function usePinning(options: PinningOptions): Pinning {
  const list = useRef<HTMLDivElement>(null);
  const latest = useRef(options);
  latest.current = options;
  const isPinned = useRef(true);
  const before = useRef({ firstSeq: 0, pendingCount: 0, height: 0 });
  const seenSeq = useRef(options.lastSeq);
  const [isAtEnd, setAtEnd] = useState(true);
  const [newCount, setNewCount] = useState(0);

  const look = (): void => {
    const element = list.current;
    if (element === null) {
      return;
    }
    isPinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_WITHIN_PX;
    setAtEnd(isPinned.current);
    const seen = isPinned.current ? latest.current.lastSeq : lastOnScreen(element);
    seenSeq.current = Math.max(seenSeq.current, seen);
    setNewCount(isPinned.current ? 0 : latest.current.countNewAfter(seenSeq.current));
    if (seen > 0 && document.visibilityState === 'visible' && document.hasFocus()) {
      latest.current.onSeen(seen);
    }
    if (element.scrollTop < NEAR_START_PX) {
      latest.current.onNearStart();
    }
  };

  const toEnd = (): void => {
    const element = list.current;
    if (element !== null) {
      element.scrollTop = element.scrollHeight;
      look();
    }
  };

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) {
      return;
    }
    const { firstSeq, pendingCount } = latest.current;
    const old = before.current;
    const hasSpoken = pendingCount > old.pendingCount;
    if (isPinned.current || hasSpoken) {
      element.scrollTop = element.scrollHeight;
    } else if (firstSeq < old.firstSeq) {
      element.scrollTop += element.scrollHeight - old.height;
    }
    before.current = { firstSeq, pendingCount, height: element.scrollHeight };
    look();
  }, [options.firstSeq, options.lastSeq, options.pendingCount]);

  useEffect(() => {
    const element = list.current;
    if (element === null) {
      return;
    }
    // The keyboard of a phone, a longer composer, a typing note: the end stays in view.
    const observer = new ResizeObserver(() => (isPinned.current ? toEnd() : look()));
    observer.observe(element);
    if (element.firstElementChild !== null) {
      observer.observe(element.firstElementChild);
    }
    element.addEventListener('scroll', look, { passive: true });
    document.addEventListener('visibilitychange', look);
    addEventListener('focus', look);
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
      document.removeEventListener('visibilitychange', look);
      removeEventListener('focus', look);
    };
  }, []);

  return { list, isAtEnd, newCount, toEnd };
}

/** The newest message whose upper edge is on screen. */
function lastOnScreen(element: HTMLElement): number {
  const bottom = element.getBoundingClientRect().bottom;
  const rows = [...element.querySelectorAll<HTMLElement>('[data-seq]')];
  const row = rows.findLast(candidate => candidate.getBoundingClientRect().top < bottom - 12);
  return Number(row?.dataset.seq ?? 0);
}
