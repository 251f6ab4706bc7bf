import { expect, test } from 'vitest';
import { firstBeyond, markAt, ROWS_MAX, spanFrom } from '../src/span.ts';

const KEYS = Array.from({ length: 1_000 }, (_, index) => `k${index}`);

test('without a mark the last rows are drawn', () => {
  expect(spanFrom(KEYS, undefined)).toEqual({ start: 1_000 - ROWS_MAX, end: 1_000 });
  expect(spanFrom(KEYS.slice(0, 3), undefined)).toEqual({ start: 0, end: 3 });
  expect(spanFrom([], undefined)).toEqual({ start: 0, end: 0 });
});

test('rows stay where they are when others come in before and after them', () => {
  const mark = markAt(KEYS, 300);
  const grown = [...Array.from({ length: 50 }, (_, index) => `older${index}`), ...KEYS, 'newer'];
  expect(spanFrom(KEYS, mark)).toEqual({ start: 300, end: 300 + ROWS_MAX });
  expect(spanFrom(grown, mark)).toEqual({ start: 350, end: 350 + ROWS_MAX });
});

test('row that is gone leaves its place', () => {
  const mark = markAt(KEYS, 300);
  const without = KEYS.filter(key => key !== 'k300');
  expect(spanFrom(without, mark).start).toBe(299);
});

test('as many rows as there may be are drawn near the end', () => {
  expect(spanFrom(KEYS, markAt(KEYS, 990))).toEqual({ start: 1_000 - ROWS_MAX, end: 1_000 });
});

test('there is no mark beyond the rows', () => {
  expect(markAt(KEYS, 1_000)).toBeUndefined();
});

test('first beyond a bound is found', () => {
  for (const [count, bound] of [[0, 0], [1, 0], [1, 1], [7, 0], [7, 3], [7, 7]] as const) {
    expect(firstBeyond(count, index => index >= bound)).toBe(Math.min(bound, count));
  }
});
