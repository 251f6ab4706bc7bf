// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from 'vitest';
import { Memory } from '../src/memory.ts';

beforeEach(() => localStorage.clear());

test('one user reads nothing of another, nor of a guest', () => {
  new Memory().remember('draft', 'of a guest');
  new Memory('anna').remember('draft', 'of anna');
  expect(new Memory().recall('draft')).toBe('of a guest');
  expect(new Memory('anna').recall('draft')).toBe('of anna');
  expect(new Memory('wei').recall('draft')).toBeUndefined();
});

test('frame that is denied storage keeps the device in a cookie of its own', () => {
  const jar = new Map<string, string>();
  const written: string[] = [];
  vi.spyOn(document, 'cookie', 'set').mockImplementation(text => {
    const [pair = ''] = text.split('; ');
    const at = pair.indexOf('=');
    jar.set(pair.slice(0, at), pair.slice(at + 1));
    written.push(text);
  });
  vi.spyOn(document, 'cookie', 'get').mockImplementation(() => [...jar].map(pair => pair.join('=')).join('; '));
  vi.stubGlobal('localStorage', undefined);

  new Memory().remember('device-secret', 's=e;c');
  new Memory('anna; Path=/').remember('is-open', 'yes');
  new Memory().remember('draft', 'long');
  expect(new Memory().recall('device-secret')).toBe('s=e;c');
  expect(new Memory('anna; Path=/').recall('is-open')).toBe('yes');
  expect(new Memory('wei').recall('is-open')).toBeUndefined();
  expect(new Memory().recall('draft')).toBeUndefined();
  expect(written.every(text => text.includes('; Path=/widget/;') && text.endsWith('Secure; SameSite=None; Partitioned'))).toBe(true);
  vi.unstubAllGlobals();
});
