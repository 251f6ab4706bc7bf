import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

const TICK_MS = 1_000;

const now = signal(Date.now());
let readers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time, second by second, for as long as the component is there. One timer serves all. */
export function useNow(): number {
  useEffect(() => {
    readers += 1;
    timer ??= setInterval(() => {
      now.value = Date.now();
    }, TICK_MS);
    return () => {
      readers -= 1;
      if (readers === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return Math.max(now.value, 0);
}
