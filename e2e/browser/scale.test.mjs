import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';

/** What a page may hold of a thread, and of a list of conversations. */
const THREAD_NODES_MAX = 300;
const LIST_NODES_MAX = 60;
const SETTINGS = { STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0', STOMPLINE_CHAT__RATE__AGENT_PER_S: '0' };

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** The desk of agent `lin` in a browser, and what its page asks the server for. */
async function openDesk(t, server, options) {
  const visitor = await Visitor.come(t, browser, options);
  const asked = [];
  visitor.page.on('websocket', socket => socket.on('framesent', ({ payload }) => asked.push(String(payload))));
  const lang = options?.lang ?? 'en';
  await visitor.open(`${server.url}/desk/?lang=${lang}#token=${server.token('lin', 'agent', { name: 'Lin' })}`);
  await visitor.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  return { visitor, asked };
}

/** Many messages, sent without waiting in between; resolves when all are confirmed. */
async function flood(person, from, to, more = {}) {
  for (let n = from; n <= to; n += 1) {
    person.tell('/app/send', { text: `message ${n}`, clientId: `${person.name}-${n}`, ...more });
  }
  await person.acks.find({ clientId: `${person.name}-${to}`, ok: true });
}

async function come(server, id, type = 'customer') {
  const person = await Person.connect(server, id, type);
  return Object.assign(person, { name: id });
}

/** Which messages are in the page, and how the uppermost one on screen lies. */
function place(visitor) {
  return visitor.get('message-list').evaluate(list => {
    const rows = [...list.querySelectorAll('[data-seq]')];
    const { top, bottom } = list.getBoundingClientRect();
    const isOnScreen = row => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom;
    const shown = rows.filter(isOnScreen);
    const seq = row => Number(row?.dataset.seq ?? 0);
    return {
      nodes: list.querySelectorAll('.messages-rows > li').length,
      first: seq(rows[0]),
      last: seq(rows.at(-1)),
      top: seq(shown[0]),
      topAt: shown[0] === undefined ? 0 : shown[0].getBoundingClientRect().top - top,
      bottom: seq(shown.at(-1)),
    };
  });
}

/** Resolves when the list stands at its end and what a click has changed is drawn. */
async function settled(visitor) {
  await visitor.page.waitForFunction(() => {
    const list = document.querySelector('[data-testid=message-list]');
    return list.scrollHeight - list.scrollTop - list.clientHeight < 2;
  });
  await visitor.page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}

function scroll(visitor, to) {
  return visitor.get('message-list').evaluate((list, top) => (list.scrollTop = top), to);
}

/** Scrolls up by less than a screen, and lets the page draw. */
function stepUp(visitor, pixels) {
  return visitor.get('message-list').evaluate(async (list, by) => {
    list.scrollTop -= by;
    for (let frame = 0; frame < 2; frame += 1) {
      await new Promise(resolve => requestAnimationFrame(resolve));
    }
  }, pixels);
}

/** In the page: its first message is before that `seq`. */
const FIRST_BELOW = before => {
  const first = document.querySelector('[data-testid=message-list] [data-seq]');
  return first !== null && Number(first.dataset.seq) < before;
};

test('thread of 3,000 messages stays small and keeps the place', async t => {
  const server = await Server.for(t, SETTINGS);
  const customer = await come(server, 'anna');
  t.after(() => customer.leave());
  await flood(customer, 1, 3_000);
  const { visitor } = await openDesk(t, server);
  await visitor.get('tab-queue').click();
  await visitor.get('conversation').first().click();
  await visitor.get('take').click();
  await visitor.get('composer').waitFor();
  await visitor.sees('message 3000');
  await settled(visitor);

  const began = await place(visitor);
  assert.equal(began.bottom, 3_000);
  let now = began;
  let pages = 0;
  while (now.first > 1) {
    await scroll(visitor, 100);
    const seen = await place(visitor);
    await visitor.page.waitForFunction(FIRST_BELOW, now.first);
    now = await place(visitor);
    assert.ok(now.nodes <= THREAD_NODES_MAX, `${now.nodes} nodes`);
    assert.equal(now.top, seen.top, 'what was read is still there');
    assert.ok(Math.abs(now.topAt - seen.topAt) <= 2, `it moved from ${seen.topAt} to ${now.topAt}`);
    pages += 1;
  }
  t.diagnostic(`${pages} steps to the first message, ${now.nodes} rows in the page`);
  await scroll(visitor, 0);
  await visitor.sees('message 1');
  assert.ok(now.last < 400, 'the newest rows have left the page');

  await flood(customer, 3_001, 3_002);
  await visitor.get('to-end').filter({ hasText: '2 new messages' }).waitFor();
  assert.equal((await place(visitor)).first, 1, 'new messages move nothing');
  await visitor.shoot('scale-thread-start');
  await visitor.get('to-end').click();
  await visitor.sees('message 3002');
  await visitor.page.waitForFunction(() => {
    const list = document.querySelector('[data-testid=message-list]');
    return list.scrollHeight - list.scrollTop - list.clientHeight < 2;
  });
  assert.deepEqual(await visitor.faults(), []);

  await visitor.get('message-list').focus();
  await visitor.page.keyboard.press('Home');
  await visitor.page.waitForFunction(() => document.activeElement?.dataset.seq === '1');
  await visitor.page.keyboard.press('ArrowDown');
  await visitor.page.waitForFunction(() => document.activeElement?.dataset.seq === '2');
  await visitor.page.keyboard.press('End');
  await visitor.page.waitForFunction(() => document.activeElement?.dataset.seq === '3002');
  assert.deepEqual(visitor.complaints, []);
});

test('thread scrolled up step by step shows every message on the way', async t => {
  const server = await Server.for(t, SETTINGS);
  const customer = await come(server, 'anna');
  t.after(() => customer.leave());
  await flood(customer, 1, 600);
  const { visitor } = await openDesk(t, server);
  await visitor.get('tab-queue').click();
  await visitor.get('conversation').first().click();
  await visitor.sees('message 600');
  await settled(visitor);
  let low = (await place(visitor)).top;
  const deadline = Date.now() + 120_000;
  while (low > 1 && Date.now() < deadline) {
    await stepUp(visitor, 300);
    const { top, bottom } = await place(visitor);
    assert.ok(bottom >= low - 1, `messages between ${bottom} and ${low} were never on screen`);
    low = Math.min(low, top);
  }
  assert.equal(low, 1);
});

test('unread messages are a click away however many they are', async t => {
  const server = await Server.for(t, SETTINGS);
  const [customer, lin] = [await come(server, 'anna'), await come(server, 'lin', 'agent')];
  t.after(() => Promise.all([customer.leave(), lin.leave()]));
  await flood(customer, 1, 10);
  const { conversationId } = customer.acks.items[0];
  await lin.command('/app/agent.take', { conversationId });
  await lin.do('/app/chat.read', { conversationId, seq: 10 });
  await lin.messages.find(event => event.event === 'participant.pointer' && event.readSeq === 10);
  await flood(customer, 11, 190);
  const { visitor } = await openDesk(t, server);
  await visitor.page.locator('[data-testid=unread]').filter({ hasText: '180' }).waitFor();
  await visitor.get('conversation').first().click();
  await visitor.sees('message 190');
  await visitor.get('to-unread').filter({ hasText: '180 new messages' }).waitFor();
  await visitor.shoot('scale-unread');
  await visitor.get('to-unread').click();
  await visitor.page.waitForFunction(() => {
    const line = document.querySelector('[data-testid=unread-line]').getBoundingClientRect();
    const list = document.querySelector('[data-testid=message-list]').getBoundingClientRect();
    return line.top >= list.top && line.top < list.top + 60;
  });
  await visitor.sees('message 11');
  await visitor.get('to-unread').waitFor({ state: 'detached' });
});

test('desk of an agent with many conversations loads what is looked at', async t => {
  const server = await Server.for(t, SETTINGS);
  const lin = await come(server, 'lin', 'agent');
  t.after(() => lin.leave());
  const closedCount = 230;
  await closeMany(t, server, lin, closedCount);
  const activeCount = 70;
  await takeMany(t, server, lin, activeCount);

  const { visitor, asked } = await openDesk(t, server);
  const { page } = visitor;
  await page.locator('[data-testid=count-mine]').filter({ hasText: new RegExp(`^${activeCount}$`) }).waitFor();
  const names = () => page.locator('.row-name').allTextContents();
  assert.ok((await names()).length <= LIST_NODES_MAX);
  assert.equal((await names())[0], 'Guest c0', 'who waits longest comes first');

  await visitor.get('conversation').first().click();
  await visitor.sees('hello from c0');
  const asksFor = pattern => asked.filter(frame => frame.includes('/app/agent.list') && pattern.test(frame)).length;
  assert.equal(asksFor(/"state":"closed"/), 0, 'opening a conversation fetches no other');

  await visitor.get('conversation').first().focus();
  await page.keyboard.press('End');
  await page.waitForFunction(count => document.activeElement?.closest('li')?.ariaPosInSet === String(count), activeCount);
  assert.ok((await names()).length <= LIST_NODES_MAX);
  await visitor.shoot('scale-list-end');
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.activeElement?.closest('li')?.ariaPosInSet === '1');

  await visitor.get('tab-closed').click();
  await visitor.get('list-closed').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[data-state=closed]').length > 0);
  assert.equal(asksFor(/"state":"closed"/), 1, 'one page is enough for a screen');
  let rows = 0;
  for (let step = 0; rows < closedCount && step < 40; step += 1) {
    await page.locator('.list-scroll').evaluate(list => (list.scrollTop = list.scrollHeight));
    rows = await page.waitForFunction(
      before => {
        const list = document.querySelector('[data-testid=list-closed]');
        const count = Number(list.style.getPropertyValue('--rows'));
        return count > before && count;
      },
      rows,
    ).then(handle => handle.jsonValue());
    assert.ok((await names()).length <= LIST_NODES_MAX, `${rows} conversations`);
  }
  assert.equal(rows, closedCount);
  assert.deepEqual(await visitor.faults(), []);
  assert.deepEqual(visitor.complaints, []);
});

/** The conversation of a command that was not refused. */
async function done(command) {
  const ack = await command;
  assert.ok(ack.ok, JSON.stringify(ack));
  return ack.conversationId;
}

/** One customer comes again and again; each time the agent takes and closes. */
async function closeMany(t, server, lin, count) {
  const customer = await come(server, 'regular');
  t.after(() => customer.leave());
  for (let n = 0; n < count; n += 1) {
    const conversationId = await done(customer.command('/app/chat.start', { clientId: `s${n}` }));
    await done(customer.say(`visit ${n}`));
    await done(lin.command('/app/agent.take', { conversationId }));
    await done(lin.command('/app/agent.close', { conversationId }));
  }
}

/** As many customers write, and the agent takes them all, the last one first. */
async function takeMany(t, server, lin, count) {
  const ids = [];
  for (let n = 0; n < count; n += 1) {
    const customer = await come(server, `c${n}`);
    ids.push(await done(customer.say(`hello from c${n}`)));
    await customer.leave();
  }
  for (const conversationId of ids.reverse()) {
    await done(lin.command('/app/agent.take', { conversationId }));
  }
}
