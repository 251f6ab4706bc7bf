import type { Conversation, OutboxItem, Person, UserRef } from '@stompline/client';
import { pointerOf, shownMessages, unreadCount } from '@stompline/client';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { type BubbleActions, BubbleView } from './bubble.tsx';
import { lang } from './i18n.ts';
import { Icon } from './icon.tsx';
import { usePinning } from './pinning.ts';
import { clockTime, dayLabel } from './time.ts';
import { type Entry, type EventLine, timeline } from './timeline.ts';
import { nameOf, t } from './words.ts';

export interface MessageListProps extends BubbleActions {
  conversation: Conversation | undefined;
  pending: readonly OutboxItem[];
  me: Person | undefined;
  isLoading: boolean;
  typists: readonly UserRef[];
  onLoadOlder(): void;
  onSeen(seq: number): void;
  /** Shown above the first message of a conversation. */
  intro?: JSX.Element;
}

/** The messages of one conversation. Give it the conversation's id as `key`: its place in the list is its own. */
export function MessageList(props: MessageListProps): JSX.Element {
  const { conversation, pending, me, isLoading } = props;
  const [unreadAfter] = useState(() => firstUnreadAfter(conversation, me));
  const entries = useMemo(
    () => timeline(conversation, { me, pending, unreadAfter }),
    [conversation, pending, me, unreadAfter],
  );
  const messages = conversation === undefined ? [] : shownMessages(conversation);
  const { list, isAtEnd, newCount, toEnd } = usePinning({
    firstSeq: messages[0]?.seq ?? 0,
    lastSeq: messages.at(-1)?.seq ?? 0,
    pendingCount: pending.length,
    countNewAfter: seq => messages.filter(message => message.seq > seq && message.sender.id !== me?.id).length,
    onNearStart: props.onLoadOlder,
    onSeen: props.onSeen,
  });
  const rows = useMemo(() => entryRows(entries, props, me), [entries, lang.value, me]);
  return (
    <div class="messages">
      <div class="messages-scroll" ref={list} tabIndex={0} role="log" aria-live="off" aria-label={t('history.label')} onKeyDown={moveFocus} data-testid="message-list">
        <div class="messages-content">
          {isLoading && <p class="messages-loading">{t('history.loading')}</p>}
          {(conversation?.isComplete ?? true) && props.intro}
          <ol class="messages-rows">{rows}</ol>
          <TypingNote typists={props.typists} conversation={conversation} />
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={toEnd} data-testid="to-end">
          <Icon name="down" />
          <span>{newCount > 0 ? t('history.new', { n: newCount }) : t('history.latest')}</span>
        </button>
      )}
    </div>
  );
}

function firstUnreadAfter(conversation: Conversation | undefined, me: Person | undefined): number | undefined {
  if (conversation === undefined || me === undefined || unreadCount(conversation, me) === 0) {
    return undefined;
  }
  const { readSeq } = pointerOf(conversation.head, me);
  return readSeq > 0 ? readSeq : undefined;
}

function entryRows(entries: readonly Entry[], actions: BubbleActions, me: Person | undefined): JSX.Element[] {
  const newestOwn = entries.findLast(entry => entry.kind === 'bubble' && entry.isOwn && entry.seq !== undefined);
  return entries.map(entry => {
    switch (entry.kind) {
      case 'bubble':
        return <BubbleView key={entry.key} bubble={entry} isNewestOwn={entry === newestOwn} actions={actions} />;
      case 'day':
        return (
          <li key={entry.key} class="line line-day">
            <span>{dayText(entry.at)}</span>
          </li>
        );
      case 'unread':
        return (
          <li key={entry.key} class="line line-unread">
            <span>{t('history.unread')}</span>
          </li>
        );
      default:
        return (
          <li key={entry.key} class="line line-event" data-testid={`line-${entry.kind}`}>
            <span>
              {eventText(entry, me)} · {clockTime(entry.at, { lang: lang.value })}
            </span>
          </li>
        );
    }
  });
}

function dayText(at: string | number): string {
  const label = dayLabel(at, Date.now(), { lang: lang.value });
  return label === 'today' || label === 'yesterday' ? t(`day.${label}`) : label;
}

function eventText({ kind, who }: EventLine, me: Person | undefined): string {
  const isMe = who !== undefined && who.id === me?.id && who.role === me.role;
  const name = who === undefined ? '' : nameOf(who);
  if (kind === 'joined') {
    return isMe ? t('line.joinedYou') : t('line.joined', { name });
  }
  const role = who?.role === 'customer' ? 'customer' : 'agent';
  return isMe ? t(`line.closed.${role}You`) : t(`line.closed.${role}`, { name });
}

function TypingNote({ typists, conversation }: { typists: readonly UserRef[]; conversation: Conversation | undefined }): JSX.Element | null {
  const [typist] = typists;
  if (typist === undefined) {
    return null;
  }
  const { customer, assignee } = conversation?.head ?? {};
  const person = [customer, assignee].find(known => known != null && known.id === typist.id && known.role === typist.role);
  return (
    <p class="typing" data-testid="typing">
      <span class="typing-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {person == null ? t('typing.some') : t('typing.one', { name: nameOf(person) })}
    </p>
  );
}

/** Arrow keys go from message to message. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowUp: -1, ArrowDown: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[event.key];
  const list = event.currentTarget;
  if (step === undefined || event.altKey || !(list instanceof HTMLElement)) {
    return;
  }
  const rows = [...list.querySelectorAll<HTMLElement>('.bubble-row')];
  const current = rows.findIndex(row => row.contains(document.activeElement));
  const start = current < 0 ? rows.length : current;
  const next = rows[Math.min(Math.max(start + step, 0), rows.length - 1)];
  if (next !== undefined) {
    event.preventDefault();
    next.focus();
  }
}
