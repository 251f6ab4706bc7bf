import { type Conversation, isSame, type Person, waitingSince } from '@stompline/client';
import { Avatar, type Lang, listTime, memo, nameOf } from '@stompline/ui';
import type { JSX } from 'preact';
import { d } from './texts.ts';
import { Waiting } from './waiting.tsx';

interface Props {
  conversation: Conversation;
  me: Person | undefined;
  unread: number;
  draft: string;
  isTyping: boolean;
  isSelected: boolean;
  lang: Lang;
  onSelect(id: string): void;
}

/** One conversation in a list. */
export const Row = memo(function Row(props: Props): JSX.Element {
  const { conversation, unread, isSelected, onSelect } = props;
  const { id, head } = conversation;
  const name = nameOf(head.customer);
  return (
    <button
      type="button"
      class={isSelected ? 'row is-selected' : 'row'}
      aria-current={isSelected ? 'true' : undefined}
      onClick={() => onSelect(id)}
      data-testid="conversation"
      data-conversation-id={id}
      data-state={head.state}
    >
      <Avatar person={head.customer} />
      <span class="row-name">{name}</span>
      <span class="row-time">
        <Time {...props} />
      </span>
      <span class="row-text">
        <LastLine {...props} />
      </span>
      {unread > 0 && (
        <span class="badge" data-testid="unread">
          {unread}
          <span class="unseen"> {d('row.unread', { n: unread }).replace(/\d+/, '')}</span>
        </span>
      )}
    </button>
  );
});

/** Who waits is timed; everybody else shows when something last happened. */
function Time({ conversation, lang }: Props): JSX.Element {
  const { head } = conversation;
  const since = waitingSince(conversation);
  if (since !== undefined) {
    return <Waiting since={since} />;
  }
  return <time>{listTime(head.closedAt ?? head.lastMessage?.createdAt ?? head.createdAt, Date.now(), { lang })}</time>;
}

function LastLine({ conversation, me, draft, isTyping }: Props): JSX.Element {
  const last = conversation.head.lastMessage;
  if (isTyping) {
    return <em class="row-typing">{d('row.typing')}</em>;
  }
  if (draft !== '') {
    return <span class="row-draft">{d('row.draft', { text: draft })}</span>;
  }
  if (last == null) {
    return <>{d('row.none')}</>;
  }
  const isOwn = me !== undefined && isSame(last.sender, me);
  return <>{isOwn ? d('row.you', { text: last.text }) : last.text}</>;
}
