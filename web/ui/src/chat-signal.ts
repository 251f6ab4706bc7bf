import { type ReadonlySignal, signal } from '@preact/signals';
import type { Chat } from '@stompline/client';

/** While nobody looks, changes are shown this often, in milliseconds: for titles and badges. */
const HIDDEN_EVERY_MS = 250;

/**
 * A number that grows when the chat has changed, at most once a frame. Reading it in a component makes the component
 * look at the chat again.
 */
export function chatSignal(chat: Chat): ReadonlySignal<number> {
  const version = signal(0);
  let isPlanned = false;
  const show = (): void => {
    isPlanned = false;
    version.value += 1;
  };
  chat.changed.on(() => {
    if (isPlanned) {
      return;
    }
    isPlanned = true;
    // Hidden pages get no frames.
    if (document.visibilityState === 'visible') {
      requestAnimationFrame(show);
    } else {
      setTimeout(show, HIDDEN_EVERY_MS);
    }
  });
  return version;
}
