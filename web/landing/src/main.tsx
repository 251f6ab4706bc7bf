import { Icon, LangSwitch, lang, Mark, startLang } from '@stompline/ui';
import { type JSX, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import './landing.css';
import { l } from './texts.ts';

/** Below this the two pages do not fit side by side, and are not loaded. */
const SIDE_BY_SIDE = '(min-width: 960px)';

function Landing(): JSX.Element {
  const isWide = useMedia(SIDE_BY_SIDE);
  useEffect(() => {
    document.title = l('title');
  });
  return (
    <div class="landing">
      <header class="top">
        <div class="top-name">
          <Mark />
          <b>Stompline</b>
          <span class="tag">{l('tag')}</span>
        </div>
        <LangSwitch />
      </header>
      <main class="main">
        <div class="intro">
          <h1>{l('head')}</h1>
          <p>{l('text')}</p>
        </div>
        <div class="stage">
          <Side kind="visitor" href="/widget/" frame="/widget/?view=panel" isWide={isWide} />
          <div class="line" aria-hidden="true">
            <i />
          </div>
          <Side kind="agent" href="/desk/" frame="/desk/" isWide={isWide} />
        </div>
      </main>
      <footer class="foot">
        <p>{l('tagText')}</p>
        <a href={`/desk/?name=Bo&lang=${lang.value}`} target="_blank" rel="noopener">
          {l('second')}
        </a>
      </footer>
    </div>
  );
}

interface SideProps {
  kind: 'visitor' | 'agent';
  href: string;
  frame: string;
  isWide: boolean;
}

function Side({ kind, href, frame, isWide }: SideProps): JSX.Element {
  const withLang = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}lang=${lang.value}`;
  return (
    <section class={`side side-${kind}`} aria-label={l(kind)}>
      <header class="side-head">
        <h2>{l(kind)}</h2>
        <p>{l(`${kind}.text`)}</p>
        <a class="side-open" href={withLang(href)} target="_blank" rel="noopener" data-testid={`open-${kind}`}>
          {l('open')}
          <Icon name="open" isFlipped />
        </a>
      </header>
      {isWide && <iframe key={lang.value} src={withLang(frame)} title={l(kind)} data-testid={`frame-${kind}`} />}
    </section>
  );
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const tell = (): void => setMatches(media.matches);
    media.addEventListener('change', tell);
    return () => media.removeEventListener('change', tell);
  }, [query]);
  return matches;
}

startLang();
const root = document.getElementById('app');
if (root !== null) {
  render(<Landing />, root);
}
