import { Icon } from '@stompline/ui';
import type { JSX, RefObject } from 'preact';
import { SHORTCUTS } from './shortcut.ts';
import { d } from './texts.ts';

/** What the keyboard can do, in a dialog. */
export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }): JSX.Element {
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" data-testid="help">
      <header>
        <h2 id="help-title">{d('help.title')}</h2>
        <button type="button" class="icon-button" aria-label={d('help.close')} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <ShortcutList />
    </dialog>
  );
}

export function ShortcutList({ isShort = false }: { isShort?: boolean }): JSX.Element {
  return (
    <dl class="shortcuts">
      {(isShort ? SHORTCUTS.slice(0, 5) : SHORTCUTS).map(({ keys, text }) => (
        <div key={text}>
          <dt>
            {keys.map(key => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{d(text)}</dd>
        </div>
      ))}
    </dl>
  );
}
