import { signal } from '@preact/signals';

export const LANGS = ['en', 'zh'] as const;
export type Lang = (typeof LANGS)[number];

/** The tag for `Intl` and for the `lang` attribute. */
export const LOCALE: Record<Lang, string> = { en: 'en-GB', zh: 'zh-CN' };

/** How a language calls itself. */
export const OWN_NAME: Record<Lang, string> = { en: 'English', zh: '中文' };

/** A text, or one for each plural form that the language has. `{name}` stands for a value. */
export type Text = string | { readonly one: string; readonly other: string };
export type Texts = Readonly<Record<string, Text>>;
/** The same keys in another language. */
export type Translation<T extends Texts> = { readonly [Key in keyof T]: Text };
export type Values = Readonly<Record<string, string | number>>;

const STORED = 'stompline-lang';

/** The language of the page. Reading it in a component makes the component follow it. */
export const lang = signal<Lang>('en');

/** Decides the language: the address, then what was chosen here before, then the browser. */
export function detectLang(search: string, stored: string | null, preferred: readonly string[]): Lang {
  const asked = [new URLSearchParams(search).get('lang'), stored, ...preferred];
  for (const tag of asked) {
    const found = LANGS.find(known => tag?.toLowerCase().split('-')[0] === known);
    if (found !== undefined) {
      return found;
    }
  }
  return 'en';
}

/** Sets the page up in the language that fits. */
export function startLang(): void {
  useLang(detectLang(location.search, readStored(), navigator.languages));
}

/** Somebody chose a language. */
export function chooseLang(next: Lang): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Without storage the choice holds for this page only.
  }
  useLang(next);
}

/** A function from key to text in the current language. */
export function translator<T extends Texts>(packs: Readonly<Record<Lang, Translation<T>>>) {
  return (key: keyof T & string, values: Values = {}): string => format(packs[lang.value][key], lang.value, values);
}

export function format(text: Text, language: Lang, values: Values): string {
  const form = typeof text === 'string' ? text : pluralForm(text, language, Number(values.n ?? 0));
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function pluralForm(text: { one: string; other: string }, language: Lang, n: number): string {
  return new Intl.PluralRules(LOCALE[language]).select(n) === 'one' ? text.one : text.other;
}

function useLang(next: Lang): void {
  lang.value = next;
  document.documentElement.lang = LOCALE[next];
}

function readStored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}
