import { expect, test } from 'vitest';
import { stableOrder } from '../src/stable-order.ts';

test('rows under the pointer keep their places', () => {
  expect(stableOrder(['a', 'b', 'c'], ['c', 'a', 'b'])).toEqual(['a', 'b', 'c']);
});

test('new rows come last and gone ones leave', () => {
  expect(stableOrder(['a', 'b', 'c'], ['x', 'c', 'a', 'y'])).toEqual(['a', 'c', 'x', 'y']);
});
