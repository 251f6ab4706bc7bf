import { createHmac } from 'node:crypto';

/** Short, because a token cannot be taken back; the widget and the desk come for the next one by themselves. */
const LIFETIME_S = 600;

/**
 * A JSON Web Token for somebody whom this back end knows, signed with the secret that it shares with Stompline.
 *
 * @param {{ id: string, name: string, type: 'customer' | 'agent' }} user
 */
export function tokenFor({ id, name, type }, secret, lifetimeS = LIFETIME_S) {
  const now = Math.floor(Date.now() / 1000);
  const head = part({ alg: 'HS256', typ: 'JWT' });
  const claims = part({ sub: id, userType: type, name, iat: now, exp: now + lifetimeS });
  const signature = createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url');
  return `${head}.${claims}.${signature}`;
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
