import { useRef, useState } from 'preact/hooks';

/**
 * The order of rows that a pointer is over: as it was when the pointer came, what is new at the end, what is gone left
 * out. So no row moves away from under a click.
 */
export function stableOrder(shown: readonly string[], wanted: readonly string[]): string[] {
  const isWanted = new Set(wanted);
  const kept = shown.filter(id => isWanted.has(id));
  const isKept = new Set(kept);
  return [...kept, ...wanted.filter(id => !isKept.has(id))];
}

interface Held<T> {
  rows: readonly T[];
  onPointerEnter(): void;
  onPointerLeave(): void;
}

/** Rows in the order wanted, except while a mouse is over them. */
export function useStableOrder<T extends { id: string }>(wanted: readonly T[]): Held<T> {
  const shown = useRef<readonly string[]>([]);
  const [isOver, setOver] = useState(false);
  const ids = wanted.map(({ id }) => id);
  shown.current = isOver ? stableOrder(shown.current, ids) : ids;
  const byId = new Map(wanted.map(item => [item.id, item]));
  return {
    rows: shown.current.flatMap(id => byId.get(id) ?? []),
    onPointerEnter: () => setOver(matchMedia('(hover: hover)').matches),
    onPointerLeave: () => setOver(false),
  };
}
