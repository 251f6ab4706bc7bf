import { CachedToken, expiryFrom, type Grant, HttpError, postJson, Refused } from '@stompline/client';
import type { Memory } from './memory.ts';

/** The token of this device. The same secret is the same visitor for as long as the device keeps it. */
export function deviceToken(origin: string, memory: Memory): CachedToken {
  return new CachedToken(async (): Promise<Grant> => {
    const deviceSecret = memory.recall('device-secret');
    const answer = await ask(`${origin}/api/v1/widget/session`, deviceSecret);
    if (typeof answer.deviceSecret === 'string') {
      memory.remember('device-secret', answer.deviceSecret);
    }
    if (typeof answer.token !== 'string') {
      throw new Error('the session answer has no token');
    }
    return { token: answer.token, expiresAt: expiryFrom(answer.expiresAt) };
  });
}

/** A secret that this server never gave out, left by another one at this address, must not lock the visitor out. */
async function ask(url: string, deviceSecret: string | undefined): Promise<Record<string, unknown>> {
  try {
    return await postJson(url, { ...(deviceSecret !== undefined && { deviceSecret }) });
  } catch (error) {
    if (error instanceof HttpError && error.status === 400 && deviceSecret !== undefined) {
      return ask(url, undefined);
    }
    throw error instanceof Refused ? new Refused(error.message, 'guest') : error;
  }
}
