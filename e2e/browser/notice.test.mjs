import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Server } from '../lib/server.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Keeps what the page sounds and notes, and lets a test say whether somebody looks. */
function spy() {
  const heard = [];
  const isAway = { value: false };
  Object.assign(globalThis, { heard, isAway });
  Object.defineProperty(document, 'visibilityState', { get: () => (isAway.value ? 'hidden' : 'visible') });
  document.hasFocus = () => !isAway.value;
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (...args) {
    heard.push('tone');
    return start.apply(this, args);
  };
  class Note extends EventTarget {
    static permission = 'default';
    static async requestPermission() {
      Note.permission = globalThis.answer ?? 'granted';
      return Note.permission;
    }
    constructor(title, { body, tag }) {
      super();
      heard.push(`${title}: ${body}`);
      Object.assign(globalThis, { lastNote: this });
      Object.assign(this, { title, tag });
    }
    close() {
      this.dispatchEvent(new Event('close'));
    }
  }
  globalThis.Notification = Note;
}

async function come(t, url, form) {
  const visitor = await Visitor.come(t, browser, form);
  await visitor.page.context().addInitScript(spy);
  return visitor.open(url);
}

async function openDesk(t, server, form) {
  const agent = await come(t, `${server.url}/desk/?lang=en#token=${server.token('lin', 'agent', { name: 'Lin' })}`, form);
  await isLive(agent.page);
  return agent;
}

function isLive(page) {
  return page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
}

/** The agent's desk once more, in another tab of the same browser. */
async function openTab(agent, server) {
  const page = await agent.page.context().newPage();
  await page.goto(`${server.url}/desk/?lang=en#token=${server.token('lin', 'agent', { name: 'Lin' })}`);
  await isLive(page);
  return page;
}

async function openWidget(t, server) {
  const customer = await come(t, `${server.url}/widget/?lang=en`);
  await customer.get('launcher').click();
  await customer.get('home-start').click();
  return customer;
}

function away(page, isAway) {
  return page.evaluate(value => {
    globalThis.isAway.value = value;
    dispatchEvent(new Event(value ? 'blur' : 'focus'));
    document.dispatchEvent(new Event('visibilitychange'));
  }, isAway);
}

function heard(page) {
  return page.evaluate(() => globalThis.heard.splice(0));
}

/** Waits until that is true of a page. A tab behind others draws nothing, so frames cannot be waited for. */
function until(page, isTrue, arg) {
  return page.waitForFunction(isTrue, arg, { polling: 100 });
}

/** Waits for a sound or a note that fits. */
function hears(page, pattern) {
  return until(page, source => globalThis.heard.some(each => new RegExp(source).test(each)), pattern);
}

async function take(agent) {
  await agent.get('tab-queue').click();
  await agent.get('conversation').first().click();
  await agent.get('take').click();
  await agent.get('composer').waitFor();
}

test('agent who is elsewhere hears that somebody waits', async t => {
  const server = await Server.for(t);
  const [agent, customer] = [await openDesk(t, server), await openWidget(t, server)];
  const { page } = agent;
  assert.equal(await agent.get('notes').getAttribute('aria-pressed'), 'false');
  await agent.get('notes').click();
  await page.locator('[data-testid=notes][aria-pressed=true]').waitFor();
  assert.equal(await agent.get('sound').getAttribute('aria-pressed'), 'true');
  await away(page, true);
  await customer.write('is anybody there?');
  await hears(page, 'is waiting: is anybody there\\?');
  await hears(page, '^tone$');
  await until(page, () => document.title === '(1) Desk');

  await heard(page);
  await page.evaluate(() => globalThis.lastNote.dispatchEvent(new Event('click')));
  await agent.get('take').waitFor();
  await away(page, false);
  await agent.get('take').click();
  await agent.get('composer').waitFor();
  await until(page, () => document.title === 'Desk');

  await customer.write('one that is looked at');
  await agent.sees('one that is looked at');
  await away(page, true);
  await agent.write('an answer of my own');
  await customer.sees('an answer of my own');
  await customer.write('one that is not');
  await hears(page, 'one that is not');
  await until(page, () => document.title === '(1) Desk');
  assert.deepEqual((await heard(page)).filter(each => each !== 'tone').map(each => each.split(': ')[1]), ['one that is not']);
  assert.deepEqual([...agent.complaints, ...customer.complaints], []);
});

test('several tabs tell of it once', async t => {
  const server = await Server.for(t);
  const [agent, customer] = [await openDesk(t, server), await openWidget(t, server)];
  await agent.get('notes').click();
  const others = [await openTab(agent, server), await openTab(agent, server)];
  const pages = [agent.page, ...others];
  // Every tab must have been touched before it may sound.
  for (const page of pages) {
    await page.evaluate(() => (Notification.permission = 'granted'));
    await page.locator('.rail-name').click();
    await away(page, true);
  }
  const told = async (text, title) => {
    await Promise.any(pages.map(page => hears(page, text)));
    await Promise.all(pages.map(page => until(page, wanted => document.title === wanted, title)));
    return (await Promise.all(pages.map(heard))).flat().filter(each => each.includes(text)).length;
  };
  await customer.write('hello all');
  assert.equal(await told('hello all', '(1) Desk'), 1);

  await agent.page.close();
  pages.shift();
  await pages[0].getByTestId('tab-queue').click();
  await pages[0].getByTestId('conversation').first().click();
  await pages[0].getByTestId('take').click();
  await pages[0].getByTestId('composer').waitFor();
  await customer.page.locator('[data-testid=thread][data-state=active]').waitFor();
  await customer.write('hello you');
  assert.equal(await told('hello you', '(2) Desk'), 1);

  // One tab looks at it: no tab tells of it.
  await away(pages[1], false);
  await pages[1].getByTestId('tab-mine').click();
  await pages[1].getByTestId('conversation').first().click();
  await customer.write('seen at once');
  await customer.status('seen at once', 'read');
  await customer.write('seen as well');
  await customer.status('seen as well', 'read');
  const all = (await Promise.all(pages.map(heard))).flat();
  assert.deepEqual(all.filter(each => each.includes('seen')), []);
});

test('switches are remembered', async t => {
  const server = await Server.for(t);
  const [agent, customer] = [await openDesk(t, server), await openWidget(t, server)];
  await agent.get('sound').click();
  await agent.get('notes').click();
  await agent.page.reload();
  await isLive(agent.page);
  assert.equal(await agent.get('sound').getAttribute('aria-pressed'), 'false');
  await agent.page.evaluate(() => (Notification.permission = 'granted'));
  await agent.page.locator('.rail-name').click();
  await away(agent.page, true);
  await customer.write('quietly');
  await hears(agent.page, 'quietly');
  assert.deepEqual((await heard(agent.page)).filter(each => each === 'tone'), []);
  assert.deepEqual(await agent.faults(), []);
});

test('browser that forbids notes is explained, also on a phone', async t => {
  const server = await Server.for(t);
  const agent = await openDesk(t, server, { size: 'phone' });
  await agent.page.evaluate(() => (globalThis.answer = 'denied'));
  await agent.get('notes').click();
  await agent.get('toast').filter({ hasText: 'does not let this page notify you' }).waitFor();
  assert.equal(await agent.get('notes').getAttribute('aria-pressed'), 'false');
});

test('visitor hears an answer that comes while the chat is closed', async t => {
  const server = await Server.for(t);
  const [agent, customer] = [await openDesk(t, server), await openWidget(t, server)];
  await customer.write('hello');
  await take(agent);
  await agent.write('seen by the visitor');
  await customer.sees('seen by the visitor');
  await agent.status('seen by the visitor', 'read');
  assert.deepEqual(await heard(customer.page), []);
  await customer.get('panel-close').click();
  await agent.write('not seen');
  await hears(customer.page, '^tone$');
  await customer.get('launcher-badge').filter({ hasText: '1' }).waitFor();
  await until(customer.page, () => document.title === '(1) Support');

  await customer.get('launcher').click();
  await customer.get('sound').click();
  await customer.get('panel-close').click();
  await heard(customer.page);
  await agent.write('nor this');
  await customer.get('launcher-badge').waitFor();
  await agent.write('nor that');
  await customer.get('launcher-badge').filter({ hasText: '2' }).waitFor();
  assert.deepEqual(await heard(customer.page), []);
  assert.deepEqual([...agent.complaints, ...customer.complaints], []);
});
