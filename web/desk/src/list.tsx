import type { Conversation } from '@stompline/client';
import { lang } from '@stompline/ui';
import type { JSX } from 'preact';
import { draftIn } from './draft.ts';
import { route } from './route.ts';
import { Row } from './row.tsx';
import { type Shift, type Tab, TABS } from './shift.ts';
import { useStableOrder } from './stable-order.ts';
import { d } from './texts.ts';

/** The lists of conversations, one at a time. */
export function Lists({ shift }: { shift: Shift }): JSX.Element {
  const tab = shift.tab.value;
  return (
    <div class="lists">
      <Tabs shift={shift} />
      <div class="list-panel" role="tabpanel" id="list-panel" aria-labelledby={`tab-${tab}`}>
        <List key={tab} shift={shift} tab={tab} />
      </div>
    </div>
  );
}

function Tabs({ shift }: { shift: Shift }): JSX.Element {
  const current = shift.tab.value;
  const counts: Record<Tab, number> = {
    mine: shift.mine.value.length,
    queue: shift.queue.value.length === 0 ? 0 : shift.chat.ledger.waiting,
    closed: 0,
  };
  const choose = (tab: Tab): void => {
    shift.tab.value = tab;
    document.getElementById(`tab-${tab}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : TABS[(TABS.indexOf(current) + step + TABS.length) % TABS.length];
    if (next !== undefined && !event.altKey) {
      event.preventDefault();
      choose(next);
    }
  };
  return (
    <div class="tabs" role="tablist" aria-label={d('tabs.label')} onKeyDown={onKeyDown}>
      {TABS.map(tab => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          aria-controls="list-panel"
          aria-selected={tab === current}
          tabIndex={tab === current ? 0 : -1}
          class="tab"
          onClick={() => choose(tab)}
          data-testid={`tab-${tab}`}
        >
          {d(`tab.${tab}`)}
          {counts[tab] > 0 && (
            <span class={tab === 'queue' ? 'tab-count is-waiting' : 'tab-count'} data-testid={`count-${tab}`}>
              {counts[tab]}
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

function List({ shift, tab }: { shift: Shift; tab: Tab }): JSX.Element {
  void shift.version.value;
  const all = shift.list(tab);
  const { rows, onPointerEnter, onPointerLeave } = useStableOrder<Conversation>(all);
  const { chat } = shift;
  const hidden = tab === 'queue' ? chat.ledger.waiting - all.length : 0;
  if (rows.length === 0) {
    return <EmptyList shift={shift} tab={tab} />;
  }
  return (
    <ul class="list" onPointerEnter={onPointerEnter} onPointerLeave={onPointerLeave} data-testid={`list-${tab}`}>
      {rows.map(conversation => (
        <Row
          key={conversation.id}
          conversation={conversation}
          me={chat.me}
          unread={shift.unreadIn(conversation)}
          draft={conversation.id === route.value.thread ? '' : draftIn(conversation.id)}
          isTyping={chat.typing.in(conversation.id).length > 0}
          isSelected={conversation.id === route.value.thread}
          lang={lang.value}
          onSelect={select(shift)}
        />
      ))}
      {hidden > 0 && <li class="list-more">{d('list.more', { n: hidden })}</li>}
    </ul>
  );
}

const selects = new WeakMap<Shift, (id: string) => void>();

/** The same function each time, so that a row is drawn again only when it changed. */
function select(shift: Shift): (id: string) => void {
  let made = selects.get(shift);
  if (made === undefined) {
    made = id => shift.select(id);
    selects.set(shift, made);
  }
  return made;
}

function EmptyList({ shift, tab }: { shift: Shift; tab: Tab }): JSX.Element {
  const waiting = shift.queue.value.length;
  if (!shift.chat.isReady || (tab === 'closed' && shift.isArchiveLoading.value)) {
    return <p class="list-loading">{d('list.loading')}</p>;
  }
  return (
    <div class="list-empty" data-testid="list-empty">
      <h2>{d(`list.${tab}.empty`)}</h2>
      {tab === 'mine' && waiting > 0 ? (
        <>
          <p>{d('list.mine.emptyText')}</p>
          <button type="button" class="button" onClick={() => void shift.takeNext()} data-testid="take-next">
            {d('list.mine.emptyAction', { n: shift.chat.ledger.waiting })}
          </button>
        </>
      ) : (
        <p>{tab === 'mine' ? d('list.queue.emptyText') : d(`list.${tab}.emptyText`)}</p>
      )}
    </div>
  );
}
