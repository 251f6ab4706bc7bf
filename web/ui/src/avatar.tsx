import type { Person } from '@stompline/client';
import type { JSX } from 'preact';
import { Icon } from './icon.tsx';
import { hue, initial, isNameless } from './person.ts';

/** A face for somebody without a picture. Decoration: the name stands beside it. */
export function Avatar({ person, size = 'm' }: { person: Person; size?: 's' | 'm' | 'l' }): JSX.Element {
  return (
    <span class={`avatar avatar-${size} hue-${hue(person)}`} aria-hidden="true">
      {isNameless(person) ? <Icon name="person" /> : initial(person.name)}
    </span>
  );
}
