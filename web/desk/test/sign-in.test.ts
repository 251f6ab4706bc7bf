// @vitest-environment happy-dom
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { enterWith, findEntrance, isToken, leave } from '../src/sign-in.ts';

const ORIGIN = 'http://host.test';
const TOKEN = `e30.${btoa(JSON.stringify({ sub: 'agt_7' }))}.c2ln`;

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  history.replaceState(null, '', '/desk/');
});

function answering(status: number, body: object = {}) {
  const fetch = vi.fn(async (_url: string, _init: { body: string }) => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

test.each([
  ['a.b.c', true],
  ['a.b', false],
  ['a b.c.d', false],
  ['', false],
])('"%s" looks like a token: %s', (text, expected) => {
  expect(isToken(text)).toBe(expected);
});

describe('token', () => {
  test('from the fragment is taken and leaves the address', async () => {
    location.hash = `token=${TOKEN}`;
    const entrance = await findEntrance(ORIGIN);
    expect(await entrance?.tokens.token(false)).toBe(TOKEN);
    expect(entrance).toMatchObject({ owner: 'agent:agt_7', isOwnToken: true });
    expect(location.href).not.toContain(TOKEN);
  });

  test('is kept for a reload and forgotten on leaving', async () => {
    answering(404);
    enterWith(TOKEN);
    expect(await findEntrance(ORIGIN)).toMatchObject({ isOwnToken: true });
    leave();
    expect(await findEntrance(ORIGIN)).toBeUndefined();
  });
});

describe('demonstration', () => {
  const grant = { token: TOKEN, expiresAt: '2126-01-01T00:00:00Z', userId: 'agt_lin', name: 'Lin' };

  test('makes an agent, the same one after a reload', async () => {
    const fetch = answering(200, grant);
    const entrance = await findEntrance(ORIGIN);
    expect(entrance).toMatchObject({ owner: 'agent:agt_lin', isOwnToken: false });
    expect(await entrance?.tokens.token(false)).toBe(TOKEN);
    await findEntrance(ORIGIN);
    expect(fetch.mock.calls.map(([, init]) => init.body)).toEqual(['{}', '{"id":"agt_lin"}']);
  });

  test('another name is another agent', async () => {
    const fetch = answering(200, grant);
    await findEntrance(ORIGIN);
    history.replaceState(null, '', '/desk/?name=Bo');
    await findEntrance(ORIGIN);
    const [first, second] = fetch.mock.calls.map(([, init]): unknown => JSON.parse(init.body));
    expect(first).toEqual({});
    expect(second).toEqual({ name: 'Bo', id: expect.stringMatching(/^demo-[0-9a-f]{8}$/) });
  });

  test('server without it asks for a token', async () => {
    answering(404);
    expect(await findEntrance(ORIGIN)).toBeUndefined();
  });
});
