import { expect, test } from 'vitest';
import { rowsAround } from '../src/row-window.ts';

test.each([
  ['top', 0, { start: 0, end: 18 }],
  ['middle', 20_000, { start: 192, end: 218 }],
  ['end', 499 * 100, { start: 491, end: 500 }],
  ['beyond the end, when rows have just left', 90_000, { start: 499, end: 500 }],
])('rows around the %s', (_, scrollTop, span) => {
  expect(rowsAround(scrollTop, 1_000, 100, 500)).toEqual(span);
});

test('few rows are all there', () => {
  expect(rowsAround(0, 1_000, 100, 3)).toEqual({ start: 0, end: 3 });
  expect(rowsAround(0, 1_000, 100, 0)).toEqual({ start: 0, end: 0 });
});
