import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Server } from '../lib/server.mjs';

const SAY = {
  en: { hello: 'Hello! My order has not arrived.', answer: 'Let me look for you.', thanks: 'Thank you 🙏', more: 'One more question.', again: 'I am back.' },
  zh: { hello: '您好！我的订单还没有到。', answer: '我帮您查一下。', thanks: '谢谢 🙏', more: '还有一个问题。', again: '我回来了。' },
};

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** A visitor at the widget and an agent at the desk, both connected. */
async function meet(t, server, form) {
  const customer = await Visitor.come(t, browser, form);
  const agent = await Visitor.come(t, browser, form);
  await Promise.all([customer.open(`${server.url}/widget/?lang=${form.lang}`), agent.open(`${server.url}/desk/?lang=${form.lang}`)]);
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  await customer.get('launcher').click();
  await customer.get('home-start').click();
  return { customer, agent };
}

/** The customer writes, the agent takes. */
async function begin({ customer, agent }, text) {
  await customer.write(text);
  await customer.get('waiting').waitFor();
  await agent.get('tab-queue').click();
  await agent.get('conversation').first().click();
  await agent.sees(text);
  await agent.get('take').click();
  await agent.get('composer').waitFor();
}

async function isClean(name, ...people) {
  for (const person of people) {
    assert.deepEqual(await person.faults(), [], `${name}: accessibility`);
    assert.ok((await person.overflow()) <= 0, `${name}: nothing is wider than the window`);
  }
}

for (const lang of ['en', 'zh']) {
  for (const size of ['desktop', 'phone']) {
    test(`two people chat on ${size} in ${lang}`, async t => {
      const name = `${size}-${lang}`;
      const say = SAY[lang];
      const server = await Server.for(t);
      const people = await meet(t, server, { lang, size });
      const { customer, agent } = people;
      assert.equal(await customer.page.locator('html').getAttribute('lang').then(tag => tag.slice(0, 2)), lang);
      await customer.shoot(`${name}-widget-new`);
      await isClean(name, customer, agent);
      await begin(people, say.hello);
      await customer.page.locator('[data-testid=thread][data-state=active]').waitFor();

      await agent.write(say.answer);
      await customer.sees(say.answer);
      await agent.status(say.answer, 'read');
      await customer.status(say.hello, 'read');

      await customer.get('composer').pressSequentially(say.thanks);
      await agent.get('typing').waitFor();
      await agent.shoot(`${name}-desk-typing`);
      await customer.get('send').click();
      await agent.sees(say.thanks);
      await agent.get('typing').waitFor({ state: 'detached' });
      await agent.get('composer').pressSequentially(say.more);
      await customer.get('typing').waitFor();
      await agent.get('send').click();
      const all = [say.hello, say.answer, say.thanks, say.more];
      await customer.shows(all);
      await agent.shows(all);
      await agent.status(say.more, 'read');
      await customer.shoot(`${name}-widget-chat`);
      await agent.shoot(`${name}-desk-chat`);
      await isClean(name, customer, agent);

      await agent.get('close').click();
      await customer.get('ended').waitFor();
      await customer.shoot(`${name}-widget-ended`);
      await isClean(name, customer);
      await customer.get('start-again').click();
      await customer.write(say.again);
      await customer.page.locator('[data-testid=thread][data-state=queued]').waitFor();
      await customer.shows([...all, say.again]);
      await customer.status(say.again, 'sent');

      assert.deepEqual(customer.complaints, []);
      assert.deepEqual(agent.complaints, []);
    });
  }
}

test('reload shows everything once and in order', async t => {
  const server = await Server.for(t);
  const people = await meet(t, server, { lang: 'en' });
  const { customer, agent } = people;
  await begin(people, 'one');
  const texts = ['one'];
  for (const [person, text] of [[agent, 'two'], [customer, 'three'], [customer, 'four'], [agent, 'five']]) {
    await person.write(text);
    texts.push(text);
    await customer.shows(texts);
    await agent.shows(texts);
  }
  await customer.page.reload();
  await customer.shows(texts);
  await agent.page.reload();
  await agent.shows(texts);
  await customer.write('six');
  await agent.shows([...texts, 'six']);
  await agent.write('seven');
  await customer.shows([...texts, 'six', 'seven']);
  assert.deepEqual(customer.complaints, []);
  assert.deepEqual(agent.complaints, []);
});

test('kill -9 in the middle loses nothing', async t => {
  const server = await Server.for(t);
  const people = await meet(t, server, { lang: 'en' });
  const { customer, agent } = people;
  await begin(people, 'before');
  await agent.write('answer before');
  await customer.sees('answer before');

  await server.kill();
  await customer.page.locator('[data-testid=banner]:not([data-state=none])').waitFor();
  await agent.page.locator('[data-testid=banner]:not([data-state=none])').waitFor();
  await customer.write('written while away');
  await customer.page.locator('[data-testid=message][data-status=pending]').waitFor();
  await agent.write('answered while away');
  await customer.shoot('restart-widget-away');
  await agent.shoot('restart-desk-away');
  assert.deepEqual(await customer.faults(), []);
  await server.restart();

  await customer.sees('answered while away');
  await agent.sees('written while away');
  await customer.write('after');
  await agent.sees('after');
  await agent.write('answer after');
  await customer.sees('answer after');
  const [mine, theirs] = [await customer.texts(), await agent.texts()];
  assert.deepEqual(mine, theirs);
  assert.deepEqual(mine.slice(0, 2), ['before', 'answer before']);
  assert.deepEqual(mine.slice(2, 4).sort(), ['answered while away', 'written while away']);
  assert.deepEqual(mine.slice(4), ['after', 'answer after']);
  await customer.page.reload();
  await customer.shows(mine);
  assert.deepEqual(customer.complaintsBut({ isAway: true }), []);
  assert.deepEqual(agent.complaintsBut({ isAway: true }), []);
});

test('page left while the server is away keeps what was written', async t => {
  const server = await Server.for(t);
  const { customer, agent } = await meet(t, server, { lang: 'en' });
  await customer.write('first');
  await customer.get('waiting').waitFor();
  await server.kill();
  await customer.page.locator('[data-testid=banner]:not([data-state=none])').waitFor();
  await customer.write('unsent');
  await customer.page.locator('[data-testid=message][data-status=pending]').waitFor();
  await customer.page.goto('about:blank');
  await server.restart();
  await customer.open(`${server.url}/widget/?lang=en`);
  await agent.get('tab-queue').click();
  await agent.get('conversation').first().click();
  await agent.shows(['first', 'unsent']);
});

test('dark pages are as legible', async t => {
  for (const size of ['desktop', 'phone']) {
    const server = await Server.for(t);
    const people = await meet(t, server, { lang: 'en', size, colorScheme: 'dark' });
    await begin(people, 'in the dark');
    await people.agent.write('a light');
    await people.customer.sees('a light');
    await isClean(`dark ${size}`, people.customer, people.agent);
    await people.customer.shoot(`dark-${size}-widget`);
    await people.agent.shoot(`dark-${size}-desk`);
  }
});

test('keyboard alone is enough', async t => {
  const server = await Server.for(t);
  const { customer, agent } = await meet(t, server, { lang: 'en' });
  const { page } = customer;
  await customer.get('composer').focus();
  await page.keyboard.type('first line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('second line');
  await page.keyboard.press('Enter');
  await customer.get('waiting').waitFor();
  await agent.get('tab-queue').focus();
  await agent.page.keyboard.press('Enter');
  await agent.get('conversation').first().focus();
  await agent.page.keyboard.press('Enter');
  await agent.get('take').waitFor();
  await agent.page.keyboard.press('Alt+a');
  await agent.get('composer').waitFor();
  await agent.shows(['first line\nsecond line']);
  await agent.page.waitForFunction(() => document.activeElement?.dataset.testid === 'composer');
  await agent.page.keyboard.type('answer');
  await agent.page.keyboard.press('Enter');
  await customer.sees('answer');
  await agent.page.keyboard.press('Alt+e');
  await customer.get('ended').waitFor();
  assert.deepEqual([...agent.complaints, ...customer.complaints], []);
});

test('two agents see one queue', async t => {
  const server = await Server.for(t);
  const { customer, agent } = await meet(t, server, { lang: 'en' });
  const second = await (await Visitor.come(t, browser)).open(`${server.url}/desk/?name=Bo&lang=en`);
  await second.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  await customer.write('who is there?');
  for (const each of [agent, second]) {
    await each.page.locator('[data-testid=count-queue]').filter({ hasText: '1' }).waitFor();
    await each.get('tab-queue').click();
    await each.get('conversation').first().click();
    await each.get('take').waitFor();
  }
  await second.get('take').click();
  await second.get('composer').waitFor();
  await agent.get('take').waitFor({ state: 'detached' });
  await agent.get('count-queue').waitFor({ state: 'detached' });
  assert.equal(await customer.get('thread-name').textContent(), 'Bo');
  await second.shoot('second-agent');
  await agent.shoot('second-agent-other');
  assert.deepEqual([...agent.complaints, ...second.complaints, ...customer.complaints], []);
});

test('landing page shows both sides at work', async t => {
  const server = await Server.for(t);
  const visitor = await (await Visitor.come(t, browser)).open(`${server.url}/`);
  const [customer, agent] = ['visitor', 'agent'].map(kind => visitor.page.frameLocator(`[data-testid=frame-${kind}]`));
  await customer.getByTestId('home-start').click();
  await customer.getByTestId('composer').fill('from the left');
  await customer.getByTestId('send').click();
  await agent.getByTestId('tab-queue').click();
  await agent.getByTestId('conversation').first().click();
  await agent.getByTestId('take').click();
  await agent.getByTestId('composer').fill('from the right');
  await agent.getByTestId('send').click();
  await customer.getByTestId('message-text').nth(1).waitFor();
  assert.deepEqual(await customer.getByTestId('message-text').allTextContents(), ['from the left', 'from the right']);
  await visitor.shoot('landing');
  assert.deepEqual(await visitor.faults(), []);
  assert.ok((await visitor.overflow()) <= 0);
  assert.deepEqual(visitor.complaints, []);
});

test('markup in messages stays text', async t => {
  const server = await Server.for(t);
  const people = await meet(t, server, { lang: 'en' });
  const { customer, agent } = people;
  const text = '<img src=x onerror="alert(1)"><b>bold</b> javascript:alert(1) https://shop.example/?a=<b>';
  await begin(people, text);
  await agent.shows([text]);
  assert.equal(await agent.get('message').locator('img, b').count(), 0);
  const links = await agent.get('message').locator('a').evaluateAll(all => all.map(link => [link.protocol, link.rel]));
  assert.ok(links.length > 0);
  for (const [protocol, rel] of links) {
    assert.equal(protocol, 'https:');
    assert.match(rel, /noopener/);
  }
  assert.deepEqual([...agent.complaints, ...customer.complaints], []);
});
