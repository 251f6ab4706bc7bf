import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import { Chat, type Conversation, openOutboxStorage, unreadCount, watchPage } from '@stompline/client';
import { announceArrivals, chatSignal, type Notices } from '@stompline/ui';
import { tellAnswers } from './answer.ts';
import type { Identity } from './identity.ts';
import { type Memory, rememberPanel } from './memory.ts';

/** With the panel closed and nothing open, the connection is given up after this, in milliseconds. */
const LINGER_MS = 60_000;

export type Screen = 'home' | 'thread';

/** One visitor on this page: the chat, and which part of it is on the screen. */
export class Visit {
  readonly chat: Chat;
  readonly memory: Memory;
  /** Grows when the chat has changed. */
  readonly version: ReadonlySignal<number>;
  readonly isPanelOpen = signal(false);
  readonly screen = signal<Screen>('home');
  readonly current = computed(() => this.#current());
  readonly unread = computed(() => this.#unread());
  readonly notices: Notices;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(origin: string, { tokens, memory, owner }: Identity) {
    this.memory = memory;
    this.chat = new Chat({
      side: 'customer',
      endpoint: `${origin}/ws/chat`,
      tokens,
      outboxStorage: openOutboxStorage(owner),
    });
    this.version = chatSignal(this.chat);
    announceArrivals(this.chat);
    watchPage({ onWake: () => this.chat.wake(), onNetworkLost: () => this.chat.networkLost() });
    this.notices = tellAnswers(this, `stompline-widget:${owner}`);
    effect(() => this.#rememberOpen());
    effect(() => this.#keepConnection());
  }

  openPanel(): void {
    const state = this.current.value?.head.state;
    const isGoingOn = state === 'queued' || state === 'active' || this.chat.pending.length > 0;
    this.screen.value = isGoingOn || this.#isBelievedOpen ? 'thread' : 'home';
    this.isPanelOpen.value = true;
    rememberPanel(true);
  }

  closePanel(): void {
    this.isPanelOpen.value = false;
    rememberPanel(false);
  }

  /** The open conversation, else the last one. */
  #current(): Conversation | undefined {
    void this.version.value;
    const all = [...this.chat.ledger.conversations.values()];
    all.sort((a, b) => b.head.createdAt.localeCompare(a.head.createdAt));
    return all.find(({ head }) => head.state !== 'closed') ?? all[0];
  }

  #unread(): number {
    void this.version.value;
    const { me } = this.chat;
    const current = this.current.value;
    return current === undefined || me === undefined ? 0 : unreadCount(current, me);
  }

  /** There is something to come back for: a conversation that goes on, or an answer that was not seen. */
  get isGoing(): boolean {
    void this.version.value;
    if (!this.chat.isReady) {
      return this.#isBelievedOpen;
    }
    const state = this.current.value?.head.state;
    return state === 'queued' || state === 'active' || this.unread.value > 0;
  }

  get #isBelievedOpen(): boolean {
    return this.memory.recall('is-open') === 'yes';
  }

  #rememberOpen(): void {
    void this.version.value;
    if (this.chat.isReady) {
      this.memory.remember('is-open', this.isGoing ? 'yes' : 'no');
    }
  }

  /** A page that nobody chats on costs the server nothing: there is no socket until there is something to say. */
  #keepConnection(): void {
    void this.version.value;
    const isNeeded = this.isPanelOpen.value || this.#isBelievedOpen || this.chat.pending.length > 0;
    if (isNeeded) {
      clearTimeout(this.#lingerTimer);
      this.#lingerTimer = undefined;
      this.chat.connect();
    } else if (this.chat.state !== 'idle') {
      this.#lingerTimer ??= setTimeout(() => {
        this.#lingerTimer = undefined;
        this.chat.disconnect();
      }, LINGER_MS);
    }
  }
}
