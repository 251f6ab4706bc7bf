import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Link, type LinkOptions, OFFLINE_AFTER_MS } from '../src/link.ts';
import { Refused } from '../src/token.ts';
import { FakeSessions } from './fake-session.ts';

let sessions: FakeSessions;
let tokens: string[];

beforeEach(() => {
  vi.useFakeTimers();
  sessions = new FakeSessions();
  tokens = [];
});
afterEach(() => void vi.useRealTimers());

function makeLink(changes: Partial<LinkOptions> = {}): Link {
  return new Link({
    endpoint: 'http://host.test/ws/chat',
    tokens: {
      token: async fresh => {
        tokens.push(fresh ? 'fresh' : 'kept');
        return `t${tokens.length}`;
      },
    },
    open: sessions.open,
    probe: async () => undefined,
    random: () => 0.5,
    isOnline: () => true,
    ...changes,
  });
}

async function liveLink(changes: Partial<LinkOptions> = {}): Promise<Link> {
  const link = makeLink(changes);
  link.start();
  await vi.advanceTimersByTimeAsync(0);
  sessions.last.connect();
  link.caughtUp();
  return link;
}

test('start goes through connecting and catching up to live', async () => {
  const link = makeLink();
  const states: string[] = [];
  link.changed.on(state => states.push(state));
  link.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(sessions.last.kind).toBe('websocket');
  expect(sessions.last.address).toEqual({ endpoint: 'http://host.test/ws/chat', token: 't1' });
  sessions.last.connect();
  link.caughtUp();
  expect(states).toEqual(['connecting', 'catching-up', 'live']);
});

test('lost session comes back after a jittered delay', async () => {
  const link = await liveLink();
  sessions.last.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(0);
  expect(link.state).toBe('reconnecting');
  expect(sessions.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(249);
  expect(sessions.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(sessions.all).toHaveLength(2);
});

test('delays grow until a session is live', async () => {
  const link = await liveLink();
  sessions.last.end({ closeCode: 1006 });
  for (const delay of [250, 500, 1000]) {
    const before = sessions.all.length;
    await vi.advanceTimersByTimeAsync(delay - 1);
    expect(sessions.all).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(sessions.all).toHaveLength(before + 1);
    sessions.last.end({ transportOpened: true });
    await vi.advanceTimersByTimeAsync(0);
  }
  await vi.advanceTimersByTimeAsync(2000);
  sessions.last.connect();
  link.caughtUp();
  sessions.last.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(250);
  expect(sessions.all).toHaveLength(6);
});

test('retry forgets the delay', async () => {
  const link = await liveLink();
  sessions.last.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(10);
  link.retry();
  await vi.advanceTimersByTimeAsync(0);
  expect(sessions.all).toHaveLength(2);
});

test('sockjs follows a websocket that never opened', async () => {
  const link = makeLink();
  link.start();
  await vi.advanceTimersByTimeAsync(0);
  sessions.last.end({});
  await vi.advanceTimersByTimeAsync(0);
  expect(sessions.all.map(session => session.kind)).toEqual(['websocket', 'sockjs']);
});

test('failing for a minute is called offline', async () => {
  const link = await liveLink();
  sessions.refuseAll = true;
  sessions.last.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(OFFLINE_AFTER_MS - 1);
  expect(link.state).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(1);
  expect(link.state).toBe('offline');
  sessions.refuseAll = false;
  link.retry();
  await vi.advanceTimersByTimeAsync(0);
  sessions.last.connect();
  link.caughtUp();
  expect(link.state).toBe('live');
});

test('no network at all is called offline at once', async () => {
  const link = await liveLink({ isOnline: () => false });
  sessions.last.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(0);
  expect(link.state).toBe('offline');
});

test('draining server says when to come back', async () => {
  const link = await liveLink();
  link.comeBackAfter(4_200);
  sessions.last.end({ closeCode: 1001 });
  await vi.advanceTimersByTimeAsync(4_199);
  expect(sessions.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(sessions.all).toHaveLength(2);
});

test('session that does not answer is replaced', async () => {
  const link = await liveLink();
  const first = sessions.last;
  link.replace();
  expect(first.isDiscarded).toBe(true);
  await vi.advanceTimersByTimeAsync(250);
  expect(sessions.all).toHaveLength(2);
});

test('stop ends the session and every plan', async () => {
  const link = await liveLink();
  link.stop();
  expect(sessions.last.isClosed).toBe(true);
  expect(link.state).toBe('idle');
  await vi.advanceTimersByTimeAsync(120_000);
  expect(sessions.all).toHaveLength(1);
});

test('late end of a stopped session changes nothing', async () => {
  const link = makeLink();
  link.start();
  await vi.advanceTimersByTimeAsync(0);
  const old = sessions.last;
  link.stop();
  old.end({ closeCode: 1006 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(link.state).toBe('idle');
});

describe('refusals', () => {
  test('handshake 401 asks for a fresh token once', async () => {
    const link = makeLink({ probe: async () => 401 });
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    sessions.last.end({});
    await vi.advanceTimersByTimeAsync(0);
    expect(tokens).toEqual(['kept', 'fresh']);
    sessions.last.end({});
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state).toBe('refused');
    expect(link.refusal).toBe('token');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sessions.all).toHaveLength(2);
  });

  test('handshake 403 is final', async () => {
    const link = makeLink({ probe: async () => 403 });
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    sessions.last.end({});
    await vi.advanceTimersByTimeAsync(0);
    expect(link.refusal).toBe('forbidden');
  });

  test('expired token on a live session is renewed', async () => {
    const link = await liveLink();
    sessions.last.end({ closeCode: 4401, errorCode: 'token_expired' });
    await vi.advanceTimersByTimeAsync(0);
    expect(tokens).toEqual(['kept', 'fresh']);
    sessions.last.connect();
    link.caughtUp();
    expect(link.state).toBe('live');
  });

  test('token source that refuses is believed', async () => {
    const link = makeLink({ tokens: { token: () => Promise.reject(new Refused('blocked')) } });
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state).toBe('refused');
    expect(sessions.all).toHaveLength(0);
  });

  test('token source that fails is tried again', async () => {
    let isDown = true;
    const link = makeLink({ tokens: { token: async () => (isDown ? Promise.reject(new TypeError('down')) : 't') } });
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state).toBe('reconnecting');
    isDown = false;
    await vi.advanceTimersByTimeAsync(250);
    expect(sessions.all).toHaveLength(1);
  });

  test('replaced session stays away until asked', async () => {
    const link = await liveLink();
    sessions.last.end({ closeCode: 4409 });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(link.refusal).toBe('replaced');
    expect(sessions.all).toHaveLength(1);
    link.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state).toBe('connecting');
    expect(sessions.all).toHaveLength(2);
  });
});
