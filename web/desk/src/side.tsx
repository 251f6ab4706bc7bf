import { type Conversation, isSame, pointerOf } from '@stompline/client';
import { Avatar, duration, fullTime, Icon, lang, listTime, nameOf, useNow } from '@stompline/ui';
import type { JSX } from 'preact';
import { goBack } from './route.ts';
import type { Shift } from './shift.ts';
import { d } from './texts.ts';

interface Props {
  shift: Shift;
  conversation: Conversation;
}

/** What is known of the customer. */
export function Side({ shift, conversation }: Props): JSX.Element {
  void shift.version.value;
  const { head } = conversation;
  return (
    <section class="side" aria-label={d('side.title')} data-testid="side">
      <button type="button" class="icon-button side-close" aria-label={d('side.close')} onClick={goBack} data-testid="side-close">
        <Icon name="back" isFlipped />
      </button>
      <div class="side-who">
        <Avatar person={head.customer} size="l" />
        <h2>{nameOf(head.customer)}</h2>
      </div>
      <Facts conversation={conversation} />
      <Earlier shift={shift} conversation={conversation} />
    </section>
  );
}

function Facts({ conversation }: { conversation: Conversation }): JSX.Element {
  const { head } = conversation;
  const { readSeq } = pointerOf(head, head.customer);
  return (
    <dl class="facts">
      <Fact name={d('side.id')}>
        <span class="fact-id" title={head.customer.id}>
          {head.customer.id}
        </span>
      </Fact>
      <Fact name={d('side.started')}>
        <time dateTime={head.createdAt} title={fullTime(head.createdAt, { lang: lang.value })}>
          {listTime(head.createdAt, Date.now(), { lang: lang.value })}
        </time>
      </Fact>
      <Fact name={d('side.waited')}>
        <Waited conversation={conversation} />
      </Fact>
      <Fact name={d('side.messages')}>{head.lastSeq}</Fact>
      {head.lastSeq > 0 && head.state === 'active' && (
        <Fact name={d('side.seen')}>
          {readSeq >= head.lastSeq ? d('side.seenAll') : d('side.seenSome', { n: readSeq, all: head.lastSeq })}
        </Fact>
      )}
      {head.assignee != null && <Fact name={d('side.assignee')}>{nameOf(head.assignee)}</Fact>}
      {head.reopenCount > 0 && <Fact name={d('side.returned')}>{d('side.returnedTimes', { n: head.reopenCount })}</Fact>}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: JSX.Element | string | number }): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Waited({ conversation: { head } }: { conversation: Conversation }): JSX.Element {
  const now = useNow();
  const end = head.state === 'queued' ? now : Date.parse(head.assignedAt ?? head.closedAt ?? head.queuedAt);
  return <>{duration(end - Date.parse(head.queuedAt), lang.value)}</>;
}

function noneText({ chat }: Shift, { head }: Conversation): 'side.earlierNone' | 'side.earlierOthers' | 'list.loading' {
  if (head.previousId === undefined) {
    return 'side.earlierNone';
  }
  return chat.archive.hasEarlier(head.customer.id) ? 'side.earlierOthers' : 'list.loading';
}

function Earlier({ shift, conversation }: Props): JSX.Element {
  const { id, head } = conversation;
  const earlier = shift.closed.value.filter(other => other.id !== id && isSame(other.head.customer, head.customer));
  return (
    <section class="earlier">
      <h3>{d('side.earlier')}</h3>
      {earlier.length === 0 ? (
        <p>{d(noneText(shift, conversation))}</p>
      ) : (
        <ul>
          {earlier.map(other => (
            <li key={other.id}>
              <button type="button" class="earlier-row" onClick={() => shift.select(other.id)}>
                <time>{listTime(other.head.createdAt, Date.now(), { lang: lang.value })}</time>
                <span>{other.head.lastMessage?.text ?? d('row.none')}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
