import { describe, expect, test } from 'vitest';
import * as desk from '../../desk/src/texts.ts';
import * as landing from '../../landing/src/texts.ts';
import * as widget from '../../widget/src/texts.ts';
import { detectLang, format, type Text, type Texts } from '../src/i18n.ts';
import * as shared from '../src/texts.ts';

const packs: Array<[string, Record<'en' | 'zh', Texts>]> = [
  ['shared', shared],
  ['widget', widget],
  ['desk', desk],
  ['landing', landing],
];

function forms(text: Text | undefined): string[] {
  return text === undefined ? [] : typeof text === 'string' ? [text] : [text.one, text.other];
}

function placeholders(text: Text | undefined): string[] {
  return [...new Set(forms(text).flatMap(form => form.match(/\{\w+\}/g) ?? []))].sort();
}

describe.each(packs)('%s texts', (_, { en, zh }) => {
  test('both languages have the same keys', () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  });

  test('no text is empty', () => {
    const empty = [en, zh].flatMap(pack => Object.entries(pack).filter(([, text]) => forms(text).some(form => form.trim() === '')));
    expect(empty).toEqual([]);
  });

  test('both languages name the same values', () => {
    for (const key of Object.keys(en)) {
      expect(placeholders(zh[key]), key).toEqual(placeholders(en[key]));
    }
  });

  test('plural forms name the number', () => {
    for (const text of Object.values(en)) {
      if (typeof text !== 'string') {
        expect(placeholders(text)).toContain('{n}');
      }
    }
  });
});

describe('language', () => {
  test.each([
    ['?lang=zh', 'en', ['en-US'], 'zh'],
    ['?lang=xx', 'zh', ['en-US'], 'zh'],
    ['', null, ['fr-FR', 'zh-TW', 'en'], 'zh'],
    ['', null, ['de'], 'en'],
    ['?lang=zh-CN', null, [], 'zh'],
  ] as const)('address %s, chosen %s, browser %s means %s', (search, stored, preferred, expected) => {
    expect(detectLang(search, stored, preferred)).toBe(expected);
  });
});

describe('format', () => {
  const text = { one: '{n} message', other: '{n} messages' };

  test('number decides the form', () => {
    expect([0, 1, 2, 21].map(n => format(text, 'en', { n }))).toEqual(['0 messages', '1 message', '2 messages', '21 messages']);
  });

  test('value that is missing stays visible', () => {
    expect(format('Hello {name}', 'en', {})).toBe('Hello {name}');
  });

  test('value is not read as a pattern', () => {
    expect(format('{a}{b}', 'en', { a: '{b}', b: '$&' })).toBe('{b}$&');
  });
});
