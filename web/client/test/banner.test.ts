import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BannerTimer } from '../src/banner.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('drop shorter than two seconds is not mentioned', () => {
  const banner = new BannerTimer();
  banner.enter('reconnecting');
  vi.advanceTimersByTime(1_999);
  banner.enter('live');
  vi.advanceTimersByTime(10_000);
  expect(banner.value).toBe('none');
});

test('longer drop is mentioned until it is live again', () => {
  const banner = new BannerTimer();
  banner.enter('reconnecting');
  vi.advanceTimersByTime(2_000);
  expect(banner.value).toBe('reconnecting');
  banner.enter('catching-up');
  expect(banner.value).toBe('updating');
  banner.enter('live');
  expect(banner.value).toBe('none');
});

test('short catch-up is not mentioned', () => {
  const banner = new BannerTimer();
  banner.enter('catching-up');
  vi.advanceTimersByTime(499);
  expect(banner.value).toBe('none');
  vi.advanceTimersByTime(1);
  expect(banner.value).toBe('updating');
});

test('offline and refusal are told at once', () => {
  const banner = new BannerTimer();
  const told: string[] = [];
  banner.changed.on(value => told.push(value));
  banner.enter('offline');
  banner.enter('refused');
  banner.enter('idle');
  expect(told).toEqual(['offline', 'refused', 'none']);
});
