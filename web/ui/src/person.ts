import type { Person, UserRef } from '@stompline/client';

/** How many hues an avatar may have; theme.css has one class for each. */
const HUES = 6;

/** True for somebody who never gave a name: the server then shows the id. */
export function isNameless(person: Person): boolean {
  return person.name === person.id;
}

/** The few characters by which a guest without a name can be told from others. */
export function guestCode(person: UserRef): string {
  return person.id.replace(/[^0-9a-z]/gi, '').slice(-4).toLowerCase();
}

/** The letter or character of an avatar. */
export function initial(name: string): string {
  return [...name.trim()][0]?.toLocaleUpperCase() ?? '?';
}

/** The same person always has the same hue. */
export function hue(person: UserRef): number {
  let sum = 0;
  for (const char of person.id) {
    sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 997;
  }
  return sum % HUES;
}
