import { isSame } from '@stompline/client';
import { Avatar, ConnectionBanner, Icon, LangSwitch, lang, listTime, Mark, nameOf } from '@stompline/ui';
import type { JSX } from 'preact';
import { SoundSwitch } from './sound-switch.tsx';
import { w } from './texts.ts';
import type { Visit } from './visit.ts';

interface Props {
  visit: Visit;
  onClose: (() => void) | undefined;
}

/** The first screen: a greeting, and the way into the conversation. */
export function Home({ visit, onClose }: Props): JSX.Element {
  void visit.version.value;
  const { chat } = visit;
  const enter = (): void => {
    visit.screen.value = 'thread';
  };
  return (
    <div class="home" data-testid="home">
      <header class="home-head">
        <div class="home-bar">
          <Mark />
          <LangSwitch />
          <SoundSwitch visit={visit} />
          {onClose !== undefined && (
            <button type="button" class="icon-button" onClick={onClose} aria-label={w('panel.close')} data-testid="panel-close">
              <Icon name="close" />
            </button>
          )}
        </div>
        <p class="home-hello">{w('home.hello')}</p>
        <h2>{w('home.title')}</h2>
      </header>
      <div class="home-body">
        <LastConversation visit={visit} onEnter={enter} />
        {chat.refusal === 'guest' ? (
          <div class="home-card" role="status" data-testid="home-members">
            <p>{w('home.members')}</p>
          </div>
        ) : (
          <div class="home-card">
            <p>{w('home.text')}</p>
            <button type="button" class="button home-start" onClick={enter} data-testid="home-start">
              {w('home.start')}
            </button>
          </div>
        )}
      </div>
      {chat.refusal !== 'guest' && (
        <ConnectionBanner banner={chat.banner} refusal={chat.refusal} onRetry={() => chat.retryNow()} />
      )}
    </div>
  );
}

function LastConversation({ visit, onEnter }: { visit: Visit; onEnter(): void }): JSX.Element | null {
  const { me } = visit.chat;
  const head = visit.current.value?.head;
  const last = head?.lastMessage;
  if (head === undefined || last == null) {
    return null;
  }
  const isOwn = me !== undefined && isSame(last.sender, me);
  const unread = visit.unread.value;
  return (
    <button type="button" class="home-card home-last" onClick={onEnter} data-testid="home-continue">
      <span class="home-last-label">{head.state === 'closed' ? w('home.last') : w('home.continue')}</span>
      {head.assignee != null && <Avatar person={head.assignee} />}
      <span class="home-last-text">
        <b>{head.assignee == null ? w('team') : nameOf(head.assignee)}</b>
        <span>{isOwn ? w('home.you', { text: last.text }) : last.text}</span>
      </span>
      <span class="home-last-side">
        <time>{listTime(last.createdAt, Date.now(), { lang: lang.value })}</time>
        {unread > 0 && <span class="badge">{unread}</span>}
      </span>
    </button>
  );
}
