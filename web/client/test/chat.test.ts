import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Chat, PROBE_TIMEOUT_MS } from '../src/chat.ts';
import { MemoryOutbox } from '../src/outbox-storage.ts';
import { RequestError } from '../src/request.ts';
import type { Bootstrap, Person } from '../src/wire.ts';
import { FakeSessions } from './fake-session.ts';
import { ANNA, created, head, LIN, lifecycle, message } from './fixture.ts';

const MESSAGES = '/user/queue/messages';
const ACKS = '/user/queue/acks';
const SYNC = '/user/queue/sync';

let sessions: FakeSessions;

beforeEach(() => {
  vi.useFakeTimers();
  sessions = new FakeSessions();
});
afterEach(() => void vi.useRealTimers());

function makeChat(side: 'customer' | 'agent'): Chat {
  let ids = 0;
  return new Chat({
    side,
    endpoint: 'http://host.test/ws/chat',
    tokens: { token: async () => 't' },
    outboxStorage: Promise.resolve(new MemoryOutbox()),
    open: sessions.open,
    probe: async () => undefined,
    random: () => 0,
    isOnline: () => true,
    makeId: () => {
      ids += 1;
      return `k${ids}`;
    },
  });
}

function snapshot(me: Person, changes: Partial<Bootstrap> = {}): Bootstrap {
  return {
    replyTo: 'bootstrap',
    me,
    conversations: [{ ...head(), messages: [], more: false }],
    more: false,
    cursor: 10,
    serverTime: '2026-11-22T09:30:12.123Z',
    ...changes,
  };
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

async function liveChat(side: 'customer' | 'agent', changes: Partial<Bootstrap> = {}): Promise<Chat> {
  const chat = makeChat(side);
  chat.connect();
  await settle();
  sessions.last.connect();
  sessions.last.receive('/app/bootstrap', snapshot(side === 'agent' ? LIN : ANNA, changes));
  await settle();
  return chat;
}

/** Answers the newest question sent to `destination`. */
function answer(destination: string, reply: object): void {
  const receipt = sessions.last.to(destination).at(-1)?.receipt;
  sessions.last.receive(SYNC, { receipt, ...reply });
}

describe('connecting', () => {
  test('queues are subscribed before the first screen is asked for', async () => {
    await liveChat('customer');
    const queues = ['messages', 'acks', 'sync', 'signals', 'errors'].map(queue => `/user/queue/${queue}`);
    expect(sessions.last.subscribed).toEqual([...queues, '/app/bootstrap']);
  });

  test('agents subscribe the queue too', async () => {
    await liveChat('agent');
    expect(sessions.last.subscribed).toContain('/topic/queue.default');
  });

  test('chat is live once the first screen is there', async () => {
    const chat = makeChat('customer');
    chat.connect();
    await settle();
    sessions.last.connect();
    expect([chat.state, chat.isReady]).toEqual(['catching-up', false]);
    sessions.last.receive('/app/bootstrap', snapshot(ANNA));
    await settle();
    expect([chat.state, chat.isReady, chat.me]).toEqual(['live', true, ANNA]);
  });

  test('more conversations than a first screen names are listed page by page', async () => {
    const chat = await liveChat('agent', { more: true });
    const list = (): Record<string, unknown> | undefined => sessions.last.to('/app/agent.list').at(-1)?.body;
    expect(chat.state).toBe('catching-up');
    expect(list()).toEqual({ state: 'active', before: 10, limit: 100 });
    const answer = (id: string, rev: number, more: boolean): void => {
      const receipt = sessions.last.to('/app/agent.list').at(-1)?.receipt;
      sessions.last.receive(SYNC, { replyTo: 'list', receipt, conversations: [head({ id, rev })], more });
    };
    answer('c2', 8, true);
    await settle();
    expect(list()).toEqual({ state: 'active', before: 8, limit: 100 });
    answer('c3', 5, false);
    await settle();
    expect(chat.state).toBe('live');
    expect([...chat.ledger.conversations.keys()]).toEqual(['c1', 'c2', 'c3']);
  });

  test('list that is cut off goes on in the next session', async () => {
    const chat = await liveChat('agent', { more: true });
    sessions.last.end({ closeCode: 1006 });
    await vi.advanceTimersByTimeAsync(1_000);
    sessions.last.connect();
    const sync = sessions.last.to('/app/sync').at(-1);
    sessions.last.receive(SYNC, { replyTo: 'sync', receipt: sync?.receipt, cursor: 10, more: false });
    await settle();
    expect(sessions.last.to('/app/agent.list').at(-1)?.body).toMatchObject({ before: 10 });
    expect(chat.state).toBe('catching-up');
  });

  test('reconnect syncs from the cursor until nothing is left', async () => {
    const chat = await liveChat('customer');
    sessions.last.end({ closeCode: 1006 });
    await settle();
    sessions.last.connect();
    await settle();
    expect(sessions.last.subscribed).not.toContain('/app/bootstrap');
    expect(sessions.last.to('/app/sync')[0]?.body).toEqual({ since: 10, open: { c1: 10 }, limit: 200 });
    const page = { replyTo: 'sync', gone: [] };
    answer('/app/sync', { ...page, cursor: 11, more: true, conversations: [], messages: [message(1)] });
    await settle();
    expect(chat.state).toBe('catching-up');
    answer('/app/sync', {
      ...page,
      cursor: 12,
      more: false,
      conversations: [head({ rev: 12, lastSeq: 2 })],
      messages: [message(2)],
    });
    await settle();
    expect(chat.state).toBe('live');
    expect(chat.ledger.conversations.get('c1')?.messages.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('cursor of another store starts over', async () => {
    const chat = await liveChat('customer');
    sessions.last.end({ closeCode: 1006 });
    await settle();
    sessions.last.connect();
    await settle();
    answer('/app/sync', { replyTo: 'sync', reset: true, cursor: 3, more: false, conversations: [], messages: [], gone: [] });
    await settle();
    expect(sessions.last.subscribed).toContain('/app/bootstrap');
    sessions.last.receive('/app/bootstrap', snapshot(ANNA, { conversations: [], cursor: 3 }));
    await settle();
    expect([chat.state, chat.ledger.cursor, chat.ledger.conversations.size]).toEqual(['live', 3, 0]);
  });

  test('session that never answers is replaced', async () => {
    const chat = makeChat('customer');
    chat.connect();
    await settle();
    sessions.last.connect();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sessions.all[0]?.isDiscarded).toBe(true);
    expect(chat.state).toBe('reconnecting');
  });
});

test('sync that is refused for now is asked for again on the same session', async () => {
  const chat = await liveChat('customer');
  sessions.last.receive('/user/queue/signals', { event: 'checkpoint', cursor: 20, heads: { c1: 20 } });
  const receipt = sessions.last.to('/app/sync')[0]?.receipt;
  sessions.last.receive('/user/queue/errors', { code: 'unavailable', message: 'busy', receipt });
  await settle();
  expect(sessions.last.to('/app/sync')).toHaveLength(2);
  answer('/app/sync', { replyTo: 'sync', cursor: 20, more: false, conversations: [], messages: [], gone: [] });
  await settle();
  expect([chat.state, sessions.all.length]).toEqual(['live', 1]);
});

describe('waking up', () => {
  test('silent session must answer within three seconds', async () => {
    const chat = await liveChat('customer');
    await vi.advanceTimersByTimeAsync(60_000);
    chat.wake();
    expect(sessions.last.to('/app/sync')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(PROBE_TIMEOUT_MS);
    expect(sessions.all[0]?.isDiscarded).toBe(true);
  });

  test('session that answers is kept', async () => {
    const chat = await liveChat('customer');
    await vi.advanceTimersByTimeAsync(60_000);
    chat.wake();
    answer('/app/sync', { replyTo: 'sync', cursor: 12, more: false, conversations: [], messages: [], gone: [] });
    await vi.advanceTimersByTimeAsync(PROBE_TIMEOUT_MS);
    expect([chat.state, sessions.all.length]).toEqual(['live', 1]);
  });

  test('session heard a moment ago is believed', async () => {
    const chat = await liveChat('customer');
    chat.wake();
    expect(sessions.last.to('/app/sync')).toHaveLength(0);
  });
});

describe('sending', () => {
  test('message is shown from its ack and not twice by its event', async () => {
    const chat = await liveChat('customer');
    chat.send('text 1');
    expect(sessions.last.to('/app/send')).toMatchObject([{ body: { clientId: 'k1', text: 'text 1' }, receipt: 'k1' }]);
    const ack = { clientId: 'k1', receipt: 'k1', ok: true, conversationId: 'c1', id: 'm1', seq: 1, rev: 11 };
    sessions.last.receive(ACKS, { ...ack, createdAt: message(1).createdAt, duplicate: false });
    expect(chat.pending).toEqual([]);
    expect(chat.ledger.conversations.get('c1')?.messages).toMatchObject([{ seq: 1, clientId: 'k1' }]);
    sessions.last.receive(MESSAGES, created(1));
    expect(chat.ledger.conversations.get('c1')).toMatchObject({ rev: 11, messages: [{ id: 'm1' }] });
  });

  test('first message stays visible until its conversation is known', async () => {
    const chat = await liveChat('customer', { conversations: [] });
    chat.send('text 1');
    sessions.last.receive(ACKS, { clientId: 'k1', ok: true, conversationId: 'c1', id: 'm1', seq: 1, rev: 11 });
    expect(chat.pending).toMatchObject([{ clientId: 'k1' }]);
    sessions.last.receive(MESSAGES, lifecycle('conversation.created', 0, { rev: 10, state: 'queued', lastSeq: 0 }));
    sessions.last.receive(MESSAGES, created(1));
    expect(chat.pending).toEqual([]);
  });

  test('message whose ack was lost is confirmed by the sync', async () => {
    const chat = await liveChat('customer');
    chat.send('text 1');
    sessions.last.end({ closeCode: 1006 });
    await settle();
    sessions.last.connect();
    await settle();
    answer('/app/sync', {
      replyTo: 'sync',
      cursor: 11,
      more: false,
      conversations: [head({ rev: 11, lastSeq: 1 })],
      messages: [message(1)],
      gone: [],
    });
    await settle();
    expect(chat.pending).toEqual([]);
    expect(sessions.last.to('/app/send')).toEqual([]);
  });

  test('refused frame is found by its receipt', async () => {
    const chat = await liveChat('customer');
    chat.send('text 1');
    sessions.last.receive('/user/queue/errors', { code: 'forbidden', message: 'no', receipt: 'k1' });
    expect(chat.pending).toMatchObject([{ clientId: 'k1', failure: 'forbidden' }]);
  });

  test('agents name the conversation', async () => {
    const chat = await liveChat('agent');
    chat.send('hello', 'c1');
    expect(sessions.last.to('/app/send')[0]?.body).toEqual({ clientId: 'k1', conversationId: 'c1', text: 'hello' });
  });

  test('running sync does not send again what is under way', async () => {
    const chat = await liveChat('customer');
    chat.send('text 1');
    sessions.last.receive('/user/queue/signals', { event: 'checkpoint', cursor: 20, heads: { c1: 20 } });
    answer('/app/sync', { replyTo: 'sync', cursor: 20, more: false, conversations: [], messages: [], gone: [] });
    await settle();
    expect(sessions.last.to('/app/send')).toHaveLength(1);
  });
});

describe('taking', () => {
  const waiting = head({ id: 'q1', rev: 4, state: 'queued', assignee: null, assignRev: 7 });
  const queue = { groupId: 'default', version: 1, waiting: 1, entries: [waiting] };

  test('take names the stage that was seen and waits for its ack', async () => {
    const chat = await liveChat('agent', { queue });
    const taken = chat.take('q1');
    const sent = sessions.last.to('/app/agent.take')[0];
    expect(sent?.body).toEqual({ conversationId: 'q1', assignRev: 7 });
    sessions.last.receive(ACKS, { receipt: sent?.receipt, ok: true, conversationId: 'q1', rev: 5, duplicate: false });
    await expect(taken).resolves.toBeUndefined();
  });

  test('loser learns who won', async () => {
    const chat = await liveChat('agent', { queue });
    const taken = chat.take('q1');
    const receipt = sessions.last.to('/app/agent.take')[0]?.receipt;
    sessions.last.receive(ACKS, { receipt, ok: false, code: 'already_taken', message: '', assignee: LIN });
    await expect(taken).rejects.toMatchObject({ code: 'already_taken', assignee: LIN });
  });

  test('take without a connection fails at once', async () => {
    const chat = makeChat('agent');
    await expect(chat.take('q1')).rejects.toBeInstanceOf(RequestError);
  });
});

describe('pointers', () => {
  test('burst of messages is confirmed as one', async () => {
    await liveChat('agent');
    sessions.last.receive(MESSAGES, created(1));
    sessions.last.receive(MESSAGES, created(2));
    await vi.advanceTimersByTimeAsync(250);
    expect(sessions.last.to('/app/chat.delivered').map(({ body }) => body)).toEqual([{ conversationId: 'c1', seq: 2 }]);
    expect(sessions.last.to('/app/chat.read')).toEqual([]);
  });

  test('read goes out only when told', async () => {
    const chat = await liveChat('agent');
    sessions.last.receive(MESSAGES, created(1));
    chat.read('c1', 1);
    await vi.advanceTimersByTimeAsync(250);
    expect(sessions.last.to('/app/chat.read').map(({ body }) => body)).toEqual([{ conversationId: 'c1', seq: 1 }]);
  });

  test('agent who only looks leaves no trace', async () => {
    const waiting = head({ id: 'q1', state: 'queued', assignee: null, lastSeq: 1 });
    const chat = await liveChat('agent', { queue: { groupId: 'default', version: 1, waiting: 1, entries: [waiting] } });
    chat.read('q1', 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sessions.last.to('/app/chat.read')).toEqual([]);
  });
});

describe('typing', () => {
  const typing = { event: 'typing', conversationId: 'c1', who: ANNA, on: true, ttlMs: 6_000 };

  test('note of it dies by itself', async () => {
    const chat = await liveChat('agent');
    sessions.last.receive('/user/queue/signals', typing);
    expect(chat.typing.in('c1')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(chat.typing.in('c1')).toEqual([]);
  });

  test('message ends it', async () => {
    const chat = await liveChat('agent');
    sessions.last.receive('/user/queue/signals', typing);
    sessions.last.receive(MESSAGES, created(1));
    expect(chat.typing.in('c1')).toEqual([]);
  });

  test('other side hears of it at most every two seconds', async () => {
    const chat = await liveChat('customer');
    for (let step = 0; step < 5; step += 1) {
      chat.typed('c1');
      await vi.advanceTimersByTimeAsync(500);
    }
    chat.typingStopped();
    expect(sessions.last.to('/app/chat.typing').map(({ body }) => body.on)).toEqual([true, true, false]);
  });

  test('sent message needs no word about the end', async () => {
    const chat = await liveChat('customer');
    chat.typed('c1');
    chat.send('text');
    chat.typingStopped();
    expect(sessions.last.to('/app/chat.typing')).toHaveLength(1);
  });
});

test('many changes are announced once', async () => {
  const chat = await liveChat('customer');
  let changes = 0;
  chat.changed.on(() => {
    changes += 1;
  });
  for (let seq = 1; seq <= 20; seq += 1) {
    sessions.last.receive(MESSAGES, created(seq));
  }
  await settle();
  expect(changes).toBe(1);
});

test('expiring session is renewed in band', async () => {
  await liveChat('customer');
  sessions.last.receive('/user/queue/signals', { event: 'session.expiring' });
  await settle();
  expect(sessions.last.to('/app/session.renew')[0]?.body).toEqual({ token: 't' });
});

test('unknown events and broken bodies are skipped', async () => {
  const chat = await liveChat('customer');
  for (const body of [null, 7, [], {}, { event: 'novelty', conversationId: 'c1', rev: 1, prev: 0 }]) {
    for (const destination of [MESSAGES, ACKS, SYNC, '/user/queue/signals', '/user/queue/errors', '/elsewhere']) {
      sessions.last.receive(destination, body);
    }
  }
  expect(chat.state).toBe('live');
});
