import { duration, lang, useNow } from '@stompline/ui';
import type { JSX } from 'preact';
import { d } from './texts.ts';

/** After this a wait is long, and after the second too long, in milliseconds. */
const LONG_MS = 120_000;
const TOO_LONG_MS = 300_000;

/** How long somebody has waited, counting on; a colour says whether it is long, the figure says it too. */
export function Waiting({ since }: { since: string }): JSX.Element {
  const ms = Math.max(0, useNow() - Date.parse(since));
  const grade = ms >= TOO_LONG_MS ? 'too-long' : ms >= LONG_MS ? 'long' : 'short';
  const time = duration(ms, lang.value);
  return (
    <span class={`wait wait-${grade}`} title={d('row.waiting', { time })}>
      <span class="unseen">{d('row.waiting', { time: '' })}</span>
      {time}
    </span>
  );
}
