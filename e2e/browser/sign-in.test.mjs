import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { agentAt, customerAt, isLive, renewal, signIn } from '../lib/embedded.mjs';
import { Site } from '../lib/site.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test('signed-in customer is known by name and stays beyond a token', async t => {
  // The server tells of the end of a token a minute ahead, so with tokens of 61 s the next one is asked for after a second.
  const site = await Site.for(t, { lifetimeS: 61 });
  const agent = await agentAt(t, browser, site);
  const anna = await customerAt(t, browser, site.byName);
  await signIn(anna, site.byName, 'anna');
  const asked = [];
  anna.page.on('request', request => request.url().endsWith('/chat-token') && asked.push(request.url()));
  const renewed = renewal(anna.page);
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

test('who is not signed in is told so where guests are not let in', async t => {
  const site = await Site.for(t, { settings: { STOMPLINE_API__GUESTS: 'false' } });
  for (const [path, lang, text] of [['/', 'en', /sign in on our site/], ['/zh', 'zh', /请先在网站上登录/]]) {
    const customer = await customerAt(t, browser, site.byName + path);
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
  const anna = await customerAt(t, browser, site.byName);
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
  const agent = await agentAt(t, browser, site);
  await agent.get('tab-queue').click();
  await agent.get('conversation').filter({ hasText: 'Anna Keller' }).waitFor();
});

test('site whose secret is wrong is told so', async t => {
  const site = await Site.for(t, { secret: 'another secret of the same length' });
  const anna = await customerAt(t, browser, site.byName);
  await signIn(anna, site.byName, 'anna');
  const told = anna.page.waitForEvent('console', message => message.text().includes('does not take the token'));
  await anna.launcher.click();
  await anna.frame.locator('[data-testid=banner][data-state=refused]').waitFor();
  await told;
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
  const renewed = renewal(agent.page);
  await agent.page.getByRole('link', { name: 'To the desk' }).click();
  await isLive(agent);
  await renewed;
  assert.equal(await agent.get('banner').getAttribute('data-state'), 'none');
  assert.deepEqual(agent.complaints, []);
});

test('agent who signs out is out when the token ends', async t => {
  const site = await Site.for(t, { lifetimeS: 12 });
  const agent = await agentAt(t, browser, site);
  await agent.page.request.post(`${site.byNumber}/sign-out`);
  await agent.get('signed-out').waitFor();
  await signIn(agent, site.byNumber, 'lin');
  await agent.get('sign-in-again').click();
  await isLive(agent);
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
  await isLive(agent);
});
