import { expect, test } from 'vitest';
import { pieces } from '../src/link-text.ts';

const links = (text: string): string[] => pieces(text).flatMap(({ href }) => href ?? []);

test.each([
  ['see https://a.example/x?y=1#z.', ['https://a.example/x?y=1#z']],
  ['(https://a.example/x)', ['https://a.example/x']],
  ['https://a.example/x_(y)', ['https://a.example/x_(y)']],
  ['请看https://a.example/订单，谢谢', ['https://a.example/订单']],
  ['请看 https://a.example/8841。', ['https://a.example/8841']],
  ['two: http://a.example, https://b.example!', ['http://a.example', 'https://b.example']],
  ['javascript:alert(1) data:text/html,x ftp://a.example', []],
  ['https:// and http://', []],
  ['no address here', []],
])('%s', (text, expected) => {
  expect(links(text)).toEqual(expected);
});

test('pieces put together are the text', () => {
  const text = 'a https://a.example/b?c=<d> "https://e.example", f\n';
  expect(pieces(text).map(piece => piece.text).join('')).toBe(text);
});
