import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Home } from './home.tsx';
import { w } from './texts.ts';
import { Thread } from './thread.tsx';
import type { Visit } from './visit.ts';

/** Where the panel covers the whole screen, as the style decides it too. */
const FULL_SCREEN = '(max-width: 519px)';

interface Props {
  visit: Visit;
  /** Absent where the panel is all there is. */
  onClose: (() => void) | undefined;
}

/** The chat itself. On a large screen the page beside it stays usable; on a phone it is the page. */
export function Panel({ visit, onClose }: Props): JSX.Element {
  const [isModal] = useState(() => onClose !== undefined && matchMedia(FULL_SCREEN).matches);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const page = document.querySelector<HTMLElement>('.contact');
    page?.toggleAttribute('inert', isModal);
    return () => page?.removeAttribute('inert');
  }, [isModal]);
  const screen = visit.screen.value;
  const isFirstScreen = useRef(true);
  useEffect(() => {
    // A panel that was there from the start must not take the focus from the page around its frame.
    if (onClose !== undefined || !isFirstScreen.current) {
      panel.current?.querySelector<HTMLElement>('textarea, .home-start')?.focus();
    }
    isFirstScreen.current = false;
  }, [screen]);
  return (
    <section
      ref={panel}
      class="panel"
      role={onClose === undefined ? undefined : 'dialog'}
      aria-modal={isModal || undefined}
      aria-label={w('team')}
      data-testid="panel"
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.isComposing) {
          onClose?.();
        }
      }}
    >
      {screen === 'home' ? (
        <Home visit={visit} onClose={onClose} />
      ) : (
        <Thread visit={visit} onClose={onClose} />
      )}
    </section>
  );
}
