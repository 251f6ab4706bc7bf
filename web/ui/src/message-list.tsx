import type { Conversation, Message, OutboxItem, Person, UserRef } from '@stompline/client';
import { isSame, pointerOf, shownMessages, unreadCount } from '@stompline/client';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type BubbleActions, BubbleView } from './bubble.tsx';
import { lang } from './i18n.ts';
import { Icon } from './icon.tsx';
import { type Scroller, useScroller } from './scroller.ts';
import { clockTime, dayLabel } from './time.ts';
import { type Entry, type EventLine, timeline, UNREAD_KEY } from './timeline.ts';
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
  const { conversation, me, isLoading } = props;
  const pending = useSameItems(props.pending);
  const [unread] = useState(() => unreadOnOpening(conversation, me));
  const entries = useMemo(
    () => timeline(conversation, { me, pending, unreadAfter: unread?.after }),
    [conversation, pending, me, unread],
  );
  const keys = useMemo(() => entries.map(({ key }) => key), [entries]);
  const messages = conversation === undefined ? [] : shownMessages(conversation);
  const isUnreadLoaded = unread === undefined || isLoadedFrom(conversation, unread.after + 1);
  const { scroller, span } = useScroller({
    keys,
    unreadKey: unread === undefined ? undefined : UNREAD_KEY,
    isUnreadLoaded,
    lastSeq: messages.at(-1)?.seq ?? 0,
    pendingCount: pending.length,
    countNewAfter: seq => countOfOthersAfter(messages, seq, me),
    onNearStart: props.onLoadOlder,
    onSeen: props.onSeen,
  });
  const seek = useUnreadSearch(scroller, { isUnreadLoaded, loadedFrom: conversation?.loadedFrom, onLoadOlder: props.onLoadOlder });
  const actions = useSameActions(props);
  const newestOwn = useMemo(() => keyOfNewestOwn(entries), [entries]);
  const rows = useMemo(
    () => entries.slice(span.start, span.end).map(entry => (
      <EntryRow key={entry.key} entry={entry} me={me} isNewestOwn={entry.key === newestOwn} actions={actions} />
    )),
    [entries, span.start, span.end, newestOwn, me, lang.value],
  );
  return (
    <div class="messages">
      <div class="messages-scroll" ref={scroller.list} tabIndex={0} role="log" aria-live="off" aria-label={t('history.label')} onKeyDown={event => moveFocus(event, scroller, entries)} data-testid="message-list">
        <div class="messages-content">
          {(conversation?.isComplete ?? true) && span.start === 0 && props.intro}
          <ol class="messages-rows" ref={scroller.rows}>
            {rows}
          </ol>
          <TypingNote typists={props.typists} conversation={conversation} />
        </div>
      </div>
      {isLoading && <p class="messages-loading">{t('history.loading')}</p>}
      {!isLoading && scroller.isUnreadAbove && unread !== undefined && (
        <button type="button" class="to-end to-unread" onClick={seek} data-testid="to-unread">
          <Icon name="up" />
          <span>{t('history.new', { n: unread.count })}</span>
        </button>
      )}
      {!scroller.isAtEnd && (
        <button type="button" class="to-end" onClick={scroller.toEnd} data-testid="to-end">
          <Icon name="down" />
          <span>{scroller.newCount > 0 ? t('history.new', { n: scroller.newCount }) : t('history.latest')}</span>
        </button>
      )}
    </div>
  );
}

/** The same array as long as it holds the same things. */
function useSameItems<T>(items: readonly T[]): readonly T[] {
  const held = useRef(items);
  if (items.length !== held.current.length || items.some((item, index) => item !== held.current[index])) {
    held.current = items;
  }
  return held.current;
}

/** The same object each time, so that a bubble is drawn again only when it changed. */
function useSameActions(props: BubbleActions): BubbleActions {
  const latest = useRef(props);
  latest.current = props;
  const [actions] = useState<BubbleActions>(() => ({
    onRetry: clientId => latest.current.onRetry(clientId),
    onDelete: clientId => latest.current.onDelete(clientId),
  }));
  return actions;
}

/** Leads to the first unread message: fetches what lies between, page by page, and goes there. */
function useUnreadSearch(
  scroller: Scroller,
  { isUnreadLoaded, loadedFrom, onLoadOlder }: { isUnreadLoaded: boolean; loadedFrom: number | undefined; onLoadOlder(): void },
): () => void {
  const [isSeeking, setSeeking] = useState(false);
  useEffect(() => {
    if (isSeeking && isUnreadLoaded) {
      setSeeking(false);
      scroller.reveal(UNREAD_KEY);
    } else if (isSeeking) {
      onLoadOlder();
    }
  }, [isSeeking, isUnreadLoaded, loadedFrom]);
  return () => {
    if (isSeeking) {
      onLoadOlder();
    }
    setSeeking(true);
  };
}

function isLoadedFrom(conversation: Conversation | undefined, seq: number): boolean {
  return conversation?.loadedFrom !== undefined && conversation.loadedFrom <= seq;
}

function countOfOthersAfter(messages: readonly Message[], seq: number, me: Person | undefined): number {
  let count = 0;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (message === undefined || message.seq <= seq) {
      break;
    }
    count += me !== undefined && isSame(message.sender, me) ? 0 : 1;
  }
  return count;
}

function keyOfNewestOwn(entries: readonly Entry[]): string | undefined {
  return entries.findLast(entry => entry.kind === 'bubble' && entry.isOwn && entry.seq !== undefined)?.key;
}

/** What was unread when the conversation was opened. */
function unreadOnOpening(conversation: Conversation | undefined, me: Person | undefined): { after: number; count: number } | undefined {
  const count = conversation === undefined || me === undefined ? 0 : unreadCount(conversation, me);
  if (conversation === undefined || me === undefined || count === 0) {
    return undefined;
  }
  const { readSeq } = pointerOf(conversation.head, me);
  return readSeq > 0 ? { after: readSeq, count } : undefined;
}

interface EntryRowProps {
  entry: Entry;
  me: Person | undefined;
  isNewestOwn: boolean;
  actions: BubbleActions;
}

function EntryRow({ entry, me, isNewestOwn, actions }: EntryRowProps): JSX.Element {
  switch (entry.kind) {
    case 'bubble':
      return <BubbleView bubble={entry} isNewestOwn={isNewestOwn} actions={actions} />;
    case 'day':
      return (
        <li class="line line-day">
          <span>{dayText(entry.at)}</span>
        </li>
      );
    case 'unread':
      return (
        <li class="line line-unread" data-testid="unread-line">
          <span>{t('history.unread')}</span>
        </li>
      );
    default:
      return (
        <li class="line line-event" data-testid={`line-${entry.kind}`}>
          <span>
            {eventText(entry, me)} · {clockTime(entry.at, { lang: lang.value })}
          </span>
        </li>
      );
  }
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

function isBubble({ kind }: Entry): boolean {
  return kind === 'bubble';
}

/** Arrow keys go from message to message; Home and End to the first and the last that there is. */
function moveFocus(event: KeyboardEvent, scroller: Scroller, entries: readonly Entry[]): void {
  const step = { ArrowUp: -1, ArrowDown: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[event.key];
  const list = event.currentTarget;
  if (step === undefined || event.altKey || !(list instanceof HTMLElement)) {
    return;
  }
  event.preventDefault();
  if (!Number.isFinite(step)) {
    const bubble = step < 0 ? entries.find(isBubble) : entries.findLast(isBubble);
    scroller.reveal(bubble?.key ?? '', true);
    return;
  }
  const rows = [...list.querySelectorAll<HTMLElement>('.bubble-row')];
  const current = rows.findIndex(row => row.contains(document.activeElement));
  const start = current < 0 ? rows.length : current;
  rows[Math.min(Math.max(start + step, 0), rows.length - 1)]?.focus();
}
