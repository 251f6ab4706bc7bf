import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ANSWER_TIMEOUT_MS, Outbox } from '../src/outbox.ts';
import { MemoryOutbox, type OutboxItem } from '../src/outbox-storage.ts';

let storage: MemoryOutbox;
let sent: string[];

beforeEach(() => {
  vi.useFakeTimers();
  storage = new MemoryOutbox();
  sent = [];
});
afterEach(() => void vi.useRealTimers());

async function makeOutbox(transmit: (item: OutboxItem) => boolean = () => true): Promise<Outbox> {
  const outbox = new Outbox({
    storage: Promise.resolve(storage),
    transmit: item => {
      const isSent = transmit(item);
      if (isSent) {
        sent.push(item.clientId);
      }
      return isSent;
    },
    random: () => 0.5,
  });
  await outbox.loaded;
  return outbox;
}

function add(outbox: Outbox, clientId: string, lane = 'a'): void {
  outbox.add({ clientId, lane, text: clientId }, 1_000);
}

test('one lane sends in order, one at a time', async () => {
  const outbox = await makeOutbox();
  outbox.resume();
  add(outbox, 'k1');
  add(outbox, 'k2');
  add(outbox, 'k3');
  expect(sent).toEqual(['k1']);
  outbox.confirm('k1');
  outbox.confirm('k2');
  expect(sent).toEqual(['k1', 'k2', 'k3']);
});

test('lanes do not wait for each other', async () => {
  const outbox = await makeOutbox();
  outbox.resume();
  add(outbox, 'k1', 'a');
  add(outbox, 'k2', 'b');
  expect(sent).toEqual(['k1', 'k2']);
});

test('nothing is sent without a session', async () => {
  const outbox = await makeOutbox();
  add(outbox, 'k1');
  expect(sent).toEqual([]);
  outbox.resume();
  expect(sent).toEqual(['k1']);
});

test('session lost over a message sends it again first', async () => {
  const outbox = await makeOutbox();
  outbox.resume();
  add(outbox, 'k1');
  add(outbox, 'k2');
  outbox.pause();
  await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS * 2);
  expect(sent).toEqual(['k1']);
  outbox.resume();
  expect(sent).toEqual(['k1', 'k1']);
  outbox.confirm('k1');
  expect(sent).toEqual(['k1', 'k1', 'k2']);
});

test('answer that does not come is asked for again', async () => {
  const outbox = await makeOutbox();
  outbox.resume();
  add(outbox, 'k1');
  await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS);
  expect(sent).toEqual(['k1', 'k1']);
});

test('confirmation frees storage and list', async () => {
  const outbox = await makeOutbox();
  outbox.resume();
  add(outbox, 'k1');
  outbox.confirm('k1');
  expect(outbox.items).toEqual([]);
  expect(await storage.load()).toEqual([]);
});

test('confirmation of what another session sent frees it too', async () => {
  const outbox = await makeOutbox();
  add(outbox, 'k1');
  outbox.confirm('k1');
  outbox.resume();
  expect(sent).toEqual([]);
});

describe('refusals', () => {
  test('too fast waits as long as told, others behind it', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    add(outbox, 'k2');
    outbox.refuse('k1', 'rate_limited', 2_000);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(sent).toEqual(['k1']);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual(['k1', 'k1']);
  });

  test('passing failure without a time waits ever longer', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    for (const delay of [500, 1_000, 2_000]) {
      const before = sent.length;
      outbox.refuse('k1', 'unavailable');
      await vi.advanceTimersByTimeAsync(delay - 1);
      expect(sent).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(sent).toHaveLength(before + 1);
    }
  });

  test('final refusal marks the message and lets the next pass', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    add(outbox, 'k2');
    outbox.refuse('k1', 'closed');
    expect(sent).toEqual(['k1', 'k2']);
    expect(outbox.items).toMatchObject([{ clientId: 'k1', failure: 'closed' }, { clientId: 'k2' }]);
  });

  test('failed message can be sent again or deleted', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    outbox.refuse('k1', 'forbidden');
    outbox.retry('k1');
    expect(sent).toEqual(['k1', 'k1']);
    expect(outbox.items[0]).not.toHaveProperty('failure');
    outbox.refuse('k1', 'forbidden');
    outbox.discard('k1');
    expect(outbox.items).toEqual([]);
    expect(await storage.load()).toEqual([]);
  });

  test('message under way cannot be deleted', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    outbox.discard('k1');
    expect(outbox.items).toHaveLength(1);
  });

  test('session that ended over an oversized message gives it up', async () => {
    const outbox = await makeOutbox();
    outbox.resume();
    add(outbox, 'k1');
    outbox.refuseInFlight('too_large');
    outbox.pause();
    outbox.resume();
    expect(sent).toEqual(['k1']);
  });
});

describe('reload', () => {
  test('unconfirmed messages go out in order after it', async () => {
    const before = await makeOutbox();
    add(before, 'k1');
    add(before, 'k2');
    const after = await makeOutbox();
    after.resume();
    expect(sent).toEqual(['k1']);
    after.confirm('k1');
    expect(sent).toEqual(['k1', 'k2']);
  });

  test('older messages go before one added while they were read', async () => {
    await storage.put({ clientId: 'old', lane: 'a', text: 'old', createdAt: 1 });
    const outbox = new Outbox({
      storage: Promise.resolve(storage),
      transmit: item => {
        sent.push(item.clientId);
        return true;
      },
    });
    outbox.resume();
    add(outbox, 'new');
    expect(sent).toEqual([]);
    await outbox.loaded;
    expect(sent).toEqual(['old']);
    outbox.confirm('old');
    expect(sent).toEqual(['old', 'new']);
  });

  test('failure is remembered', async () => {
    const before = await makeOutbox();
    before.resume();
    add(before, 'k1');
    before.refuse('k1', 'closed');
    const after = await makeOutbox();
    after.resume();
    expect(after.items).toMatchObject([{ clientId: 'k1', failure: 'closed' }]);
    expect(sent).toEqual(['k1']);
  });

  test('storage that fails costs no message', async () => {
    const outbox = new Outbox({
      storage: Promise.reject(new Error('no storage')),
      transmit: item => {
        sent.push(item.clientId);
        return true;
      },
    });
    await outbox.loaded;
    outbox.resume();
    add(outbox, 'k1');
    expect(sent).toEqual(['k1']);
  });
});
