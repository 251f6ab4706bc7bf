import type { Conversation } from '@stompline/client';
import { lang } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { draftIn } from './draft.ts';
import { route } from './route.ts';
import { Row } from './row.tsx';
import { useRowFocus } from './row-focus.ts';
import { type RowSpan, useRowWindow } from './row-window.ts';
import { type Shift, type Tab, TABS } from './shift.ts';
import { useStableOrder } from './stable-order.ts';
import { d } from './texts.ts';

/** This many rows before the end of what was fetched of the closed conversations, the next page is asked for. */
const CLOSED_AHEAD = 12;

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
    queue: shift.waiting.value,
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
  const { panel, span, show } = useRowWindow(rows.length);
  const focus = useRowFocus(rows, show);
  const selected = rows.findIndex(({ id }) => id === route.value.thread);
  useEffect(() => {
    if (selected >= 0) {
      show(selected);
    }
  }, [route.value.thread, selected >= 0]);
  useEffect(() => {
    // Until the first page is shown, there is nothing to look beyond.
    const isFirst = rows.length === 0 && !shift.chat.archive.isBegun;
    if (tab === 'closed' && (isFirst || (rows.length > 0 && span.end + CLOSED_AHEAD >= rows.length))) {
      shift.loadMoreClosed();
    }
  }, [tab, shift.version.value, span.end, rows.length]);
  const note = noteBelow(shift, tab, all.length);
  return (
    <div class="list-scroll" ref={panel}>
      {rows.length === 0 ? (
        <EmptyList shift={shift} tab={tab} />
      ) : (
        <ul
          class="list"
          style={{ '--rows': rows.length }}
          onPointerEnter={onPointerEnter}
          onPointerLeave={onPointerLeave}
          onFocusIn={focus.onFocusIn}
          onFocusOut={focus.onFocusOut}
          onKeyDown={focus.onKeyDown}
          ref={focus.list}
          data-testid={`list-${tab}`}
        >
          {drawn(rows, span, focus.id).map(([index, conversation]) => (
            <li key={conversation.id} class="row-place" style={{ '--row': index }} aria-posinset={index + 1} aria-setsize={note === '' ? rows.length : -1}>
              <Row {...rowProps(shift, conversation)} />
            </li>
          ))}
        </ul>
      )}
      {rows.length > 0 && note !== '' && <p class="list-more">{note}</p>}
    </div>
  );
}

/** The rows in the page, with their places. The one that has the focus keeps it, wherever the list is scrolled to. */
function drawn(rows: readonly Conversation[], { start, end }: RowSpan, focused: string | undefined): Array<[number, Conversation]> {
  const found = rows.slice(start, end).map((row, offset): [number, Conversation] => [start + offset, row]);
  const at = focused === undefined ? -1 : rows.findIndex(({ id }) => id === focused);
  const row = rows[at];
  if (row !== undefined && (at < start || at >= end)) {
    found.splice(at < start ? 0 : found.length, 0, [at, row]);
  }
  return found;
}

/** What stands below the rows when they are not all there are. */
function noteBelow(shift: Shift, tab: Tab, count: number): string {
  const { ledger, archive } = shift.chat;
  if (tab === 'closed') {
    return archive.isComplete ? '' : d('list.loading');
  }
  const hidden = tab === 'queue' ? ledger.waiting - count : 0;
  return hidden > 0 ? d('list.more', { n: hidden }) : '';
}

function rowProps(shift: Shift, conversation: Conversation) {
  const { chat } = shift;
  const { id } = conversation;
  const isSelected = id === route.value.thread;
  return {
    conversation,
    unread: shift.unreadIn(conversation),
    me: chat.me,
    draft: isSelected ? '' : draftIn(id),
    isTyping: chat.typing.in(id).length > 0,
    isSelected,
    lang: lang.value,
    onSelect: select(shift),
  };
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
  if (!shift.chat.isReady || (tab === 'closed' && !shift.chat.archive.isComplete)) {
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
