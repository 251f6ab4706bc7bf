// @ts-check
/**
 * A stand-in for the server, for working on the pages: the built pages under the real content security policy, tokens,
 * and the chat in memory over plain WebSocket. Not for anything else.
 *
 *     npm run build && npm run dev        then open http://127.0.0.1:8080/
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocketServer } from 'ws';
import { ChatModel, Refusal } from './chat-model.mjs';
import { parse, write } from './frame.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'self'";
const TYPES = /** @type {Record<string, string>} */ ({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
});

/** @typedef {import('./chat-model.mjs').Person} Person */
/** @typedef {{ who: Person, socket: import('ws').WebSocket, subscriptions: Map<string, string> }} Session */

export class MockServer {
  constructor() {
    /** @type {Set<Session>} */
    this.sessions = new Set();
    /** @type {Map<string, Person>} */
    this.tokens = new Map();
    this.messageId = 0;
    this.isRefusing = false;
    this.model = new ChatModel({
      onEvent: (recipients, event) => {
        for (const session of this.sessions) {
          if (recipients.some(({ id, role }) => id === session.who.id && role === session.who.role)) {
            this.deliver(session, '/user/queue/messages', event);
          }
        }
      },
      onQueue: change => {
        for (const session of this.sessions) {
          this.deliver(session, '/topic/queue.default', change);
        }
      },
    });
    this.http = createServer((request, response) => void this.answer(request, response));
    this.sockets = new WebSocketServer({ noServer: true });
    this.http.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '/', 'http://mock');
      const who = this.tokens.get(url.searchParams.get('token') ?? '');
      const realm = url.pathname.startsWith('/ws/agent') ? 'agent' : 'customer';
      if (this.isRefusing || who?.role !== realm) {
        const status = this.isRefusing ? '503 Service Unavailable' : '401 Unauthorized';
        socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, opened => this.accept(opened, who));
    });
  }

  /** @param {number} port @returns {Promise<string>} */
  listen(port) {
    return new Promise(resolve => {
      this.http.listen(port, '127.0.0.1', () => {
        const address = this.http.address();
        resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`);
      });
    });
  }

  /** Ends every session, as a restart would. */
  dropAll() {
    for (const { socket } of this.sessions) {
      socket.terminate();
    }
  }

  /** @param {Person} who */
  grant(who) {
    const token = randomUUID();
    this.tokens.set(token, who);
    return { token, expiresAt: new Date(Date.now() + 3_600_000).toISOString(), userId: who.id, name: who.name };
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async answer(request, response) {
    const { pathname } = new URL(request.url ?? '/', 'http://mock');
    if (request.method === 'POST') {
      const body = await readJson(request);
      if (pathname === '/api/v1/widget/session') {
        const deviceSecret = body.deviceSecret ?? randomUUID();
        const id = `cus_${deviceSecret.slice(0, 8)}`;
        return json(response, { ...this.grant({ id, role: 'customer', name: body.name ?? id }), deviceSecret });
      }
      if (pathname === '/demo/agent') {
        const name = body.name ?? 'Lin';
        return json(response, this.grant({ id: body.id ?? `agt_${name.toLowerCase()}`, role: 'agent', name }));
      }
      return json(response, { code: 'not_found', message: 'no such path' }, 404);
    }
    if (pathname === '/desk/settings.json') {
      return json(response, { tokenUrl: null, signInUrl: null });
    }
    if (pathname.startsWith('/ws/')) {
      return this.isRefusing
        ? json(response, { code: 'unavailable', message: 'come back later' }, 503)
        : json(response, { websocket: true, cookie_needed: false, origins: ['*:*'], entropy: 1 });
    }
    await serveFile(pathname, response);
  }

  /** @param {import('ws').WebSocket} socket @param {Person} who */
  accept(socket, who) {
    /** @type {Session} */
    const session = { who, socket, subscriptions: new Map() };
    this.sessions.add(session);
    socket.on('close', () => this.sessions.delete(session));
    socket.on('message', data => {
      const frame = parse(data.toString());
      if (frame !== undefined) {
        this.onFrame(session, frame);
      }
    });
  }

  /** @param {Session} session @param {import('./frame.mjs').Frame} frame */
  onFrame(session, { command, headers, body }) {
    const { destination = '', receipt } = headers;
    if (command === 'CONNECT' || command === 'STOMP') {
      session.socket.send(write('CONNECTED', { version: '1.2', 'heart-beat': '20000,45000' }));
    } else if (command === 'SUBSCRIBE') {
      session.subscriptions.set(destination, headers.id ?? '');
      if (destination === '/app/bootstrap') {
        this.deliver(session, destination, this.model.bootstrap(session.who));
        session.subscriptions.delete(destination);
      }
    } else if (command === 'SEND') {
      this.onCommand(session, destination, JSON.parse(body), receipt);
    }
    if (receipt !== undefined) {
      session.socket.send(write('RECEIPT', { 'receipt-id': receipt }));
    }
  }

  /** @param {Session} session @param {string} destination @param {Record<string, any>} body @param {string} [receipt] */
  onCommand(session, destination, body, receipt) {
    const { who } = session;
    const { model } = this;
    switch (destination) {
      case '/app/sync':
        return this.deliver(session, '/user/queue/sync', { ...model.sync(who, body), receipt });
      case '/app/agent.list':
        return this.deliver(session, '/user/queue/sync', { ...model.list(who, body), receipt });
      case '/app/history':
        return this.deliver(session, '/user/queue/sync', { ...model.history(body), receipt });
      case '/app/chat.delivered':
      case '/app/chat.read':
        return model.point(who, body, destination.endsWith('read'));
      case '/app/chat.typing':
        return this.typing(who, body);
    }
    const commands = /** @type {Record<string, () => Record<string, any>>} */ ({
      '/app/send': () => model.send(who, body),
      '/app/agent.take': () => model.take(who, body),
      '/app/agent.close': () => model.close(who, body),
      '/app/chat.close': () => model.close(who, body),
    });
    try {
      this.deliver(session, '/user/queue/acks', { ...commands[destination]?.(), receipt });
    } catch (error) {
      const refusal = error instanceof Refusal ? error.body : { ok: false, code: 'internal', message: String(error) };
      this.deliver(session, '/user/queue/acks', { ...refusal, clientId: body.clientId, receipt });
    }
  }

  /** @param {Person} who @param {Record<string, any>} body */
  typing(who, { conversationId, on }) {
    const conversation = this.model.find(conversationId);
    for (const session of this.sessions) {
      const isOther = session.who.role !== who.role;
      if (isOther && [conversation.customer.id, conversation.assignee?.id].includes(session.who.id)) {
        const from = { id: who.id, role: who.role };
        this.deliver(session, '/user/queue/signals', { event: 'typing', conversationId, who: from, on, ttlMs: 6000 });
      }
    }
  }

  /** @param {Session} session @param {string} destination @param {unknown} body */
  deliver(session, destination, body) {
    const subscription = session.subscriptions.get(destination);
    if (subscription !== undefined) {
      this.messageId += 1;
      session.socket.send(
        write('MESSAGE', { destination, subscription, 'message-id': `m-${this.messageId}` }, body),
      );
    }
  }
}

/** @param {string} pathname @param {import('node:http').ServerResponse} response */
async function serveFile(pathname, response) {
  const path = normalize(pathname).replace(/\/$/, '/index.html');
  const [, first = '', ...rest] = path.split('/');
  const file = ['widget', 'desk'].includes(first)
    ? join(ROOT, first, 'dist', ...rest)
    : join(ROOT, 'landing', 'dist', path);
  try {
    const content = await readFile(file);
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
    });
    response.end(content);
  } catch {
    json(response, { code: 'not_found', message: `nothing at ${pathname}` }, 404);
  }
}

/** @param {import('node:http').IncomingMessage} request @returns {Promise<Record<string, any>>} */
async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

/** @param {import('node:http').ServerResponse} response @param {unknown} body */
function json(response, body, status = 200) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const address = await new MockServer().listen(Number(process.env.PORT ?? 8080));
  process.stdout.write(`listening on ${address}\n`);
}
