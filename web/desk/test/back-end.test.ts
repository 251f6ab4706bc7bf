// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from 'vitest';
import { enterThrough, findBackEnd, untilAnswered } from '../src/back-end.ts';

afterEach(() => vi.unstubAllGlobals());

function answering(body: string, status = 200): void {
  vi.stubGlobal('fetch', async () => new Response(status === 204 ? null : body, { status }));
}

test('server says where its agents sign in', async () => {
  answering('{"tokenUrl":"/token","signInUrl":"/sign-in"}');
  expect(await findBackEnd('http://host.test')).toEqual({ tokenUrl: '/token', signInUrl: '/sign-in' });
  answering('{"tokenUrl":"/token","signInUrl":null}');
  expect(await findBackEnd('http://host.test')).toEqual({ tokenUrl: '/token', signInUrl: undefined });
  answering('{"tokenUrl":null,"signInUrl":null}');
  expect(await findBackEnd('http://host.test')).toBeUndefined();
});

test('settings that cannot be had are not taken for none', async () => {
  answering('', 503);
  await expect(findBackEnd('http://host.test')).rejects.toThrow('503');
});

test('agent has an outbox of their own', async () => {
  const token = `e30.${btoa('{"sub":"lin"}')}.c2ln`;
  answering(JSON.stringify({ token }));
  const entrance = await enterThrough({ tokenUrl: '/token', signInUrl: undefined });
  expect(entrance).toMatchObject({ owner: 'agent:lin', isOwnToken: false });
  expect(await entrance?.tokens.token(false)).toBe(token);
  answering('', 204);
  expect(await enterThrough({ tokenUrl: '/token', signInUrl: undefined })).toBeUndefined();
});

test('what does not answer is asked again, and more rarely', async () => {
  vi.useFakeTimers();
  const ask = vi.fn(async () => 'here').mockRejectedValueOnce(new Error()).mockRejectedValueOnce(new Error());
  const failed = vi.fn();
  const answer = untilAnswered(ask, failed);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await answer).toBe('here');
  expect(failed).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});
