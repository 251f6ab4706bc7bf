import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { agentAt, customerAt, visit } from '../lib/embedded.mjs';
import { Site } from '../lib/site.mjs';

const SAY = {
  en: { hello: 'Do you have spades?', answer: 'We do, in three sizes.', more: 'Shall I put one aside?', close: 'Close the chat', news: 'Open the chat, 1 new message' },
  zh: { hello: '你们有铁锹吗？', answer: '有，三种尺寸。', more: '需要给您留一把吗？', close: '关闭对话', news: '打开对话, 1 条新消息' },
};

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function take(agent) {
  await agent.get('tab-queue').click();
  await agent.get('conversation').first().click();
  await agent.get('take').click();
  await agent.get('composer').waitFor();
}

for (const lang of ['en', 'zh']) {
  for (const size of ['desktop', 'phone']) {
    test(`visitor of a site is answered on ${size} in ${lang}`, async t => {
      const say = SAY[lang];
      const name = `embed-${size}-${lang}`;
      const site = await Site.for(t);
      const agent = await agentAt(t, browser, site, { lang });
      const origin = size === 'phone' ? site.byNumber : site.byName;
      const customer = await customerAt(t, browser, origin + (lang === 'zh' ? '/zh' : '/'), { lang: 'en', size });
      await customer.launcher.waitFor();
      await customer.shoot(`${name}-page`);
      assert.equal(await customer.page.locator('stompline-chat iframe').count(), 0, 'no frame before somebody asks');
      await customer.launcher.click();
      await customer.inFrame('home-start').waitFor();
      await customer.shoot(`${name}-home`);
      assert.deepEqual(await customer.faults(), []);
      await customer.inFrame('home-start').click();
      await customer.say(say.hello);
      await take(agent);
      await agent.write(say.answer);
      await customer.hears(say.answer);
      await agent.status(say.answer, 'read');
      await customer.shoot(`${name}-chat`);

      await customer.inFrame('panel-close').click();
      await customer.page.locator('stompline-chat dialog').waitFor({ state: 'hidden' });
      await agent.write(say.more);
      await customer.badge.filter({ hasText: /^1$/ }).waitFor();
      assert.equal(await customer.launcher.getAttribute('aria-label'), say.news);
      await customer.shoot(`${name}-badge`);
      assert.deepEqual(await customer.faults(), []);
      assert.ok((await customer.overflow()) <= 0);

      await customer.page.reload();
      await customer.badge.filter({ hasText: /^1$/ }).waitFor();
      await customer.launcher.click();
      await customer.hears(say.more);
      await customer.badge.waitFor({ state: 'hidden' });
      await agent.status(say.more, 'read');
      await customer.page.reload();
      await customer.hears(say.more);
      assert.deepEqual(await customer.shownTexts(), [say.hello, say.answer, say.more]);
      assert.equal(await customer.page.evaluate(() => navigator.cookieEnabled && document.cookie), '');
      assert.deepEqual([...customer.complaints, ...agent.complaints], []);
    });
  }
}

test('guest leaves no token and no secret on the page', async t => {
  const site = await Site.for(t);
  const customer = await customerAt(t, browser, site.byName);
  const before = await customer.page.evaluate(() => Object.keys(window));
  await customer.page.evaluate(() => {
    window.heard = [];
    window.addEventListener('message', event => window.heard.push(JSON.stringify(event.data)));
  });
  await customer.launcher.click();
  await customer.inFrame('home-start').click();
  await customer.say('hello');
  await customer.inFrame('waiting').waitFor();
  const { heard, kept, globals } = await customer.page.evaluate(() => ({
    heard: window.heard,
    kept: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    globals: Object.keys(window),
  }));
  assert.ok(heard.length > 0);
  for (const text of [...heard, kept]) {
    assert.doesNotMatch(text, /eyJ|secret|"token":/i);
  }
  assert.deepEqual(globals.filter(name => !before.includes(name)), ['heard']);
  assert.ok(before.includes('Stompline'));
});

test('site that is not listed gets no panel', async t => {
  const site = await Site.for(t, { settings: { STOMPLINE_WIDGET__ORIGINS: 'https://shop.example' } });
  const customer = await customerAt(t, browser, site.byName);
  await customer.launcher.click();
  const failed = customer.page.locator('stompline-chat .failed');
  await failed.waitFor();
  assert.equal(await failed.locator('a').getAttribute('href'), `${site.server.url}/widget/?lang=en`);
  assert.ok(customer.complaints.some(text => text.includes('frame-ancestors')));
  assert.ok(customer.complaints.some(text => text.includes('widget.origins')));
  await customer.shoot('embed-refused');
  assert.deepEqual(await customer.faults(), []);
  await customer.page.keyboard.press('Escape');
  await failed.waitFor({ state: 'hidden' });
});

test('keyboard opens, writes and closes, and comes back to where it was', async t => {
  const site = await Site.for(t);
  const customer = await customerAt(t, browser, site.byName);
  const { keyboard } = customer.page;
  const focused = () => customer.page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className ?? '');
  await customer.launcher.focus();
  assert.equal(await customer.launcher.getAttribute('aria-expanded'), 'false');
  await keyboard.press('Enter');
  await customer.inFrame('home-start').waitFor();
  await customer.frame.locator('[data-testid=home-start]:focus').waitFor();
  assert.equal(await customer.launcher.getAttribute('aria-expanded'), 'true');
  await keyboard.press('Enter');
  await customer.frame.locator('[data-testid=composer]:focus').waitFor();
  await keyboard.type('by keyboard');
  await keyboard.press('Enter');
  await customer.hears('by keyboard');
  await keyboard.press('Escape');
  await customer.page.locator('stompline-chat dialog').waitFor({ state: 'hidden' });
  assert.match(await focused(), /launcher/);
  await keyboard.press('Enter');
  await customer.frame.locator('[data-testid=composer]:focus').waitFor();
  await customer.page.reload();
  await customer.hears('by keyboard');
  assert.equal(await focused(), '', 'a panel that comes back by itself leaves the focus alone');
  assert.deepEqual(customer.complaints, []);
});

test('phone shows the panel alone', async t => {
  const site = await Site.for(t);
  const customer = await customerAt(t, browser, site.byName, { size: 'phone' });
  await customer.launcher.click();
  await customer.inFrame('home-start').waitFor();
  const dialog = customer.page.locator('stompline-chat dialog');
  assert.deepEqual(await dialog.boundingBox(), { x: 0, y: 0, width: 390, height: 844 });
  assert.equal(await dialog.evaluate(element => element.matches(':modal')), true);
  await customer.page.setViewportSize({ width: 844, height: 390 });
  await customer.page.waitForFunction(() => !document.querySelector('stompline-chat').shadowRoot.querySelector('dialog').matches(':modal'));
  const { y, height } = await dialog.boundingBox();
  assert.ok(y >= 0 && y + height <= 390, 'a low window still shows all of it');
  await customer.inFrame('panel-close').click();
  await dialog.waitFor({ state: 'hidden' });
});

test('panel that does not come can be closed', async t => {
  const site = await Site.for(t);
  for (const size of ['desktop', 'phone']) {
    const customer = await customerAt(t, browser, site.byName, { size });
    let release;
    const released = new Promise(resolve => (release = resolve));
    await customer.page.route('**/widget/?*', async route => {
      await released;
      await route.continue();
    });
    await customer.launcher.click();
    const wait = customer.page.locator('stompline-chat .wait');
    await customer.page.locator('stompline-chat .wait:focus').waitFor();
    await customer.shoot(`embed-${size}-loading`);
    assert.deepEqual(await customer.faults(), []);
    await wait.click();
    await wait.waitFor({ state: 'hidden' });
    await customer.launcher.click();
    release();
    await customer.frame.locator('[data-testid=home-start]:focus').waitFor();
    await wait.waitFor({ state: 'hidden' });
  }
});

test('style of the page and of the chat leave each other alone', async t => {
  const site = await Site.for(t);
  const looks = async css => {
    const customer = await Visitor.come(t, browser);
    if (css !== undefined) {
      await customer.page.route('**/site.css', route => route.fulfill({ contentType: 'text/css', body: css }));
    }
    const opened = await visit(customer, site.byName);
    await opened.launcher.click();
    await opened.inFrame('home-start').waitFor();
    return customer.page.evaluate(() => {
      const { shadowRoot } = document.querySelector('stompline-chat');
      const look = element => {
        const { width, height, color, fontSize, position } = getComputedStyle(element);
        return [width, height, color, fontSize, position];
      };
      return {
        chat: ['.launcher', 'dialog', 'iframe'].map(name => look(shadowRoot.querySelector(name))),
        page: look(document.querySelector('h1')),
      };
    });
  };
  const hostile = '* { color: red !important; font-size: 40px !important; width: 9px; display: block !important; position: static !important } stompline-chat { display: none; opacity: 0; transform: scale(2) }';
  const [plain, hard] = [await looks(), await looks(hostile)];
  assert.deepEqual(hard.chat, plain.chat);
  const bare = await Visitor.come(t, browser);
  await bare.page.route('**/loader.js', route => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await bare.open(site.byName);
  const h1 = await bare.page.evaluate(() => {
    const { width, height, color, fontSize, position } = getComputedStyle(document.querySelector('h1'));
    return [width, height, color, fontSize, position];
  });
  assert.deepEqual(plain.page, h1);
});

test('page is told what happens, and may open and close', async t => {
  const site = await Site.for(t);
  const agent = await agentAt(t, browser, site);
  const customer = await customerAt(t, browser, site.byName);
  await customer.page.evaluate(() => {
    window.told = [];
    for (const name of ['open', 'close', 'unread']) {
      window.Stompline.on(name, unread => window.told.push(`${name} ${unread}`));
    }
    window.Stompline.open();
  });
  await customer.inFrame('home-start').click();
  await customer.say('hello');
  await take(agent);
  await customer.page.evaluate(() => window.Stompline.close());
  await agent.write('news');
  await customer.page.waitForFunction(() => window.told.at(-1) === 'unread 1');
  assert.deepEqual(await customer.page.evaluate(() => window.told), ['open 0', 'close 0', 'unread 1']);
});

test('page says what it wants before the loader is there', async t => {
  const ownPage = chat => {
    const script = `<script async src="${chat}/widget/loader.js" data-lang="zh" data-position="left"></script>`;
    return `<!doctype html><html lang="en"><meta charset="gbk"><title>own</title><style>stompline-chat { --stompline-bottom: 100px }</style>
      <script>window.Stompline = { onReady: chat => { window.ready = (window.ready ?? 0) + 1; chat.open(); } };</script>${script}${script}`;
  };
  const site = await Site.for(t, { ownPage });
  const customer = await customerAt(t, browser, `${site.byName}/own`, { colorScheme: 'dark' });
  await customer.inFrame('home-start').filter({ hasText: '发送消息' }).waitFor();
  assert.equal(await customer.page.evaluate(() => window.ready), 1);
  assert.equal(await customer.page.locator('stompline-chat').count(), 1, 'a page that has the script twice has one chat');
  const { x, y, height } = await customer.launcher.boundingBox();
  assert.deepEqual([x, y + height], [20, 700]);
  assert.equal(await customer.launcher.getAttribute('aria-label'), '关闭对话');
  await customer.shoot('embed-dark-left');
});
