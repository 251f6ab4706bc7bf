import { Announcer, Avatar, ConnectionBanner, Icon, LangSwitch, Mark, nameOf, SwitchButton } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Help, ShortcutList } from './help.tsx';
import { Lists } from './list.tsx';
import { route } from './route.ts';
import type { Shift } from './shift.ts';
import { listenForShortcuts } from './shortcut.ts';
import { Side } from './side.tsx';
import { d } from './texts.ts';
import { Thread } from './thread.tsx';

interface Props {
  shift: Shift;
  /** Absent where there is nothing to sign out of. */
  onSignOut: (() => void) | undefined;
}

/** The desk: who writes, what they write, who they are. On a phone one after the other. */
export function Desk({ shift, onSignOut }: Props): JSX.Element {
  void shift.version.value;
  const help = useRef<HTMLDialogElement>(null);
  const { chat } = shift;
  const conversation = shift.current.value;
  const calls = shift.calls.value;
  const openHelp = (): void => help.current?.showModal();
  useEffect(() => listenForShortcuts(shift, openHelp), [shift]);
  useEffect(() => {
    document.title = calls > 0 ? d('title.unread', { n: calls }) : d('desk');
  });
  const depth = conversation === undefined ? 'list' : route.value.isSideOpen === true ? 'side' : 'thread';
  return (
    <main class="desk" data-depth={depth}>
      <h1 class="unseen">{d('desk')}</h1>
      <nav class="rail" aria-label={d('tabs.label')}>
        <RailHead shift={shift} />
        <Lists shift={shift} />
        <RailFoot shift={shift} onHelp={openHelp} onSignOut={onSignOut} />
      </nav>
      <div class="main">
        <ConnectionBanner banner={chat.banner} refusal={chat.refusal} onRetry={() => chat.retryNow()} />
        {conversation === undefined ? <NothingChosen /> : <Thread key={conversation.id} shift={shift} conversation={conversation} />}
      </div>
      {conversation !== undefined && <Side shift={shift} conversation={conversation} />}
      <Toast shift={shift} />
      <Help dialog={help} />
      <Announcer />
    </main>
  );
}

function RailHead({ shift }: { shift: Shift }): JSX.Element {
  void shift.version.value;
  const { chat } = shift;
  return (
    <header class="rail-head">
      <Mark />
      <p class="rail-name">{d('desk')}</p>
      {chat.me !== undefined && (
        <div class="rail-me" data-testid="me">
          <span class="rail-me-text">
            <b>{nameOf(chat.me)}</b>
            <span class={`state state-${chat.state}`} data-testid="link-state" data-state={chat.state}>
              {d(`state.${chat.state}`)}
            </span>
          </span>
          <Avatar person={chat.me} size="s" />
        </div>
      )}
    </header>
  );
}

function RailFoot({ shift, onHelp, onSignOut }: { shift: Shift; onHelp(): void; onSignOut: (() => void) | undefined }): JSX.Element {
  const { notices, notes } = shift;
  return (
    <footer class="rail-foot">
      <LangSwitch />
      <SwitchButton label={d('sound.switch')} isOn={notices.sound.isOn.value} icons={['sound', 'mute']} onSwitch={() => notices.switchSound()} testId="sound" />
      {notes.isPossible && (
        <SwitchButton label={d('notes.switch')} isOn={notes.isOn} icons={['bell', 'bellOff']} onSwitch={() => void shift.switchNotes()} testId="notes" />
      )}
      <button type="button" class="icon-button rail-keys" aria-label={d('help.open')} title="?" onClick={onHelp} data-testid="help-open">
        <Icon name="keyboard" />
      </button>
      {onSignOut !== undefined && (
        <button type="button" class="icon-button" aria-label={d('signout')} title={d('signout')} onClick={onSignOut} data-testid="sign-out">
          <Icon name="out" isFlipped />
        </button>
      )}
    </footer>
  );
}

function NothingChosen(): JSX.Element {
  return (
    <div class="nothing">
      <Mark />
      <h2>{d('thread.empty')}</h2>
      <p>{d('thread.emptyText')}</p>
      <ShortcutList isShort />
    </div>
  );
}

function Toast({ shift }: { shift: Shift }): JSX.Element {
  const text = shift.toast.value;
  return (
    <div class="toast-place" role="status">
      {text !== '' && (
        <p class="toast" data-testid="toast">
          {text}
          <button type="button" class="icon-button" aria-label={d('toast.dismiss')} onClick={() => shift.dismissToast()}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
