import { describe, expect, test, vi } from 'vitest';
import { CachedToken, claimsOf, expiryFrom, FixedToken, postJson, Refused } from '../src/token.ts';

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
