/**
 * The token of the user who is signed in to the site; nothing if nobody is. Called whenever a token is needed: at the start,
 * for each new connection, and a minute before the last one ends.
 */
export type Identify = () => Promise<string | null | undefined> | string | null | undefined;

/** What a page may say before the loader is there, as `window.Stompline`. */
export interface Given {
  identify?: Identify;
  /** Called with the interface as soon as it is there. */
  onReady?: (stompline: object) => void;
}

export interface Settings {
  /** The origin that the loader came from: the server. */
  server: string;
  lang: 'en' | 'zh';
  side: 'left' | 'right';
  identify: Identify | undefined;
}

/** Reads the attributes of the loader's own script element. */
export function readSettings(script: HTMLScriptElement, given: Given, fetchToken: (url: string) => Promise<string | undefined>): Settings {
  const { lang, position, tokenUrl } = script.dataset;
  const identify = given.identify ?? (tokenUrl === undefined ? undefined : () => fetchToken(tokenUrl));
  return {
    server: new URL(script.src).origin,
    lang: chooseLang([lang, document.documentElement.lang, ...navigator.languages]),
    side: position === 'left' ? 'left' : 'right',
    identify,
  };
}

/** The first of the languages that there are texts for. */
export function chooseLang(tags: readonly (string | undefined)[]): 'en' | 'zh' {
  for (const tag of tags) {
    const lang = tag?.toLowerCase().split('-')[0];
    if (lang === 'en' || lang === 'zh') {
      return lang;
    }
  }
  return 'en';
}
