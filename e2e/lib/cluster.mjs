import { Postgres } from './postgres.mjs';
import { Redis } from './redis.mjs';
import { Server } from './server.mjs';

const SECRET = 'a secret that both nodes of these tests share';
export const KEY = 'a-key-of-the-back-end';

/** Two nodes that share Redis and PostgreSQL. */
export async function cluster(t) {
  const [redis, postgres] = await Promise.all([Redis.for(t), Postgres.for(t)]);
  const settings = {
    ...postgres.settings,
    STOMPLINE_REDIS__URL: redis.url,
    // A busy machine is not a fault.
    STOMPLINE_REDIS__DEADLINE_MS: '5000',
    STOMPLINE_AUTH__SECRETS: SECRET,
    STOMPLINE_API__KEYS: KEY,
    STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0',
  };
  return Promise.all([Server.for(t, settings), Server.for(t, settings)]);
}
