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
  /** On a page of another site, which shows this one in a dialog of its own. */
  isEmbedded?: boolean;
  /** Whether a panel that appears moves the focus into itself: not where it was there from the start. */
  takesFocus?: boolean;
}

/** The chat itself. On a large screen the page beside it stays usable; on a phone it is the page. */
export function Panel({ visit, onClose, isEmbedded = false, takesFocus = true }: Props): JSX.Element {
  void visit.version.value;
  const isDialog = onClose !== undefined && !isEmbedded;
  const [isModal] = useState(() => isDialog && matchMedia(FULL_SCREEN).matches);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const page = document.querySelector<HTMLElement>('.contact');
    page?.toggleAttribute('inert', isModal);
    return () => page?.removeAttribute('inert');
  }, [isModal]);
  const screen = visit.chat.refusal === 'guest' ? 'home' : visit.screen.value;
  const isFirstScreen = useRef(true);
  useEffect(() => {
    if (takesFocus || !isFirstScreen.current) {
      panel.current?.querySelector<HTMLElement>('textarea, .home-start')?.focus();
    }
    isFirstScreen.current = false;
  }, [screen]);
  return (
    <section
      ref={panel}
      class="panel"
      role={isDialog ? 'dialog' : undefined}
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
