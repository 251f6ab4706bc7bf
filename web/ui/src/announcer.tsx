import type { Chat } from '@stompline/client';
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { nameOf } from './words.ts';

const newest = signal('');

/** Says the newest message of others, and only that, to who listens instead of looks. */
export function Announcer(): JSX.Element {
  return (
    <div class="unseen" aria-live="polite" data-testid="announcer">
      {newest.value}
    </div>
  );
}

/** Announces what comes in. History is not announced: it was heard when it was new. */
export function announceArrivals(chat: Chat): void {
  chat.arrived.on(message => {
    newest.value = `${nameOf(message.sender)}: ${message.content.text ?? ''}`;
  });
}
