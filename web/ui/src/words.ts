import type { Person } from '@stompline/client';
import { translator } from './i18n.ts';
import { guestCode, isNameless } from './person.ts';
import { en, zh } from './texts.ts';

/** The texts that both pages share. */
export const t = translator({ en, zh });

/** The name to show for somebody. */
export function nameOf(person: Person): string {
  return isNameless(person) ? t('person.guest', { code: guestCode(person) }) : person.name;
}
