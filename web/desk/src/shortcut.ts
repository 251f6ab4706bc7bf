import { goBack } from './route.ts';
import type { Shift } from './shift.ts';

/** What the keyboard can do here, for the list that explains it. */
export const SHORTCUTS = [
  { keys: ['Alt', '↓'], text: 'help.next' },
  { keys: ['Alt', '↑'], text: 'help.previous' },
  { keys: ['Alt', 'N'], text: 'help.takeNext' },
  { keys: ['Alt', 'A'], text: 'help.take' },
  { keys: ['Alt', 'E'], text: 'help.end' },
  { keys: ['Enter'], text: 'help.send' },
  { keys: ['Shift', 'Enter'], text: 'help.newline' },
  { keys: ['Esc'], text: 'help.escape' },
  { keys: ['?'], text: 'help.help' },
] as const;

/** Listens for them everywhere on the page. Returns what stops it. */
export function listenForShortcuts(shift: Shift, onHelp: () => void): () => void {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || event.defaultPrevented || document.querySelector('dialog[open]') !== null) {
      return;
    }
    const act = shortcutFor(event, shift, onHelp);
    if (act !== undefined) {
      event.preventDefault();
      act();
    }
  };
  addEventListener('keydown', onKeyDown);
  return () => removeEventListener('keydown', onKeyDown);
}

function shortcutFor(event: KeyboardEvent, shift: Shift, onHelp: () => void): (() => void) | undefined {
  if (event.key === 'Escape') {
    return goBack;
  }
  if (event.key === '?' && !isWriting(event.target)) {
    return onHelp;
  }
  if (!event.altKey || event.ctrlKey || event.metaKey) {
    return undefined;
  }
  // By the place of the key: with Alt some keyboards make another letter of it.
  switch (event.code) {
    case 'ArrowDown':
      return () => shift.step(1);
    case 'ArrowUp':
      return () => shift.step(-1);
    case 'KeyA':
      return () => void shift.take();
    case 'KeyE':
      return () => void shift.close();
    case 'KeyN':
      return () => void shift.takeNext();
    default:
      return undefined;
  }
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('textarea, input') !== null;
}
