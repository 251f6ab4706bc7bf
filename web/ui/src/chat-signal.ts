import { type ReadonlySignal, signal } from '@preact/signals';
import type { Chat } from '@stompline/client';

/** What nobody looks at gets no frames and is shown changes this often, in milliseconds: for titles and badges. */
const HIDDEN_EVERY_MS = 250;

/**
 * A number that grows when the chat has changed, at most once a frame. Reading it in a component makes the component
 * look at the chat again.
 */
export function chatSignal(chat: Pick<Chat, 'changed'>): ReadonlySignal<number> {
  const version = signal(0);
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = undefined;
    version.value += 1;
  };
  chat.changed.on(() => {
    if (timer === undefined) {
      // A page says whether it is hidden; a frame that is hidden on a page in sight does not.
      timer = setTimeout(show, HIDDEN_EVERY_MS);
      frame = requestAnimationFrame(show);
    }
  });
  return version;
}
