import { describe, expect, test, vi } from 'vitest';
import { CachedToken, claimsOf, expiryFrom, fetchToken, FixedToken, HttpError, postJson, Refused, UserToken } from '../src/token.ts';

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

describe('cached token', () => {
  function source(now: { value: number }) {
    let grants = 0;
    const fetchGrant = vi.fn(async () => {
      grants += 1;
      return { token: `t${grants}`, expiresAt: now.value + 600_000 };
    });
    return { tokens: new CachedToken(fetchGrant, () => now.value), fetchGrant };
  }

  test('is used until a minute before its end', async () => {
    const now = { value: 0 };
    const { tokens } = source(now);
    expect(await tokens.token(false)).toBe('t1');
    now.value = 539_999;
    expect(await tokens.token(false)).toBe('t1');
    now.value = 540_000;
    expect(await tokens.token(false)).toBe('t2');
  });

  test('is renewed when it was turned down', async () => {
    const { tokens } = source({ value: 0 });
    await tokens.token(false);
    expect(await tokens.token(true)).toBe('t2');
  });

  test('is fetched once for several who ask', async () => {
    const { tokens, fetchGrant } = source({ value: 0 });
    await Promise.all([tokens.token(false), tokens.token(false)]);
    expect(fetchGrant).toHaveBeenCalledTimes(1);
  });
});

describe('fixed token', () => {
  test('is refused once it has expired or was turned down', async () => {
    const tokens = new FixedToken(jwt({ exp: 100 }), () => 99_999);
    expect(await tokens.token(false)).toContain('e30.');
    await expect(tokens.token(true)).rejects.toBeInstanceOf(Refused);
    await expect(new FixedToken(jwt({ exp: 100 }), () => 100_000).token(false)).rejects.toBeInstanceOf(Refused);
  });

  test('without an expiry is left to the server', async () => {
    expect(await new FixedToken('opaque').token(false)).toBe('opaque');
  });
});

test('claims are read as UTF-8 and never trusted to be there', () => {
  expect(claimsOf(jwt({ sub: 'a1', name: '王小明' }))).toEqual({ sub: 'a1', name: '王小明' });
  expect(claimsOf('no.token')).toEqual({});
});

test('expiry is read in all the ways it is written', () => {
  expect(expiryFrom('2026-11-22T09:30:12.000Z')).toBe(Date.parse('2026-11-22T09:30:12Z'));
  expect(expiryFrom(1_795_339_812)).toBe(1_795_339_812_000);
  expect(expiryFrom(1_795_339_812_000)).toBe(1_795_339_812_000);
  expect(expiryFrom('soon', 5)).toBe(300_005);
});

describe('post', () => {
  test.each([401, 403])('%d is a refusal', async status => {
    vi.stubGlobal('fetch', async () => new Response('{}', { status }));
    await expect(postJson('http://host.test/x', {})).rejects.toBeInstanceOf(Refused);
  });

  test('other failures may pass', async () => {
    vi.stubGlobal('fetch', async () => new Response('{}', { status: 503 }));
    await expect(postJson('http://host.test/x', {})).rejects.not.toBeInstanceOf(Refused);
  });
});

describe('token of a user', () => {
  const anna = jwt({ sub: 'anna', exp: 1_000 });

  test('is the first one until it ends, and the next one afterwards', async () => {
    const next = jwt({ sub: 'anna', exp: 2_000 });
    const ask = vi.fn(async () => next);
    const tokens = new UserToken(anna, ask, () => 0);
    expect(tokens.user).toBe('anna');
    expect(await tokens.token(false)).toBe(anna);
    expect(ask).not.toHaveBeenCalled();
    expect(await tokens.token(true)).toBe(next);
    expect(await tokens.token(false)).toBe(next);
  });

  test.each([
    ['nobody is signed in', undefined, 'token'],
    ['somebody else is', jwt({ sub: 'wei' }), 'changed'],
  ])('is refused when %s', async (_, answer, reason) => {
    const tokens = new UserToken(anna, async () => answer, () => 0);
    await tokens.token(false);
    await expect(tokens.token(true)).rejects.toMatchObject({ name: 'Refused', reason });
    await expect(tokens.token(true)).rejects.toMatchObject({ reason });
  });

  test('that cannot be had now may be had later', async () => {
    const ask = vi.fn(async () => anna).mockRejectedValueOnce(new HttpError('http://host.test', 503));
    const tokens = new UserToken(anna, ask, () => 0);
    await tokens.token(false);
    await expect(tokens.token(true)).rejects.not.toBeInstanceOf(Refused);
    expect(await tokens.token(true)).toBe(anna);
  });
});

describe('back end that knows who is signed in', () => {
  const answering = (answer: () => Response): void => void vi.stubGlobal('fetch', async () => answer());

  test('gives a token', async () => {
    answering(() => new Response('{"token":"t"}'));
    expect(await fetchToken('/token')).toBe('t');
  });

  test.each([204, 401, 403])('says with %d that nobody is', async status => {
    answering(() => new Response(status === 204 ? null : '{}', { status }));
    expect(await fetchToken('/token')).toBeUndefined();
  });

  test('says by a redirect that nobody is', async () => {
    answering(() => Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' }));
    expect(await fetchToken('/token')).toBeUndefined();
  });

  test.each(['{}', '{"token":7}', 'null', '<!doctype html>'])('has failed if it answers %s', async body => {
    answering(() => new Response(body));
    await expect(fetchToken('/token')).rejects.toThrow();
  });

  test('has failed if it answers 500', async () => {
    answering(() => new Response('{}', { status: 500 }));
    await expect(fetchToken('/token')).rejects.toBeInstanceOf(HttpError);
  });
});
