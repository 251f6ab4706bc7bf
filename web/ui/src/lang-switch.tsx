import type { JSX } from 'preact';
import { chooseLang, LANGS, LOCALE, lang, OWN_NAME } from './i18n.ts';
import { t } from './words.ts';

/** Changes the language. Each is offered in its own words. */
export function LangSwitch(): JSX.Element {
  return (
    <div class="lang-switch" role="group" aria-label={t('lang.switch')}>
      {LANGS.map(code => (
        <button key={code} type="button" lang={LOCALE[code]} aria-pressed={lang.value === code} onClick={() => chooseLang(code)} data-testid={`lang-${code}`}>
          {OWN_NAME[code]}
        </button>
      ))}
    </div>
  );
}
