import { Announcer, Icon, LangSwitch, Mark } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Panel } from './panel.tsx';
import { w } from './texts.ts';
import type { Visit } from './visit.ts';

interface Props {
  visit: Visit;
  /** The panel fills the frame it is in: no page around it and no launcher. */
  isPanelOnly: boolean;
}

export function App({ visit, isPanelOnly }: Props): JSX.Element {
  const launcher = useRef<HTMLButtonElement>(null);
  const isOpen = visit.isPanelOpen.value;
  const unread = visit.unread.value;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${w('team')}` : w('team');
  });
  const close = (): void => {
    visit.closePanel();
    launcher.current?.focus();
  };
  if (isPanelOnly) {
    return (
      <div class="frame">
        <Panel visit={visit} onClose={undefined} takesFocus={false} />
        <Announcer />
      </div>
    );
  }
  return (
    <div class={isOpen ? 'page has-panel' : 'page'}>
      <ContactPage visit={visit} />
      {isOpen && <Panel visit={visit} onClose={close} />}
      <button
        ref={launcher}
        type="button"
        class="launcher"
        aria-expanded={isOpen}
        aria-label={isOpen ? w('launcher.close') : unread > 0 ? w('launcher.openUnread', { n: unread }) : w('launcher.open')}
        onClick={() => (isOpen ? close() : visit.openPanel())}
        data-testid="launcher"
      >
        <Icon name={isOpen ? 'chevron' : 'chat'} />
        {!isOpen && unread > 0 && (
          <span class="badge launcher-badge" aria-hidden="true" data-testid="launcher-badge">
            {unread}
          </span>
        )}
      </button>
      <Announcer />
    </div>
  );
}

/** What the page shows behind the panel when it is visited by itself. */
function ContactPage({ visit }: { visit: Visit }): JSX.Element {
  return (
    <main class="contact">
      <header class="contact-head">
        <Mark />
        <LangSwitch />
      </header>
      <div class="contact-body">
        <h1>{w('page.title')}</h1>
        <p>{w('page.text')}</p>
        <button type="button" class="button" onClick={() => visit.openPanel()} data-testid="contact-open">
          {w('page.open')}
        </button>
      </div>
    </main>
  );
}
