import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';

const SAY = {
  en: { hello: 'Do you have spades?', answer: 'We do, in three sizes.', more: 'Shall I put one aside?', close: 'Close the chat', news: 'Open the chat, 1 new message' },
  zh: { hello: '你们有铁锹吗？', answer: '有，三种尺寸。', more: '需要给您留一把吗？', close: '关闭对话', news: '打开对话, 1 条新消息' },
};

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Somebody on a page of the site. */
async function customerAt(t, url, form) {
  return customerAtPage(await Visitor.come(t, browser, form), url);
}

/** Opens the page. Shadow roots are opened too, so that the test sees what the page does not. */
async function customerAtPage(customer, url) {
  await customer.page.addInitScript(() => {
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
      return attach.call(this, { ...init, mode: 'open' });
    };
  });
  await customer.open(url);
  const frame = customer.page.frameLocator('stompline-chat iframe');
  return Object.assign(customer, {
    launcher: customer.page.locator('stompline-chat .launcher'),
    badge: customer.page.locator('stompline-chat .badge'),
    frame,
    inFrame: id => frame.getByTestId(id),
    say: async text => {
      await frame.getByTestId('composer').fill(text);
      await frame.getByTestId('send').click();
    },
    shownTexts: () => frame.getByTestId('message-text').allTextContents(),
    hears: text => frame.getByTestId('message-text').getByText(text, { exact: true }).waitFor(),
  });
}

async function signIn(visitor, site, as) {
  await visitor.page.request.post(`${site}/sign-in?as=${as}`);
}

/** An agent of the site's staff, at the desk. */
async function agentAt(t, site, form) {
  const agent = await Visitor.come(t, browser, form);
  await signIn(agent, site.byNumber, 'lin');
  await agent.open(`${site.server.url}/desk/?lang=${form?.lang ?? 'en'}`);
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  return agent;
}

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
      const agent = await agentAt(t, site, { lang });
      const origin = size === 'phone' ? site.byNumber : site.byName;
      const customer = await customerAt(t, origin + (lang === 'zh' ? '/zh' : '/'), { lang: 'en', size });
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
  const customer = await customerAt(t, site.byName);
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
  const customer = await customerAt(t, site.byName);
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

test('signed-in customer is known by name and stays beyond a token', async t => {
  // The server tells of the end of a token a minute ahead, so with tokens of 61 s the next one is asked for after a second.
  const site = await Site.for(t, { lifetimeS: 61 });
  const agent = await agentAt(t, site);
  const anna = await customerAt(t, site.byName);
  await signIn(anna, site.byName, 'anna');
  const asked = [];
  anna.page.on('request', request => request.url().endsWith('/chat-token') && asked.push(request.url()));
  const renewed = new Promise(resolve => {
    anna.page.on('websocket', socket =>
      socket.on('framesent', ({ payload }) => String(payload).includes('/app/session.renew') && resolve()),
    );
  });
  await anna.page.reload();
  assert.equal(asked.length, 0, 'no token before somebody asks');
  await anna.launcher.click();
  await anna.inFrame('home-start').click();
  await anna.say('It is me.');
  await agent.get('tab-queue').click();
  await agent.get('conversation').filter({ hasText: 'Anna Keller' }).click();
  await renewed;
  await agent.get('take').click();
  await agent.write('Hello Anna');
  await anna.hears('Hello Anna');
  assert.equal(await anna.inFrame('banner').getAttribute('data-state'), 'none');

  await signIn(anna, site.byName, 'wei');
  await anna.page.reload();
  await anna.inFrame('home-start').waitFor();
  assert.deepEqual(await anna.shownTexts(), [], 'nobody sees the conversation of who was there before');
  assert.deepEqual(anna.complaints, []);
});

test('keyboard opens, writes and closes, and comes back to where it was', async t => {
  const site = await Site.for(t);
  const customer = await customerAt(t, site.byName);
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
  const customer = await customerAt(t, site.byName, { size: 'phone' });
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
    const customer = await customerAt(t, site.byName, { size });
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
    const opened = await customerAtPage(customer, site.byName);
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

test('who is not signed in is told so where guests are not let in', async t => {
  const site = await Site.for(t, { settings: { STOMPLINE_API__GUESTS: 'false' } });
  for (const [path, lang, text] of [['/', 'en', /sign in on our site/], ['/zh', 'zh', /请先在网站上登录/]]) {
    const customer = await customerAt(t, site.byName + path);
    await customer.launcher.click();
    await customer.inFrame('home-members').filter({ hasText: text }).waitFor();
    assert.equal(await customer.inFrame('home-start').count(), 0);
    await customer.shoot(`embed-members-${lang}`);
    await signIn(customer, site.byName, 'anna');
    await customer.page.evaluate(() => {
      const token = async () => (await (await fetch('/chat-token')).json()).token;
      window.Stompline.identify(token);
    });
    await customer.inFrame('home-start').click();
    await customer.say('now I am');
    await customer.inFrame('waiting').waitFor();
  }
  const direct = await (await Visitor.come(t, browser)).open(`${site.server.url}/widget/?lang=en`);
  await direct.get('launcher').click();
  await direct.get('home-members').waitFor();
});

test('customer whom the site cannot name yet is no guest', async t => {
  const site = await Site.for(t);
  const anna = await customerAt(t, site.byName);
  await signIn(anna, site.byName, 'anna');
  let isDown = true;
  await anna.page.route('**/chat-token', route => (isDown ? route.fulfill({ status: 503 }) : route.continue()));
  await anna.launcher.click();
  await anna.inFrame('looking').filter({ hasText: 'keep trying' }).waitFor();
  await anna.shoot('embed-in-doubt');
  await anna.inFrame('panel-close').click();
  await anna.inFrame('looking').waitFor({ state: 'hidden' });
  await anna.launcher.click();
  await anna.inFrame('looking').waitFor();
  isDown = false;
  await anna.inFrame('home-start').click();
  await anna.say('here I am');
  await anna.inFrame('waiting').waitFor();
  const agent = await agentAt(t, site);
  await agent.get('tab-queue').click();
  await agent.get('conversation').filter({ hasText: 'Anna Keller' }).waitFor();
});

test('page is told what happens, and may open and close', async t => {
  const site = await Site.for(t);
  const agent = await agentAt(t, site);
  const customer = await customerAt(t, site.byName);
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

test('agent works beyond a token, and is let in again after signing in', async t => {
  const site = await Site.for(t, { lifetimeS: 61 });
  const agent = await Visitor.come(t, browser);
  await agent.open(`${site.server.url}/desk/?lang=en#token=${site.server.token('a-9', 'agent')}`);
  await agent.get('signed-out').waitFor();
  assert.equal(await agent.page.evaluate(() => location.hash), '', 'no other token is taken, and none is left in the address');
  await agent.shoot('embed-desk-signed-out');
  assert.deepEqual(await agent.faults(), []);
  await agent.get('sign-in-there').click();
  await agent.page.waitForURL(`${site.byNumber}/staff`);
  await agent.page.getByRole('button', { name: 'Sign in as Lin' }).click();
  const renewed = new Promise(resolve => {
    agent.page.on('websocket', socket =>
      socket.on('framesent', ({ payload }) => String(payload).includes('/app/session.renew') && resolve()),
    );
  });
  await agent.page.getByRole('link', { name: 'To the desk' }).click();
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  await renewed;
  assert.equal(await agent.get('banner').getAttribute('data-state'), 'none');
  assert.deepEqual(agent.complaints, []);
});

test('agent who signs out is out when the token ends', async t => {
  const site = await Site.for(t, { lifetimeS: 12 });
  const agent = await agentAt(t, site);
  await agent.page.request.post(`${site.byNumber}/sign-out`);
  await agent.get('signed-out').waitFor();
  await signIn(agent, site.byNumber, 'lin');
  await agent.get('sign-in-again').click();
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
});

test('desk waits for a back end that does not answer', async t => {
  const site = await Site.for(t);
  const agent = await Visitor.come(t, browser);
  await signIn(agent, site.byNumber, 'lin');
  let isDown = true;
  await agent.page.route('**/agent-token', route => (isDown ? route.fulfill({ status: 503 }) : route.continue()));
  await agent.open(`${site.server.url}/desk/?lang=en`);
  await agent.page.getByText('Trying again').waitFor();
  isDown = false;
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
});
