import { mkdir } from 'node:fs/promises';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { PATIENCE_MS } from './inbox.mjs';

const ARTIFACTS = new URL('../artifacts/', import.meta.url).pathname;
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const LOCALES = { en: 'en-GB', zh: 'zh-CN' };
/** What a browser says of its own accord while a server is away. */
const AWAY = /ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE|WebSocket connection to .* failed/;

/** A browser with nothing in it: playwright gives each launch a fresh user data directory. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/** One person's browser: a context of its own, whose complaints are kept. */
export class Visitor {
  complaints = [];
  page;
  #context;

  /** Comes, and leaves when the test `t` is over. */
  static async come(t, browser, { lang = 'en', size = 'desktop', colorScheme = 'light' } = {}) {
    const visitor = new Visitor();
    const isPhone = size === 'phone';
    visitor.#context = await browser.newContext({
      viewport: SIZES[size],
      locale: LOCALES[lang],
      colorScheme,
      isMobile: isPhone,
      hasTouch: isPhone,
      reducedMotion: 'reduce',
    });
    t.after(() => visitor.#context.close());
    visitor.#context.setDefaultTimeout(PATIENCE_MS);
    visitor.page = await visitor.#context.newPage();
    visitor.#listen(visitor.page);
    return visitor;
  }

  async open(url) {
    await this.page.goto(url);
    return this;
  }

  #listen(page) {
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) {
        this.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', error => this.complaints.push(String(error.stack ?? error)));
  }

  /** What the browser complained about; with `isAway` except for what a server that is away explains. */
  complaintsBut({ isAway }) {
    return this.complaints.filter(text => !(isAway && AWAY.test(text)));
  }

  get(id) {
    return this.page.getByTestId(id);
  }

  async write(text) {
    await this.get('composer').fill(text);
    await this.get('send').click();
  }

  /** Waits for the message with that text. */
  message(text) {
    return this.get('message').filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** Waits until an own message has come that far: `sent`, `delivered` or `read`. */
  async status(text, status) {
    await this.page.locator(`[data-testid=message][data-status=${status}]`).filter({ hasText: text }).waitFor();
  }

  async sees(text) {
    await this.message(text).waitFor();
  }

  /** All texts that are shown, in their order. */
  texts() {
    return this.get('message-text').allTextContents();
  }

  /** Waits until the page shows exactly these messages. */
  async shows(texts) {
    const isShown = wanted => {
      const shown = [...document.querySelectorAll('[data-testid=message-text]')].map(each => each.textContent);
      return JSON.stringify(shown) === JSON.stringify(wanted);
    };
    await this.page.waitForFunction(isShown, texts).catch(async error => {
      throw new Error(`shown are ${JSON.stringify(await this.texts())}, wanted ${JSON.stringify(texts)}`, { cause: error });
    });
  }

  /** The accessibility faults of the page as it stands. */
  async faults() {
    const tool = await this.#context.newCDPSession(this.page);
    // Not through the page's own `eval`, which its policy forbids.
    await tool.send('Runtime.evaluate', { expression: axe.source });
    const { result, exceptionDetails } = await tool.send('Runtime.evaluate', {
      expression: `axe.run(document, { iframes: false }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(node => node.html).join(' | ').slice(0, 300)))`,
      awaitPromise: true,
      returnByValue: true,
    });
    await tool.detach();
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** How many pixels the page is wider than its window. */
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }

  async shoot(name) {
    await mkdir(ARTIFACTS, { recursive: true });
    await this.page.screenshot({ path: `${ARTIFACTS}${name}.png` });
  }
}
