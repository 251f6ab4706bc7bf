/**
 * Starts the shop on http://127.0.0.1:8081. `CHAT` is where Stompline is, `STOMPLINE_AUTH__SECRETS` the secret shared with it.
 */
import { createSite } from './site.mjs';

const secret = process.env.STOMPLINE_AUTH__SECRETS;
if (!secret) {
  console.error('STOMPLINE_AUTH__SECRETS is not set: see README.md');
  process.exit(2);
}
const chat = process.env.CHAT ?? 'http://127.0.0.1:8080';
const port = Number(process.env.PORT ?? 8081);
const site = createSite({ chat, secret }).listen(port, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${site.address().port}`;
  console.log(`customers: ${url}/   staff: ${url}/staff`);
});
