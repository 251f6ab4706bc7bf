import type { JSX } from 'preact';

/** Drawn on a 20 by 20 grid, 1.6 wide, round ends: one hand for all of them. */
const PATHS = {
  send: 'M10 16V4.5M5 9.5l5-5 5 5',
  close: 'M5 5l10 10M15 5 5 15',
  back: 'M12.5 4.5 7 10l5.5 5.5',
  chevron: 'M5 7.5l5 5 5-5',
  up: 'M10 15.5V4M5.5 8.5 10 4l4.5 4.5',
  down: 'M10 4v11.5M5.5 11l4.5 4.5 4.5-4.5',
  chat: 'M3.5 9.2c0-3.2 2.9-5.7 6.5-5.7s6.5 2.5 6.5 5.7-2.9 5.8-6.5 5.8c-.8 0-1.6-.1-2.3-.4L4 16.2l.9-3.2a5.3 5.3 0 0 1-1.4-3.8z',
  person: 'M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 16.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5',
  check: 'M4.5 10.5 8.5 14.5 15.5 6',
  keyboard: 'M3 5.5h14v9H3zM6 8.5h.01M9 8.5h.01M12 8.5h.01M14.5 8.5h.01M6.5 11.5h7',
  out: 'M8 4H4.5v12H8M12 6.5 15.5 10 12 13.5M15 10H8',
  open: 'M11.5 4H16v4.5M16 4l-6.5 6.5M8.5 5H4v11h11v-4.5',
  sound: 'M3.5 8v4H6l4 3.2V4.8L6 8zM13 7.6a3.4 3.4 0 0 1 0 4.8M15.2 5.4a6.5 6.5 0 0 1 0 9.2',
  mute: 'M3.5 8v4H6l4 3.2V4.8L6 8zM13 8l4 4M17 8l-4 4',
  bell: 'M5.5 13.2V9a4.5 4.5 0 0 1 9 0v4.2l1.3 1.8H4.2zM8.4 17.3h3.2',
  bellOff: 'M5.5 13.2V9c0-.9.3-1.8.7-2.5M8 5a4.5 4.5 0 0 1 6.5 4v2.6M13 15H4.2l1.3-1.8M8.4 17.3h3.2M3.5 3.5l13 13',
  info: 'M10 9v5M10 6.2v.01M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only; the words belong to whatever holds it. */
export function Icon({ name, isFlipped = false }: { name: IconName; isFlipped?: boolean }): JSX.Element {
  return (
    <svg class={isFlipped ? 'icon icon-directed' : 'icon'} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: two people and the line between them. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="mark-line" d="M9.5 16h13" />
      <circle class="mark-near" cx="7" cy="16" r="5" />
      <circle class="mark-far" cx="25" cy="16" r="4" />
    </svg>
  );
}
