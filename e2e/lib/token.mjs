import { createHmac } from 'node:crypto';

const HOUR_S = 3600;

/** A JSON Web Token of these claims, signed with HS256, good for an hour unless `claims` say otherwise. */
export function signed(claims, secret) {
  const now = Math.floor(Date.now() / 1000);
  const head = part({ alg: 'HS256', typ: 'JWT' });
  const body = part({ iat: now, exp: now + HOUR_S, ...claims });
  const signature = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url');
  return `${head}.${body}.${signature}`;
}

/** A token that claims to need no signature. */
export function unsigned(claims) {
  const exp = Math.floor(Date.now() / 1000) + HOUR_S;
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ exp, ...claims })}.`;
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
