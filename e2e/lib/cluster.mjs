import { Postgres } from './postgres.mjs';
import { Redis } from './redis.mjs';
import { Server } from './server.mjs';

const SECRET = 'a secret that both nodes of these tests share';
export const KEY = 'a-key-of-the-back-end';

/** Two nodes that share Redis and PostgreSQL. Nothing gives up because the machine stands still for a moment. */
export async function cluster(t, more = {}) {
  const [redis, postgres] = await Promise.all([Redis.for(t), Postgres.for(t)]);
  const settings = {
    ...postgres.settings,
    STOMPLINE_REDIS__URL: redis.url,
    STOMPLINE_REDIS__DEADLINE_MS: '5000',
    STOMPLINE_AUTH__SECRETS: SECRET,
    STOMPLINE_API__KEYS: KEY,
    STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0',
    STOMPLINE_CHAT__RATE__AGENT_PER_S: '0',
    STOMPLINE_CHAT__HOLD_MS: '60000',
    ...more,
  };
  return Promise.all([Server.for(t, settings), Server.for(t, settings)]);
}
