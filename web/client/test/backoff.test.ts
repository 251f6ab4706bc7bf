import { expect, test } from 'vitest';
import { BACKOFF_FIRST_MS, BACKOFF_LAST_MS, fullJitter } from '../src/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

test('ceiling doubles from the first to the last', () => {
  const ceilings = Array.from({ length: 9 }, (_, attempt) => fullJitter(attempt, () => ALMOST_ONE) + 1);
  expect(ceilings).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('delay is spread down to nothing', () => {
  for (const attempt of [0, 3, 50]) {
    expect(fullJitter(attempt, () => 0)).toBe(0);
  }
});

test('delays stay within their bounds and differ', () => {
  const delays = Array.from({ length: 500 }, () => fullJitter(4));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThan(8000);
  expect(new Set(delays).size).toBeGreaterThan(100);
});

test('absurd attempt numbers keep the bounds', () => {
  expect(fullJitter(10_000, () => ALMOST_ONE)).toBeLessThan(BACKOFF_LAST_MS);
  expect(fullJitter(-1, () => ALMOST_ONE)).toBeLessThan(BACKOFF_FIRST_MS);
});
