import { CachedToken, expiryFrom, type Grant, postJson } from '@stompline/client';
import { recall, remember } from './memory.ts';

/** The token of this device. The same secret is the same visitor for as long as the device keeps it. */
export function deviceToken(origin: string): CachedToken {
  return new CachedToken(async (): Promise<Grant> => {
    const deviceSecret = recall('device-secret');
    const answer = await postJson(`${origin}/api/v1/widget/session`, deviceSecret === undefined ? {} : { deviceSecret });
    if (typeof answer.deviceSecret === 'string') {
      remember('device-secret', answer.deviceSecret);
    }
    if (typeof answer.token !== 'string') {
      throw new Error('the session answer has no token');
    }
    return { token: answer.token, expiresAt: expiryFrom(answer.expiresAt) };
  });
}
