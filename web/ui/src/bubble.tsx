import type { JSX } from 'preact';
import { Avatar } from './avatar.tsx';
import { lang } from './i18n.ts';
import { pieces } from './link-text.ts';
import { memo } from './memo.tsx';
import { StatusTick } from './status.tsx';
import { clockTime, fullTime } from './time.ts';
import type { Bubble } from './timeline.ts';
import { nameOf, t } from './words.ts';

export interface BubbleActions {
  onRetry(clientId: string): void;
  onDelete(clientId: string): void;
}

interface Props {
  bubble: Bubble;
  /** The last own message says in a word how far it got; the others only in a sign. */
  isNewestOwn: boolean;
  actions: BubbleActions;
}

/** One message. */
export const BubbleView = memo(function BubbleView({ bubble, isNewestOwn, actions }: Props): JSX.Element {
  const { isOwn, isFirst, isLast, sender, status } = bubble;
  const who = isOwn ? t('person.you') : sender === undefined ? '' : nameOf(sender);
  const isStatusShown = isOwn && (isLast || isNewestOwn || status === 'pending' || status === 'failed');
  const classes = ['bubble-row', isOwn ? 'is-own' : 'is-other', isFirst && 'is-first', isLast && 'is-last'];
  return (
    <li
      class={classes.filter(Boolean).join(' ')}
      tabIndex={-1}
      data-testid="message"
      data-own={isOwn}
      data-seq={bubble.seq}
      data-client-id={bubble.clientId}
      data-status={status}
    >
      {!isOwn && sender !== undefined && isLast && <Avatar person={sender} size="s" />}
      <div class="bubble">
        <span class="unseen">{who}: </span>
        <BubbleText text={bubble.text} />
      </div>
      {status === 'failed' ? (
        <Failure bubble={bubble} actions={actions} />
      ) : (
        (isLast || isStatusShown) && (
          <p class="bubble-meta">
            <time dateTime={new Date(bubble.at).toISOString()} title={fullTime(bubble.at, { lang: lang.value })}>
              {clockTime(bubble.at, { lang: lang.value })}
            </time>
            {isStatusShown && status !== undefined && <StatusTick status={status} isInWords={isNewestOwn && status === 'read'} />}
          </p>
        )
      )}
    </li>
  );
});

/** Text with its links. Never markup: what people write is shown as they wrote it. */
function BubbleText({ text }: { text: string | undefined }): JSX.Element {
  if (text === undefined) {
    return <span class="bubble-odd">{t('message.unsupported')}</span>;
  }
  return (
    <span class="bubble-text" data-testid="message-text">
      {pieces(text).map(piece =>
        piece.href === undefined ? (
          piece.text
        ) : (
          <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
            {piece.text}
          </a>
        ),
      )}
    </span>
  );
}

function Failure({ bubble, actions }: { bubble: Bubble; actions: BubbleActions }): JSX.Element {
  const { clientId = '', failure = '' } = bubble;
  return (
    <p class="bubble-meta bubble-failure">
      <span>{reason(failure)}</span>
      <button type="button" class="text-button" onClick={() => actions.onRetry(clientId)} data-testid="message-retry">
        {t('message.retry')}
      </button>
      <button type="button" class="text-button" onClick={() => actions.onDelete(clientId)} data-testid="message-delete">
        {t('message.delete')}
      </button>
    </p>
  );
}

function reason(code: string): string {
  switch (code) {
    case 'too_large':
    case 'closed':
    case 'forbidden':
      return t(`message.failed.${code}`);
    default:
      return t('message.failed');
  }
}
