// @vitest-environment happy-dom
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Attention, Watch } from '../src/attention.ts';
import { Choice } from '../src/choice.ts';
import { LEASE_MS, Leader } from '../src/leader.ts';
import { type Notice, Notices } from '../src/notices.ts';

let count = 0;
/** A name that no other test uses: tabs of one name hear one another. */
function freshName(): string {
  count += 1;
  return `test-${count}`;
}

/** The locks of a browser with several tabs: whoever asked first holds it until it leaves. */
function makeLocks(): LockManager {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    request: (_: string, { signal }: LockOptions, hold: () => Promise<unknown>) => {
      const turn = tail.then(() => (signal?.aborted ? undefined : hold()));
      tail = turn;
      return turn;
    },
  } as unknown as LockManager;
}

/** Until what follows at once has happened. */
function settle(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve));
}

beforeEach(() => localStorage.clear());

describe('one tab leads', () => {
  test('until it is gone', async () => {
    const locks = makeLocks();
    const tabs = [new Leader('a', locks), new Leader('a', locks), new Leader('a', locks)] as const;
    await settle();
    expect(await Promise.all(tabs.map(tab => tab.isLeading()))).toEqual([true, false, false]);
    tabs[1].stop();
    tabs[0].stop();
    await settle();
    expect(await Promise.all(tabs.map(tab => tab.isLeading()))).toEqual([false, false, true]);
  });

  test('by a lease where there are no locks', async () => {
    const name = freshName();
    const tabs = [new Leader(name, null), new Leader(name, null), new Leader(name, null)];
    const leading = await Promise.all(tabs.map(tab => tab.isLeading()));
    expect(leading.filter(Boolean)).toHaveLength(1);
    const again = await Promise.all(tabs.map(tab => tab.isLeading()));
    expect(again).toEqual(leading);
  });

  test('lease of a tab that stops is free', async () => {
    const name = freshName();
    const [first, second] = [new Leader(name, null), new Leader(name, null)];
    expect(await first.isLeading()).toBe(true);
    first.stop();
    expect(await second.isLeading()).toBe(true);
  });

  test('lease of a tab that is gone runs out', async () => {
    const name = freshName();
    const [first, second] = [new Leader(name, null), new Leader(name, null)];
    const start = Date.now();
    expect(await first.isLeading(() => start)).toBe(true);
    expect(await second.isLeading(() => start + LEASE_MS - 1)).toBe(false);
    expect(await second.isLeading(() => start + LEASE_MS + 1)).toBe(true);
    expect(await first.isLeading(() => start + LEASE_MS + 2)).toBe(false);
  });
});

describe('closest attention of any tab counts', () => {
  test.each<[Attention[], Attention]>([
    [['away'], 'away'],
    [['away', 'away'], 'away'],
    [['away', 'there'], 'there'],
    [['away', 'away', 'elsewhere'], 'elsewhere'],
    [['elsewhere', 'away'], 'elsewhere'],
  ])('%j', async (attentions, closest) => {
    const name = freshName();
    const [first] = attentions.map(attention => new Watch(name, () => attention, closest === 'away' ? 10 : 30_000));
    expect(await first?.to('c1')).toBe(closest);
  });
});

describe('a choice', () => {
  test('is remembered', () => {
    const name = freshName();
    expect(new Choice(name, true).isOn.value).toBe(true);
    new Choice(name, true).set(false);
    expect(new Choice(name, true).isOn.value).toBe(false);
  });

  test('follows another tab', () => {
    const name = freshName();
    const choice = new Choice(name, false);
    localStorage.setItem(name, 'on');
    dispatchEvent(Object.assign(new Event('storage'), { key: name }));
    expect(choice.isOn.value).toBe(true);
  });
});

describe('notices', () => {
  const waiting: Notice = { kind: 'waiting', topic: 'c1', title: 'Anna', text: 'hello' };
  const message: Notice = { kind: 'message', topic: 'c2', title: 'Ben', text: 'hello' };

  async function make(isLookedAt: boolean, shown?: string) {
    vi.stubGlobal('navigator', { locks: makeLocks() });
    vi.spyOn(document, 'hasFocus').mockReturnValue(isLookedAt);
    onTestFinished(() => void vi.unstubAllGlobals());
    const told: string[] = [];
    const notices = new Notices({
      name: freshName(),
      isShown: topic => topic === shown,
      onAway: ({ topic }) => told.push(topic),
      chime: { play: kind => told.push(kind) },
    });
    await settle();
    return { notices, told };
  }

  test('make one sound, of the most urgent', async () => {
    const { notices, told } = await make(false);
    await notices.tell([message, waiting]);
    expect(told).toEqual(['waiting', 'c2', 'c1']);
  });

  test('stay in the page while somebody is there', async () => {
    const { notices, told } = await make(true, 'c2');
    await notices.tell([message]);
    expect(told).toEqual([]);
    await notices.tell([waiting]);
    expect(told).toEqual(['waiting']);
  });

  test('are silent when that is wanted', async () => {
    const { notices, told } = await make(false);
    notices.switchSound();
    await notices.tell([message]);
    expect(told).toEqual(['c2']);
    notices.switchSound();
    expect(told).toEqual(['c2', 'message']);
  });
});
