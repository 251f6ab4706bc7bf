// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from 'vitest';
import { HostPage } from '../src/host-page.ts';

const SITE = 'https://shop.example';
let listener: (event: object) => void;
let parent: { postMessage: ReturnType<typeof vi.fn> };
let page: Window;

beforeEach(() => {
  parent = { postMessage: vi.fn() };
  page = {
    parent,
    location: { search: `?view=panel&site=${encodeURIComponent(SITE)}` },
    addEventListener: (_: string, listen: typeof listener) => void (listener = listen),
  } as unknown as Window;
});

function hears(data: object, { origin = SITE, source = parent as unknown } = {}): void {
  listener({ data, origin, source });
}

function aroundPage(): HostPage {
  const host = HostPage.around(page);
  if (host === undefined) {
    throw new Error('there is a page around');
  }
  return host;
}

test('only a frame with the name of a site has a page around it', () => {
  expect(HostPage.around({ ...page, location: { search: '?view=panel' } } as unknown as Window)).toBeUndefined();
  expect(HostPage.around(Object.assign(page, { parent: page }))).toBeUndefined();
});

test('everything is addressed to the site and nobody else', async () => {
  const host = aroundPage();
  void host.start();
  void host.askToken().catch(() => {});
  expect(parent.postMessage.mock.calls.map(([, target]) => target)).toEqual([SITE, SITE]);
});

test('neither another origin nor another window is heard', async () => {
  const host = aroundPage();
  const opened = vi.fn();
  host.onOpen = opened;
  hears({ stompline: 'open' }, { origin: 'https://evil.example' });
  hears({ stompline: 'open' }, { source: {} });
  hears({ other: 'open' });
  hears([]);
  expect(opened).not.toHaveBeenCalled();
  hears({ stompline: 'open' });
  expect(opened).toHaveBeenCalledOnce();
});

test('each question for a token gets its own answer', async () => {
  const host = aroundPage();
  const [first, second, third] = [host.askToken(), host.askToken(), host.askToken()];
  hears({ stompline: 'token', id: 2 });
  hears({ stompline: 'token', id: 1, token: 't' });
  hears({ stompline: 'token', id: 3, hasFailed: true });
  expect(await first).toBe('t');
  expect(await second).toBeUndefined();
  await expect(third).rejects.toThrow();
});

test('page that does not answer has failed', async () => {
  vi.useFakeTimers();
  const asked = expect(aroundPage().askToken()).rejects.toThrow();
  await vi.runAllTimersAsync();
  await asked;
  vi.useRealTimers();
});
