import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import {
  Chat,
  type Conversation,
  isSame,
  openOutboxStorage,
  RequestError,
  unreadCount,
  watchPage,
} from '@stompline/client';
import { announceArrivals, chatSignal, nameOf, type Notice, Notices } from '@stompline/ui';
import { type News, NewsFinder } from './news.ts';
import { Notes } from './notes.ts';
import { byClosing, byWaiting } from './order.ts';
import { leaveThread, openThread, route } from './route.ts';
import type { Entrance } from './sign-in.ts';
import { d } from './texts.ts';

export const TABS = ['mine', 'queue', 'closed'] as const;
export type Tab = (typeof TABS)[number];

/** A short word about something that did not go as asked stays this long, in milliseconds. */
const TOAST_MS = 7_000;

/** One agent at the desk: the chat, what is looked at, and what can be done with it. */
export class Shift {
  readonly chat: Chat;
  /** Grows when the chat has changed. */
  readonly version: ReadonlySignal<number>;
  readonly tab = signal<Tab>('mine');
  readonly toast = signal('');
  /** Counts the wishes to write; the thread then moves the focus into its field. */
  readonly writeRequests = signal(0);
  readonly mine = computed(() => this.#mine());
  readonly queue = computed(() => this.#queue());
  readonly closed = computed(() => this.#closed());
  readonly unread = computed(() => this.mine.value.reduce((sum, conversation) => sum + this.unreadIn(conversation), 0));
  /** What waits for this agent: unread messages, and customers in the queue. */
  readonly calls = computed(() => this.unread.value + this.waiting.value);
  readonly waiting = computed(() => this.#waiting());
  readonly current = computed(() => this.#current());
  readonly notices: Notices;
  readonly notes: Notes;
  readonly #news = new NewsFinder();
  /** The conversation that was looked for in the archive, since it is on the screen and not known. */
  #soughtFor: string | undefined;
  #toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(origin: string, entrance: Entrance) {
    this.chat = new Chat({
      side: 'agent',
      endpoint: `${origin}/ws/agent`,
      tokens: entrance.tokens,
      outboxStorage: openOutboxStorage(entrance.owner),
    });
    this.version = chatSignal(this.chat);
    announceArrivals(this.chat);
    watchPage({ onWake: () => this.chat.wake(), onNetworkLost: () => this.chat.networkLost() });
    const name = `stompline-desk:${entrance.owner}`;
    this.notes = new Notes(name, topic => this.#open(topic));
    this.notices = new Notices({
      name,
      isShown: topic => route.peek().thread === topic,
      onAway: notice => this.notes.show(notice),
    });
    effect(() => this.#loadShown());
    effect(() => this.#tellNews());
    this.chat.connect();
  }

  /** Signed out, or refused. */
  end(): void {
    this.chat.disconnect();
    this.notices.stop();
  }

  list(tab: Tab): readonly Conversation[] {
    return this[tab].value;
  }

  isMine({ head }: Conversation): boolean {
    const { me } = this.chat;
    return me !== undefined && head.assignee != null && isSame(head.assignee, me);
  }

  unreadIn(conversation: Conversation): number {
    const { me } = this.chat;
    return me === undefined || conversation.head.state !== 'active' ? 0 : unreadCount(conversation, me);
  }

  select(id: string): void {
    openThread(id);
  }

  /** The next (1) or the previous (-1) conversation of the list that is shown. */
  step(by: 1 | -1): void {
    const ids = this.list(this.tab.value).map(({ id }) => id);
    const at = ids.indexOf(route.value.thread ?? '');
    const next = ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(Math.max(at + by, 0), ids.length - 1)];
    if (next !== undefined) {
      this.select(next);
    }
  }

  async take(id: string | undefined = this.current.value?.id): Promise<void> {
    if (id === undefined || this.chat.ledger.conversations.get(id)?.head.state !== 'queued') {
      return;
    }
    try {
      await this.chat.take(id);
      this.tab.value = 'mine';
      this.select(id);
      this.writeRequests.value += 1;
    } catch (error) {
      this.#tell(error);
    }
  }

  async takeNext(): Promise<void> {
    await this.take(this.queue.value[0]?.id);
  }

  async close(): Promise<void> {
    const current = this.current.value;
    if (current?.head.state !== 'active' || !this.isMine(current)) {
      return;
    }
    try {
      await this.chat.close(current.id);
    } catch (error) {
      this.#tell(error);
    }
  }

  dismissToast(): void {
    this.toast.value = '';
  }

  /** Somebody looks further down the list of closed conversations. */
  loadMoreClosed(): void {
    if (this.chat.state === 'live') {
      void this.chat.archive.loadMore();
    }
  }

  /** The switch for notes of the desktop. */
  async switchNotes(): Promise<void> {
    if (!(await this.notes.press())) {
      this.#say(d('notes.blocked'));
    }
  }

  get #all(): Conversation[] {
    void this.version.value;
    return [...this.chat.ledger.conversations.values()];
  }

  #mine(): Conversation[] {
    return byWaiting(
      this.#all.filter(conversation => conversation.head.state === 'active' && this.isMine(conversation)),
    );
  }

  #queue(): Conversation[] {
    void this.version.value;
    return this.chat.ledger.queued;
  }

  /** The server's count, of which a long queue lists only a part. */
  #waiting(): number {
    return this.queue.value.length === 0 ? 0 : this.chat.ledger.waiting;
  }

  #closed(): Conversation[] {
    return byClosing(this.#all.filter(({ head }) => head.state === 'closed'));
  }

  #current(): Conversation | undefined {
    void this.version.value;
    return this.chat.ledger.conversations.get(route.value.thread ?? '');
  }

  /** What is looked at is loaded; what went away is left. */
  #loadShown(): void {
    void this.version.value;
    const { thread } = route.value;
    const current = this.current.value;
    const { archive, state } = this.chat;
    if (state !== 'live') {
      return;
    }
    if (this.tab.value === 'closed' && !archive.isBegun) {
      this.loadMoreClosed();
    }
    if (current !== undefined && current.loadedFrom === undefined) {
      void this.chat.loadOlder(current.id);
    }
    for (const { id, head, loadedFrom } of this.mine.value) {
      // It came in by an event, which does not say how much of it is unread.
      if (loadedFrom === undefined && head.unread === undefined) {
        void this.chat.loadOlder(id);
      }
    }
    if (current?.head.previousId !== undefined) {
      void archive.loadEarlier(current.head.customer.id);
    }
    if (thread !== undefined && current === undefined && thread !== this.#soughtFor) {
      this.#soughtFor = thread;
      void this.#seek(thread);
    }
  }

  /** The page was loaded again on a conversation that is closed since long, or that is somebody else's by now. */
  async #seek(thread: string): Promise<void> {
    await this.chat.archive.loadOne(thread);
    const isShown = route.peek().thread === thread;
    if (isShown && this.chat.state === 'live' && !this.chat.ledger.conversations.has(thread)) {
      leaveThread();
      this.#say(d('toast.gone'));
    }
    this.#soughtFor = undefined;
  }

  #tellNews(): void {
    const { me, state } = this.chat;
    const [mine, queue] = [this.mine.value, this.queue.value];
    if (state === 'live' && me !== undefined) {
      void this.notices.tell(noticesOf(this.#news.look(mine, queue, me)));
    }
  }

  /** A note of the desktop was clicked. */
  #open(topic: string): void {
    const state = this.chat.ledger.conversations.get(topic)?.head.state;
    if (state !== undefined) {
      this.tab.value = state === 'queued' ? 'queue' : state === 'active' ? 'mine' : 'closed';
      this.select(topic);
    }
  }

  #tell(error: unknown): void {
    if (!(error instanceof RequestError)) {
      throw error;
    }
    switch (error.code) {
      case 'already_taken':
      case 'stale':
        this.#say(error.assignee === undefined ? d('toast.takenUnknown') : d('toast.taken', { name: nameOf(error.assignee) }));
        break;
      case 'disconnected':
      case 'timeout':
        this.#say(d('toast.disconnected'));
        break;
      default:
        this.#say(d('toast.failed'));
    }
  }

  #say(text: string): void {
    clearTimeout(this.#toastTimer);
    this.toast.value = text;
    this.#toastTimer = setTimeout(() => this.dismissToast(), TOAST_MS);
  }
}

/** In words. Several who came in at once are one notice. */
function noticesOf(news: readonly News[]): Notice[] {
  const [first, ...others] = news.filter(({ kind }) => kind === 'waiting');
  const messages = news.filter(({ kind }) => kind === 'message').map(noticeOf);
  if (first === undefined) {
    return messages;
  }
  const waiting = noticeOf(first);
  return [
    others.length === 0 ? waiting : { ...waiting, title: d('notice.waitingSome', { n: others.length + 1 }), text: '' },
    ...messages,
  ];
}

function noticeOf({ kind, conversation: { id, head } }: News): Notice {
  const name = nameOf(head.customer);
  const title = kind === 'waiting' ? d('notice.waiting', { name }) : name;
  return { kind, topic: id, title, text: head.lastMessage?.text ?? '' };
}
