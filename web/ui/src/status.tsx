import type { JSX } from 'preact';
import type { Status } from './timeline.ts';
import { t } from './words.ts';

interface Props {
  status: Exclude<Status, 'failed'>;
  /** The word is for the eye too. */
  isInWords: boolean;
}

/** What became of an own message: a sign for the eye and a word for everybody else. */
export function StatusTick({ status, isInWords }: Props): JSX.Element {
  return (
    <span class={`tick tick-${status}`}>
      <svg viewBox="0 0 18 12" aria-hidden="true" focusable="false">
        {status === 'pending' ? (
          <path d="M9 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM9 3.5V6l1.6 1" />
        ) : (
          <path d={status === 'sent' ? 'M4 6.5 7.3 9.8 13.5 2.5' : 'M1 6.5 4.3 9.8 10.5 2.5M8 9.3l.8.7 6.7-7.5'} />
        )}
      </svg>
      <span class={isInWords ? '' : 'unseen'}>{t(`tick.${status}`)}</span>
    </span>
  );
}
