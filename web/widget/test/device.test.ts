// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from 'vitest';
import { deviceToken } from '../src/device.ts';
import { Memory } from '../src/memory.ts';

const memory = new Memory();

const GRANT = { token: 't', expiresAt: '2126-01-01T00:00:00Z', userId: 'cus_1', deviceSecret: 'secret' };

beforeEach(() => localStorage.clear());

function answering(answer: (body: Record<string, unknown>) => Response): string[] {
  const bodies: string[] = [];
  vi.stubGlobal('fetch', async (_url: string, init: { body: string }) => {
    bodies.push(init.body);
    return answer(JSON.parse(init.body));
  });
  return bodies;
}

test('secret of the first visit is shown on the next', async () => {
  const bodies = answering(() => new Response(JSON.stringify(GRANT)));
  expect(await deviceToken('http://host.test', memory).token(false)).toBe('t');
  await deviceToken('http://host.test', memory).token(false);
  expect(bodies).toEqual(['{}', '{"deviceSecret":"secret"}']);
});

test('secret of another server is given up', async () => {
  memory.remember('device-secret', 'foreign');
  answering(({ deviceSecret }) => new Response(JSON.stringify(GRANT), { status: deviceSecret === undefined ? 200 : 400 }));
  expect(await deviceToken('http://host.test', memory).token(false)).toBe('t');
  expect(memory.recall('device-secret')).toBe('secret');
});

test('secret survives a failure that may pass', async () => {
  memory.remember('device-secret', 'mine');
  answering(() => new Response('{}', { status: 503 }));
  await expect(deviceToken('http://host.test', memory).token(false)).rejects.toThrow('503');
  expect(memory.recall('device-secret')).toBe('mine');
});

test('server without guests is a refusal of its own', async () => {
  answering(() => new Response('{}', { status: 403 }));
  await expect(deviceToken('http://host.test', memory).token(false)).rejects.toMatchObject({ name: 'Refused', reason: 'guest' });
});
