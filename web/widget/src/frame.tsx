import { effect, signal } from '@preact/signals';
import type { Refusal } from '@stompline/client';
import { Announcer, Icon, Mark } from '@stompline/ui';
import type { JSX } from 'preact';
import type { HostPage } from './host-page.ts';
import { customer, guest, type Identity } from './identity.ts';
import { Panel } from './panel.tsx';
import { w } from './texts.ts';
import { Visit } from './visit.ts';

/** Who the visitor is, is asked again after this long, and then after twice as long, in milliseconds. */
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MS_MAX = 30_000;

/** The panel on a page of another site: that page has the launcher, and knows who is signed in to it. */
export class Frame {
  readonly visit = signal<Visit | undefined>(undefined);
  readonly isOpen = signal(false);
  /** It could not be found out who the visitor is. */
  readonly isInDoubt = signal(false);
  /** Not when the page was loaded with the panel open: the visitor may be somewhere else in it. */
  takesFocus = false;
  readonly #host: HostPage;

  constructor(host: HostPage) {
    this.#host = host;
    host.onOpen = () => this.#open();
    host.onClose = () => this.#close();
  }

  async begin(): Promise<void> {
    const { isOpen, takesFocus, isIdentified } = await this.#host.start();
    this.takesFocus = takesFocus;
    this.isOpen.value = isOpen;
    const identity = isIdentified ? await this.#identify() : guest(location.origin);
    const visit = new Visit(location.origin, identity);
    this.visit.value = visit;
    if (this.isOpen.value) {
      visit.openPanel();
    }
    effect(() => {
      void visit.version.value;
      this.#host.tell({ stompline: 'state', unread: visit.unread.value, isGoing: visit.isGoing });
    });
    effect(() => {
      void visit.version.value;
      this.#onRefusal(visit.chat.refusal);
    });
  }

  close(): void {
    this.#host.tell({ stompline: 'close' });
  }

  #open(): void {
    this.takesFocus = true;
    this.isOpen.value = true;
    this.visit.value?.openPanel();
  }

  #close(): void {
    this.isOpen.value = false;
    this.visit.value?.closePanel();
  }

  #onRefusal(refusal: Refusal | undefined): void {
    if (refusal === 'changed') {
      // What is shown belongs to somebody else.
      location.reload();
    } else if (refusal === 'token' || refusal === 'forbidden') {
      console.warn('Stompline: the server does not take the token of this site. `stompline doctor --token` says why.');
    }
  }

  /** Nobody becomes a guest because the site does not answer: they would not find their conversation. */
  async #identify(): Promise<Identity> {
    const ask = (): Promise<string | undefined> => this.#host.askToken();
    for (let delay = ASK_AGAIN_MS; ; delay = Math.min(2 * delay, ASK_AGAIN_MS_MAX)) {
      try {
        const token = await ask();
        return token === undefined ? guest(location.origin) : customer(token, ask);
      } catch {
        this.isInDoubt.value = true;
        await new Promise(resolve => setTimeout(resolve, delay));
      }
    }
  }
}

export function FrameView({ frame }: { frame: Frame }): JSX.Element {
  const visit = frame.visit.value;
  const isOpen = frame.isOpen.value;
  return (
    <div class="frame is-embedded">
      {isOpen && visit === undefined && <Looking frame={frame} />}
      {isOpen && visit?.isPanelOpen.value === true && (
        <Panel visit={visit} onClose={() => frame.close()} isEmbedded takesFocus={frame.takesFocus} />
      )}
      <Announcer />
    </div>
  );
}

/** While it is not known who the visitor is. */
function Looking({ frame }: { frame: Frame }): JSX.Element {
  return (
    <section class="panel" data-testid="looking" onKeyDown={event => event.key === 'Escape' && frame.close()}>
      <button type="button" class="icon-button looking-close" aria-label={w('panel.close')} onClick={() => frame.close()} data-testid="panel-close">
        <Icon name="close" />
      </button>
      <p class="looking" role="status">
        <Mark />
        {frame.isInDoubt.value ? w('frame.failed') : w('frame.looking')}
      </p>
    </section>
  );
}
