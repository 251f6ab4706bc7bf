import { expect, test } from 'vitest';
import { guestCode, hue, initial, isNameless } from '../src/person.ts';

test('person whose name is the id has none', () => {
  expect(isNameless({ id: 'cus_1', role: 'customer', name: 'cus_1' })).toBe(true);
  expect(isNameless({ id: 'cus_1', role: 'customer', name: 'Anna' })).toBe(false);
});

test('guest is told from others by the end of the id', () => {
  expect(guestCode({ id: '0193a7c2-77aa-7000-8000-00000000F1A3', role: 'customer' })).toBe('f1a3');
});

test.each([
  ['anna', 'A'],
  ['  王小明', '王'],
  ['🙂 smile', '🙂'],
  ['', '?'],
])('initial of "%s" is %s', (name, letter) => {
  expect(initial(name)).toBe(letter);
});

test('hue is one of six and stays', () => {
  const hues = Array.from({ length: 200 }, (_, index) => hue({ id: `cus_${index}`, role: 'customer' }));
  expect(new Set(hues)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  expect(hue({ id: 'cus_7', role: 'customer' })).toBe(hues[7]);
});
