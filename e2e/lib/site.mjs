import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSite } from '../../examples/site/site.mjs';
import { Server } from './server.mjs';

const SECRET = 'a secret of thirty-two characters';

/**
 * The site of examples/site on a free port, and the server whose widget it shows. By name it is another site than the server,
 * and playwright's browsers deny storage to the frames of others, as private windows do; by number it has another port only.
 */
export class Site {
  server;
  /** `http://localhost:PORT` */
  byName;
  /** `http://127.0.0.1:PORT` */
  byNumber;

  /** @param {{ settings?: object, secret?: string, lifetimeS?: number, ownPage?: (chat: string) => string }} form a page at `/own` */
  static async for(t, { settings = {}, secret = SECRET, lifetimeS, ownPage } = {}) {
    const site = new Site();
    const own = { chat: '', secret, lifetimeS };
    const example = createSite(own);
    const http = createServer((request, response) => {
      if (request.url === '/own' && ownPage !== undefined) {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end(ownPage(own.chat));
      } else {
        example.emit('request', request, response);
      }
    }).listen(0, '127.0.0.1');
    t.after(() => {
      http.close();
      http.closeAllConnections();
    });
    await once(http, 'listening');
    const { port } = http.address();
    site.byName = `http://localhost:${port}`;
    site.byNumber = `http://127.0.0.1:${port}`;
    const variables = {
      STOMPLINE_AUTH__SECRETS: SECRET,
      STOMPLINE_API__GUESTS: 'true',
      STOMPLINE_WIDGET__ORIGINS: `${site.byName}, ${site.byNumber}`,
      STOMPLINE_DESK__TOKEN_URL: `${site.byNumber}/agent-token`,
      STOMPLINE_DESK__SIGN_IN_URL: `${site.byNumber}/staff`,
    };
    site.server = await Server.for(t, { ...variables, ...settings }, { isDemo: false });
    own.chat = site.server.url;
    return site;
  }
}
