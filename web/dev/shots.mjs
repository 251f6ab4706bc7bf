// @ts-check
/**
 * Pictures of the pages in every form they take, for looking at: two people talk through the mock while the camera
 * goes round. Into `dev/shots/`, or the folder named as first argument. A second argument picks the forms whose name
 * contains it. With AXE=1 every screen is also examined for accessibility.
 */
import { mkdir } from 'node:fs/promises';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { MockServer } from './server.mjs';

const FOLDER = process.argv[2] ?? new URL('./shots', import.meta.url).pathname;
const ONLY = process.argv[3];
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const IS_EXAMINED = process.env.AXE === '1';
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const SAY = {
  en: {
    names: ['Anna Kowalska', 'Zhang Wei', 'Priya'],
    lines: ['Hello! My order has not arrived yet.', 'The number is 8841, see https://shop.example/orders/8841.',
      'Hello Anna, let me look for you.', 'It left our house on Monday and is at customs now. I have asked them to hurry, and you will have it on Thursday at the latest.',
      'Thank you so much 🙏'],
    other: ['Can I change the delivery address?', 'Do you ship to Norway?'],
  },
  zh: {
    names: ['王小明', 'Zhang Wei', '李雷'],
    lines: ['您好！我的订单还没有到。', '订单号是 8841，请看 https://shop.example/orders/8841。',
      '您好，我帮您查一下。', '包裹周一已经发出，目前正在清关。我已经联系加急处理，最迟周四就能送到您手上。',
      '太感谢了 🙏'],
    other: ['可以修改收货地址吗？', '能寄到挪威吗？'],
  },
};

await mkdir(FOLDER, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
const problems = /** @type {string[]} */ ([]);
for (const lang of /** @type {const} */ (['en', 'zh'])) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const size of /** @type {const} */ (['desktop', 'phone'])) {
      const name = `${size}-${lang}-${colorScheme}`;
      if (ONLY === undefined || name.includes(ONLY)) {
        await tour(name, { lang, colorScheme, size });
      }
    }
  }
}
await browser.close();
process.stdout.write(problems.length === 0 ? 'no complaints from the browser\n' : `${problems.join('\n')}\n`);
process.exit(problems.length === 0 ? 0 : 1);

/**
 * @param {string} name
 * @param {{ lang: 'en' | 'zh', colorScheme: 'light' | 'dark', size: 'desktop' | 'phone' }} form
 */
async function tour(name, { lang, colorScheme, size }) {
  const server = new MockServer();
  const origin = await server.listen(0);
  const say = SAY[lang];
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme,
    locale: lang === 'zh' ? 'zh-CN' : 'en-GB',
    hasTouch: size === 'phone',
    isMobile: size === 'phone',
    deviceScaleFactor: 1,
    // The examiner is a script of its own, which the policy of the pages would not let in.
    bypassCSP: IS_EXAMINED,
  });
  const open = async (/** @type {string} */ path) => {
    const page = await context.newPage();
    page.on('console', message => {
      // A refused connection is complained about by the browser itself, and is part of the tour.
      const isExpected = /WebSocket connection|Failed to load resource/.test(message.text());
      if (message.type() === 'error' && !isExpected) {
        problems.push(`${name} ${path}: ${message.text()}`);
      }
    });
    page.on('pageerror', error => problems.push(`${name} ${path}: ${error.message}`));
    await page.goto(origin + path);
    return page;
  };
  const shoot = async (/** @type {import('playwright-core').Page} */ page, /** @type {string} */ what) => {
    await page.bringToFront();
    await page.waitForTimeout(350);
    await page.screenshot({ path: `${FOLDER}/${name}-${what}.png` });
    if (IS_EXAMINED) {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate('axe.run()');
      for (const { id, nodes } of violations) {
        problems.push(`${name} ${what}: ${id}: ${nodes.map((/** @type {{ html: string }} */ node) => node.html).join(' | ').slice(0, 300)}`);
      }
    }
  };
  const byId = (/** @type {import('playwright-core').Page} */ page, /** @type {string} */ id) => page.getByTestId(id);

  const desk = await open('/desk/');
  await byId(desk, 'list-empty').waitFor();
  await shoot(desk, 'desk-empty');
  if (size === 'desktop') {
    await desk.keyboard.press('?');
    await shoot(desk, 'desk-help');
    await desk.keyboard.press('Escape');
  }

  const now = Date.now();
  const model = server.model;
  say.other.forEach((text, index) => {
    model.now = () => now - (index === 0 ? 400_000 : 160_000);
    model.send({ id: `cus_other${index}`, role: 'customer', name: say.names[index + 1] ?? '' }, { text });
  });
  model.now = () => Date.now();

  const widget = await open('/widget/');
  await shoot(widget, 'widget-page');
  await byId(widget, 'launcher').click();
  await byId(widget, 'home').waitFor();
  await shoot(widget, 'widget-home');
  await byId(widget, 'home-start').click();
  await shoot(widget, 'widget-new');
  const write = async (/** @type {import('playwright-core').Page} */ page, /** @type {string | undefined} */ text) => {
    await page.bringToFront();
    await byId(page, 'composer').fill(text ?? '');
    await byId(page, 'send').click();
  };
  await write(widget, say.lines[0]);
  await byId(widget, 'waiting').waitFor();
  await write(widget, say.lines[1]);
  await shoot(widget, 'widget-waiting');

  await desk.bringToFront();
  await byId(desk, 'tab-queue').click();
  await shoot(desk, 'desk-queue');
  await byId(desk, 'conversation').nth(2).click();
  await shoot(desk, 'desk-look');
  await byId(desk, 'take').click();
  await byId(desk, 'composer').waitFor();
  await write(desk, say.lines[2]);
  await write(desk, say.lines[3]);
  await widget.bringToFront();
  await widget.getByTestId('message').nth(3).waitFor();
  await byId(widget, 'composer').pressSequentially(say.lines[4] ?? '');
  await desk.bringToFront();
  await byId(desk, 'typing').waitFor();
  await shoot(desk, 'desk-thread');
  if (size === 'phone') {
    await byId(desk, 'details').click();
    await shoot(desk, 'desk-side');
    await byId(desk, 'side-close').click();
  }
  await widget.bringToFront();
  await byId(widget, 'send').click();
  await shoot(widget, 'widget-chat');
  await shoot(desk, 'desk-answered');
  server.isRefusing = true;
  server.dropAll();
  await widget.bringToFront();
  await widget.locator('[data-testid=banner][data-state=reconnecting]').waitFor();
  await write(widget, say.lines[0]);
  await shoot(widget, 'widget-reconnecting');
  server.isRefusing = false;
  await widget.locator('[data-testid=banner][data-state=none]').waitFor({ state: 'attached' });
  await desk.bringToFront();
  await desk.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
  await byId(desk, 'close').click();
  await shoot(desk, 'desk-closed');
  await byId(widget, 'ended').waitFor();
  await shoot(widget, 'widget-ended');
  if (lang === 'en' || size === 'desktop') {
    const landing = await open('/');
    await landing.waitForTimeout(800);
    await shoot(landing, 'landing');
  }
  await context.close();
  server.dropAll();
  server.http.close();
}
