// The least that a STOMP server over WebSocket does: CONNECT, SUBSCRIBE, UNSUBSCRIBE, SEND, DISCONNECT and receipts. No login is checked, nothing is limited, and
// a MESSAGE's shared part is made once for all subscribers. What it costs is what Node and `ws` cost.
//
//   node server.mjs [PORT]

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** Subscriptions by destination: Map<destination, Map<session, id>>. */
const topics = new Map();
let sessions = 0;

const http = createServer((_request, response) => response.writeHead(404).end());
const server = new WebSocketServer({ server: http, perMessageDeflate: false, handleProtocols: offered => (offered.has('v12.stomp') ? 'v12.stomp' : false) });

server.on('connection', (socket, request) => {
  request.socket.setNoDelay(true);
  const session = { socket, name: `s${(sessions += 1)}`, messages: 0, subscriptions: new Map() };
  socket.on('message', data => read(session, data.toString('utf8')));
  socket.on('close', () => leave(session));
  socket.on('error', () => socket.terminate());
});

http.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
process.on('SIGTERM', () => process.exit(0));

/** Handles each frame of a message. Bodies are text without NUL. */
function read(session, text) {
  let at = 0;
  while (at < text.length) {
    if (text[at] === '\n') {
      at += 1;
      continue;
    }
    const end = text.indexOf('\0', at);
    if (end < 0) return session.socket.close(1002, 'a frame without an end');
    handle(session, parse(text.slice(at, end)));
    at = end + 1;
  }
}

function parse(text) {
  const blank = text.indexOf('\n\n');
  const [command, ...lines] = text.slice(0, blank).split('\n');
  const headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1));
  }
  return { command, headers, body: text.slice(blank + 2) };
}

function handle(session, { command, headers, body }) {
  switch (command) {
    case 'CONNECT':
    case 'STOMP':
      // What the client asks to hear is what it gets; its own beats are not watched.
      beat(session, Number((headers.get('heart-beat') ?? '0,0').split(',')[1]));
      return session.socket.send(`CONNECTED\nversion:1.2\nheart-beat:20000,0\nsession:${session.name}\n\n\0`);
    case 'SUBSCRIBE':
      subscribe(session, headers.get('id'), headers.get('destination'));
      break;
    case 'UNSUBSCRIBE':
      unsubscribe(session, headers.get('id'));
      break;
    case 'SEND':
      publish(headers.get('destination'), headers.get('content-type'), body);
      break;
    case 'DISCONNECT':
      receipt(session, headers);
      return session.socket.close(1000);
    default:
      session.socket.send(`ERROR\nmessage:unknown command\n\n\0`);
      return session.socket.close(1002);
  }
  receipt(session, headers);
}

function beat(session, wanted) {
  if (wanted > 0) session.timer = setInterval(() => session.socket.send('\n'), Math.max(20_000, wanted));
}

function receipt(session, headers) {
  const id = headers.get('receipt');
  if (id !== undefined) session.socket.send(`RECEIPT\nreceipt-id:${id}\n\n\0`);
}

function subscribe(session, id, destination) {
  session.subscriptions.set(id, destination);
  let members = topics.get(destination);
  if (members === undefined) topics.set(destination, (members = new Map()));
  members.set(session, id);
}

function unsubscribe(session, id) {
  const destination = session.subscriptions.get(id);
  const members = topics.get(destination);
  session.subscriptions.delete(id);
  members?.delete(session);
  if (members?.size === 0) topics.delete(destination);
}

function publish(destination, type, body) {
  const members = topics.get(destination);
  if (members === undefined) return;
  const kind = type === undefined ? '' : `content-type:${type}\n`;
  const tail = `destination:${destination}\n${kind}content-length:${Buffer.byteLength(body)}\n\n${body}\0`;
  for (const [session, id] of members) {
    session.messages += 1;
    session.socket.send(`MESSAGE\nsubscription:${id}\nmessage-id:${session.name}-${session.messages}\n${tail}`);
  }
}

function leave(session) {
  clearInterval(session.timer);
  for (const id of [...session.subscriptions.keys()]) unsubscribe(session, id);
}
