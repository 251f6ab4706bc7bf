// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest';
import { chooseLang, readSettings } from '../loader/settings.ts';

function script(attributes: Record<string, string>): HTMLScriptElement {
  const element = document.createElement('script');
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  Object.defineProperty(element, 'src', { value: 'https://chat.example.com/widget/loader.js?v=1' });
  return element;
}

test('language is the first one that there are texts for', () => {
  expect(chooseLang(['zh-Hant-TW', 'en'])).toBe('zh');
  expect(chooseLang([undefined, '', 'fr-FR', 'EN-us'])).toBe('en');
  expect(chooseLang(['fr'])).toBe('en');
});

test('script says where the server is and what the page wants', () => {
  const settings = readSettings(script({ 'data-lang': 'zh', 'data-position': 'left' }), {}, vi.fn());
  expect(settings).toEqual({ server: 'https://chat.example.com', lang: 'zh', side: 'left', identify: undefined });
});

test('page tells who is signed in by an address or by a function', async () => {
  const fetchToken = vi.fn(async () => 'by address');
  const element = script({ 'data-token-url': '/chat-token' });
  expect(await readSettings(element, {}, fetchToken).identify?.()).toBe('by address');
  expect(fetchToken).toHaveBeenCalledWith('/chat-token');
  expect(await readSettings(element, { identify: () => 'by function' }, fetchToken).identify?.()).toBe('by function');
});
