import type { Conversation } from '@stompline/client';
import { Avatar, clockTime, Composer, Icon, lang, listTime, MessageList, nameOf } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { draftIn, keepDraft } from './draft.ts';
import { goBack, openSide } from './route.ts';
import type { Shift } from './shift.ts';
import { d } from './texts.ts';
import { Waiting } from './waiting.tsx';

interface Props {
  shift: Shift;
  conversation: Conversation;
}

/** One conversation, from the agent's side. */
export function Thread({ shift, conversation }: Props): JSX.Element {
  void shift.version.value;
  const { chat } = shift;
  const { id, head } = conversation;
  const field = useRef<HTMLTextAreaElement>(null);
  const isWriting = head.state === 'active' && shift.isMine(conversation);
  const requests = shift.writeRequests.value;
  useEffect(() => {
    if (isWriting && matchMedia('(hover: hover)').matches) {
      field.current?.focus();
    }
  }, [isWriting, requests]);
  return (
    <section class="thread" aria-label={nameOf(head.customer)} data-testid="thread" data-conversation-id={id} data-state={head.state}>
      <ThreadHead shift={shift} conversation={conversation} />
      <MessageList
        conversation={conversation}
        pending={chat.pending.filter(item => item.conversationId === id)}
        me={chat.me}
        isLoading={chat.isLoading(id)}
        typists={chat.typing.in(id)}
        onLoadOlder={() => void (conversation.loadedFrom !== undefined && chat.loadOlder(id))}
        onSeen={seq => chat.read(id, seq)}
        onRetry={clientId => chat.outbox.retry(clientId)}
        onDelete={clientId => chat.outbox.discard(clientId)}
      />
      {isWriting ? (
        <Composer
          field={field}
          draft={draftIn(id)}
          placeholder={d('thread.writeTo', { name: nameOf(head.customer) })}
          onDraft={text => keepDraft(id, text)}
          onTyping={() => chat.typed(id)}
          onStopped={() => chat.typingStopped()}
          onSend={text => chat.send(text, id)}
          onEscape={() => field.current?.blur()}
        />
      ) : (
        <ReadOnly shift={shift} conversation={conversation} />
      )}
    </section>
  );
}

function ThreadHead({ shift, conversation }: Props): JSX.Element {
  const { head, isElsewhere } = conversation;
  const canTake = head.state === 'queued' && !isElsewhere;
  const canClose = head.state === 'active' && shift.isMine(conversation);
  return (
    <header class="thread-head">
      <button type="button" class="icon-button thread-back" aria-label={d('thread.back')} onClick={goBack} data-testid="thread-back">
        <Icon name="back" isFlipped />
      </button>
      <Avatar person={head.customer} />
      <div class="thread-who">
        <h2 data-testid="thread-name">{nameOf(head.customer)}</h2>
        <p data-testid="thread-state">
          <StateLine shift={shift} conversation={conversation} />
        </p>
      </div>
      {canTake && (
        <button type="button" class="button" title="Alt+A" onClick={() => void shift.take()} data-testid="take">
          <Icon name="check" />
          {d('thread.take')}
        </button>
      )}
      {canClose && (
        <button type="button" class="button button-quiet" title="Alt+E" onClick={() => void shift.close()} data-testid="close">
          {d('thread.close')}
        </button>
      )}
      <button type="button" class="icon-button thread-details" aria-label={d('thread.details')} onClick={openSide} data-testid="details">
        <Icon name="info" />
      </button>
    </header>
  );
}

function StateLine({ shift, conversation }: Props): JSX.Element {
  const { head, isElsewhere } = conversation;
  if (isElsewhere) {
    return <>{d('thread.elsewhere')}</>;
  }
  if (head.state === 'queued') {
    const [before = '', after = ''] = d('thread.waiting', { time: '\n' }).split('\n');
    return (
      <>
        {before}
        <Waiting since={head.queuedAt} />
        {after}
      </>
    );
  }
  if (head.state === 'closed') {
    const time = head.closedAt === undefined ? '' : listTime(head.closedAt, Date.now(), { lang: lang.value });
    return <>{d('thread.closed', { time })}</>;
  }
  if (shift.isMine(conversation) && head.assignedAt !== undefined) {
    return <>{d('thread.yours', { time: clockTime(head.assignedAt, { lang: lang.value }) })}</>;
  }
  return <>{head.assignee == null ? '' : d('thread.theirs', { name: nameOf(head.assignee) })}</>;
}

/** In place of the field to write in, why there is none. */
function ReadOnly({ shift, conversation }: Props): JSX.Element {
  const { head, isElsewhere } = conversation;
  const isQueued = head.state === 'queued' && !isElsewhere;
  return (
    <div class="read-only">
      <p>{isQueued ? d('thread.look') : head.state === 'closed' ? d('thread.isClosed') : d('thread.isElsewhere')}</p>
      {isQueued && (
        <button type="button" class="button" onClick={() => void shift.take()} data-testid="take-below">
          {d('thread.take')}
        </button>
      )}
    </div>
  );
}
