import { Emitter } from '../../client/src/emitter.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chatSignal } from '../src/chat-signal.ts';

let frames: (() => void)[];

beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (show: () => void) => frames.push(show));
  vi.stubGlobal('cancelAnimationFrame', (id: number) => delete frames[id - 1]);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('many changes are shown once, in the next frame', () => {
  const changed = new Emitter<void>();
  const version = chatSignal({ changed });
  changed.emit();
  changed.emit();
  expect(version.value).toBe(0);
  frames.forEach(show => show());
  expect(version.value).toBe(1);
  vi.runAllTimers();
  expect(version.value).toBe(1);
});

test('frame that is hidden on a page in sight shows changes too', () => {
  const changed = new Emitter<void>();
  const version = chatSignal({ changed });
  changed.emit();
  vi.advanceTimersByTime(250);
  expect(version.value).toBe(1);
  expect(frames.flat()).toEqual([]);
  changed.emit();
  vi.advanceTimersByTime(250);
  expect(version.value).toBe(2);
});
