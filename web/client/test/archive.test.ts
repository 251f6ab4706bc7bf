import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Archive, PAUSE_MS } from '../src/archive.ts';
import { Ledger } from '../src/ledger.ts';
import { RequestError } from '../src/request.ts';
import type { Head } from '../src/wire.ts';
import { head } from './fixture.ts';

function closed(rev: number): Head {
  return head({ id: `c${rev}`, rev, state: 'closed', closedAt: '2026-11-22T10:00:00.000Z' });
}

/** An archive of conversations with these stamps, and what it was asked for. */
function makeArchive(revs: readonly number[], { pageMax = 2 } = {}) {
  const asked: Array<Record<string, unknown>> = [];
  const ledger = new Ledger();
  const archive = new Archive(async (destination, body) => {
    expect(destination).toBe('/app/agent.list');
    const { before = Number.POSITIVE_INFINITY, ...rest } = body as { before?: number };
    asked.push({ before, ...rest });
    const left = revs.filter(rev => rev < before);
    return { replyTo: 'list', conversations: left.slice(0, pageMax).map(closed), more: left.length > pageMax };
  }, ledger);
  return { archive, ledger, asked };
}

test('pages follow one another until none is left', async () => {
  const { archive, ledger, asked } = makeArchive([9, 7, 5, 3, 1]);
  expect(archive.isBegun).toBe(false);
  for (let page = 0; page < 5; page += 1) {
    await archive.loadMore();
  }
  expect(asked.map(({ before }) => before)).toEqual([Number.POSITIVE_INFINITY, 7, 3]);
  expect([...ledger.conversations.keys()]).toEqual(['c9', 'c7', 'c5', 'c3', 'c1']);
  expect(archive.isComplete).toBe(true);
});

test('one page at a time is on its way', async () => {
  const { archive, asked } = makeArchive([9, 7, 5]);
  const states: boolean[] = [];
  archive.changed.on(() => states.push(archive.isLoading));
  await Promise.all([archive.loadMore(), archive.loadMore()]);
  expect(asked).toHaveLength(1);
  expect(states).toEqual([true, false]);
});

test('empty archive is complete', async () => {
  const { archive } = makeArchive([]);
  await archive.loadMore();
  expect([archive.isBegun, archive.isComplete]).toEqual([true, true]);
});

test('page that was not answered is asked for again after a pause', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let fails = true;
  let count = 0;
  const archive = new Archive(async () => {
    count += 1;
    if (fails) {
      throw new RequestError('timeout', 'no answer');
    }
    return { replyTo: 'list', conversations: [], more: false };
  }, new Ledger());
  await archive.loadMore();
  await archive.loadEarlier('cus_1');
  expect([archive.isComplete, archive.isLoading]).toEqual([false, false]);
  expect(count).toBe(1);
  fails = false;
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  await archive.loadMore();
  expect(archive.isComplete).toBe(true);
});

describe('earlier conversations with one customer', () => {
  test('are asked for once', async () => {
    const { archive, asked } = makeArchive([9]);
    await archive.loadEarlier('cus_1');
    await archive.loadEarlier('cus_1');
    await archive.loadEarlier('cus_2');
    expect(asked.map(({ customerId }) => customerId)).toEqual(['cus_1', 'cus_2']);
  });

  test('are asked for again after a new beginning', async () => {
    const { archive, asked } = makeArchive([9, 7, 5]);
    await archive.loadMore();
    await archive.loadEarlier('cus_1');
    archive.reset();
    await archive.loadMore();
    await archive.loadEarlier('cus_1');
    expect(asked.map(({ before, customerId }) => customerId ?? before)).toEqual([
      Number.POSITIVE_INFINITY,
      'cus_1',
      Number.POSITIVE_INFINITY,
      'cus_1',
    ]);
  });
});
