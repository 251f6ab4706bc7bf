import { type RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface RowFocus {
  list: RefObject<HTMLUListElement | null>;
  /** The row that has the focus. */
  id: string | undefined;
  onFocusIn(event: FocusEvent): void;
  onFocusOut(): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** Arrow keys, Home and End go from row to row, also to those that are not in the page yet. */
export function useRowFocus(rows: ReadonlyArray<{ id: string }>, show: (index: number) => void): RowFocus {
  const list = useRef<HTMLUListElement>(null);
  const wanted = useRef<string | undefined>(undefined);
  const [id, setId] = useState<string | undefined>(undefined);
  useLayoutEffect(() => {
    if (wanted.current !== undefined) {
      const row = list.current?.querySelector<HTMLElement>(`[data-conversation-id="${CSS.escape(wanted.current)}"]`);
      wanted.current = undefined;
      row?.focus({ preventScroll: true });
    }
  }, [id]);
  return {
    list,
    id,
    onFocusIn: ({ target }) => setId(target instanceof HTMLElement ? target.dataset.conversationId : undefined),
    onFocusOut: () => setId(undefined),
    onKeyDown: event => {
      const step = { ArrowUp: -1, ArrowDown: 1, Home: -rows.length, End: rows.length }[event.key];
      const at = rows.findIndex(row => row.id === id);
      if (step === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey) {
        return;
      }
      event.preventDefault();
      const next = Math.min(Math.max(at + step, 0), rows.length - 1);
      show(next);
      wanted.current = rows[next]?.id;
      setId(wanted.current);
    },
  };
}
