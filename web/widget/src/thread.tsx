import type { Conversation } from '@stompline/client';
import { Avatar, Composer, ConnectionBanner, Icon, MessageList, Mark, nameOf } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { SoundSwitch } from './sound-switch.tsx';
import { w } from './texts.ts';
import type { Visit } from './visit.ts';

interface Props {
  visit: Visit;
  onClose: (() => void) | undefined;
}

/** The conversation: its head, its messages and the field to write in. */
export function Thread({ visit, onClose }: Props): JSX.Element {
  void visit.version.value;
  const { chat } = visit;
  const field = useRef<HTMLTextAreaElement>(null);
  const [wantsMore, setWantsMore] = useState(false);
  const current = visit.current.value;
  const state = current?.head.state;
  const id = current?.id;
  useEffect(() => {
    if (id !== undefined && current?.loadedFrom === undefined && chat.state === 'live') {
      void chat.loadOlder(id);
    }
  });
  useEffect(() => {
    if (state !== 'closed') {
      setWantsMore(false);
    }
  }, [state]);
  const isOver = state === 'closed' && !wantsMore && chat.pending.length === 0;
  return (
    <div class="thread" data-testid="thread" data-conversation-id={id} data-state={state ?? 'new'}>
      <ThreadHead visit={visit} current={current} onClose={onClose} />
      <ConnectionBanner banner={chat.banner} refusal={chat.refusal} onRetry={() => chat.retryNow()} />
      {state === 'queued' && <Waiting />}
      <MessageList
        key={id ?? 'new'}
        conversation={current}
        pending={chat.pending}
        me={chat.me}
        isLoading={id !== undefined && chat.isLoading(id)}
        typists={id === undefined ? [] : chat.typing.in(id)}
        onLoadOlder={() => void (id !== undefined && chat.loadOlder(id))}
        onSeen={seq => void (id !== undefined && chat.read(id, seq))}
        onRetry={clientId => chat.outbox.retry(clientId)}
        onDelete={clientId => chat.outbox.discard(clientId)}
        intro={current === undefined || current.head.lastSeq === 0 ? <Intro /> : <></>}
      />
      {isOver ? (
        <Ended
          onAgain={() => {
            setWantsMore(true);
            requestAnimationFrame(() => field.current?.focus());
          }}
        />
      ) : (
        <Composer
          field={field}
          draft={visit.memory.recall('draft') ?? ''}
          onDraft={text => visit.memory.remember('draft', text)}
          onTyping={() => id !== undefined && state !== 'closed' && chat.typed(id)}
          onStopped={() => chat.typingStopped()}
          onSend={text => chat.send(text)}
        />
      )}
    </div>
  );
}

function ThreadHead({ visit, current, onClose }: Props & { current: Conversation | undefined }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const head = current?.head;
  const agent = head?.assignee;
  const canEnd = head?.state === 'active' || head?.state === 'queued';
  return (
    <header class="thread-head">
      <div class="thread-bar">
        <button type="button" class="icon-button" aria-label={w('panel.back')} onClick={() => (visit.screen.value = 'home')} data-testid="thread-back">
          <Icon name="back" isFlipped />
        </button>
        {agent == null ? <Mark /> : <Avatar person={agent} />}
        <div class="thread-who">
          <h2 data-testid="thread-name">{agent == null ? w('team') : nameOf(agent)}</h2>
          <p>{subline(current)}</p>
        </div>
        <SoundSwitch visit={visit} />
        {canEnd && (
          <button type="button" class="thread-end" aria-label={w('thread.endLabel')} aria-expanded={isAsking} onClick={() => setAsking(!isAsking)} data-testid="end">
            {w('thread.end')}
          </button>
        )}
        {onClose !== undefined && (
          <button type="button" class="icon-button" aria-label={w('panel.close')} onClick={onClose} data-testid="panel-close">
            <Icon name="close" />
          </button>
        )}
      </div>
      {isAsking && canEnd && current !== undefined && (
        <EndQuestion onKeep={() => setAsking(false)} onEnd={() => visit.chat.close(current.id)} />
      )}
    </header>
  );
}

function subline(current: Conversation | undefined): string {
  switch (current?.head.state) {
    case 'queued':
      return w('thread.waitingSub');
    case 'active':
      return w('thread.activeSub');
    case 'closed':
      return w('thread.closedSub');
    default:
      return w('thread.newSub');
  }
}

function EndQuestion({ onKeep, onEnd }: { onKeep(): void; onEnd(): Promise<void> }): JSX.Element {
  const [hasFailed, setFailed] = useState(false);
  const end = (): void => {
    onEnd().then(onKeep, () => setFailed(true));
  };
  return (
    <div class="thread-ask" role="group" aria-label={w('thread.endAsk')}>
      <p role="status">{hasFailed ? w('thread.endFailed') : w('thread.endAsk')}</p>
      <button type="button" class="text-button" onClick={onKeep} data-testid="end-no">
        {w('thread.endNo')}
      </button>
      <button type="button" class="text-button" onClick={end} data-testid="end-yes">
        {w('thread.endYes')}
      </button>
    </div>
  );
}

function Intro(): JSX.Element {
  return (
    <div class="thread-intro">
      <h3>{w('thread.new')}</h3>
      <p>{w('thread.newText')}</p>
    </div>
  );
}

/** Waiting, drawn: the visitor, the desk, and the line on which the message travels. */
function Waiting(): JSX.Element {
  return (
    <div class="waiting" role="status" data-testid="waiting">
      <div class="waiting-line" aria-hidden="true">
        <span class="waiting-end is-near">{w('team.you')}</span>
        <span class="waiting-track">
          <i />
        </span>
        <span class="waiting-end">{w('team.us')}</span>
      </div>
      <p>
        <b>{w('thread.waiting')}</b> {w('thread.waitingText')}
      </p>
    </div>
  );
}

function Ended({ onAgain }: { onAgain(): void }): JSX.Element {
  return (
    <div class="ended" data-testid="ended">
      <p>
        <b>{w('thread.closed')}</b> {w('thread.closedText')}
      </p>
      <button type="button" class="button" onClick={onAgain} data-testid="start-again">
        {w('thread.again')}
      </button>
    </div>
  );
}
