import { describe, expect, test } from 'vitest';
import { clockTime, dayLabel, dayNumber, duration, listTime } from '../src/time.ts';

const SHANGHAI = 'Asia/Shanghai';
const NOW = Date.parse('2026-11-22T02:30:00Z');

describe('day', () => {
  test.each([
    ['2026-11-21T16:00:00Z', 'today'],
    ['2026-11-21T15:59:59Z', 'yesterday'],
    ['2026-11-18T09:00:00Z', 'Wednesday'],
    ['2026-11-02T09:00:00Z', '2 November'],
    ['2025-11-02T09:00:00Z', '2 November 2025'],
  ])('%s is %s to a reader in Shanghai', (at, label) => {
    expect(dayLabel(at, NOW, { lang: 'en', timeZone: SHANGHAI })).toBe(label);
  });

  test('labels follow the language', () => {
    expect(dayLabel('2026-11-02T09:00:00Z', NOW, { lang: 'zh', timeZone: SHANGHAI })).toBe('11月2日');
  });

  test('number grows by one across the change of clocks', () => {
    const zone = 'Europe/Berlin';
    const days = ['2026-10-24T21:59:00Z', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'].map(at => dayNumber(at, zone));
    expect(days.map(day => day - (days[0] ?? 0))).toEqual([0, 1, 2]);
  });

  test('moment of the near future is a date and not a weekday', () => {
    expect(dayLabel('2026-11-24T09:00:00Z', NOW, { lang: 'en', timeZone: SHANGHAI })).toBe('24 November');
  });
});

describe('time of day', () => {
  test('midnight is 00 in both languages', () => {
    for (const lang of ['en', 'zh'] as const) {
      expect(clockTime('2026-11-21T16:05:00Z', { lang, timeZone: SHANGHAI })).toBe('00:05');
    }
  });

  test('list shows the time today and the day before that', () => {
    const options = { lang: 'en', timeZone: SHANGHAI } as const;
    expect(listTime('2026-11-22T01:31:00Z', NOW, options)).toBe('09:31');
    expect(listTime('2026-11-20T01:31:00Z', NOW, options)).toBe('20 Nov');
  });
});

test.each([
  [-5, '0:00'],
  [7_900, '0:07'],
  [760_000, '12:40'],
  [3 * 3_600_000 + 5 * 60_000, '3:05:00'],
  [50 * 3_600_000, '2 days'],
])('duration of %d ms is %s', (ms, text) => {
  expect(duration(ms, 'en')).toBe(text);
});

test('long duration follows the language', () => {
  expect(duration(50 * 3_600_000, 'zh')).toBe('2天');
});
