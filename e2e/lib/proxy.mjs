import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { connect, createServer as createTcpServer } from 'node:net';

/** An HTTP server on a free port that ends with the test `t`. */
async function serve(t, handle, upgrade) {
  const server = createServer(handle);
  if (upgrade !== undefined) {
    server.on('upgrade', upgrade);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** Passes a request on; `answer` gets both responses. */
function forward(port, incoming, outgoing, answer) {
  const { method, url, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, response => answer(response, outgoing));
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

/** Passes the bytes of an upgraded connection both ways. */
function tunnel(port, incoming, socket, head) {
  const onward = connect(port, '127.0.0.1', () => {
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let n = 0; n < incoming.rawHeaders.length; n += 2) {
      lines.push(`${incoming.rawHeaders[n]}: ${incoming.rawHeaders[n + 1]}`);
    }
    onward.write(`${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    onward.pipe(socket);
    socket.pipe(onward);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
}

/**
 * A proxy that lets everything through and remembers what was asked, `{method, path}`. It answers for `files` (path to text) itself,
 * so that pages can have the server's origin without being the server's.
 */
export async function counting(t, port, files = {}) {
  const requests = [];
  const note = ({ method, url }) => requests.push({ method, path: url.split('?')[0] });
  const url = await serve(
    t,
    (incoming, outgoing) => {
      note(incoming);
      const file = files[incoming.url];
      if (file !== undefined) {
        const type = incoming.url.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
        outgoing.writeHead(200, { 'content-type': type }).end(file);
        return;
      }
      forward(port, incoming, outgoing, (response, out) => {
        out.writeHead(response.statusCode, response.headers);
        response.pipe(out);
      });
    },
    (incoming, socket, head) => {
      note(incoming);
      tunnel(port, incoming, socket, head);
    },
  );
  return { url, requests };
}

/** A proxy of the worst kind: it knows no WebSocket and hands a response on only when it is whole. */
export async function buffering(t, port) {
  return serve(t, (incoming, outgoing) => {
    forward(port, incoming, outgoing, async (response, out) => {
      try {
        const pieces = await response.toArray();
        const { 'transfer-encoding': _, ...headers } = response.headers;
        out.writeHead(response.statusCode, headers);
        out.end(Buffer.concat(pieces));
      } catch {
        out.destroy();
      }
    });
  });
}

/**
 * Sends each request to another port than the last of its kind, if that accepts it: the load balancer that a session of several requests
 * should fear most.
 * `requests` tells what went where, `{path, port}`; responses of a node that dies end with their connection.
 */
export async function scattering(t, ports) {
  const requests = [];
  const turns = new Map();
  const url = await serve(t, async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray().catch(() => []));
    const { method, url: path, headers } = incoming;
    const kind = path.split('?')[0].split('/').at(-1);
    const pass = left => {
      const turn = turns.get(kind) ?? 0;
      turns.set(kind, turn + 1);
      const port = ports[turn % ports.length];
      const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, response => {
        outgoing.writeHead(response.statusCode, response.headers);
        response.on('error', () => outgoing.destroy());
        response.pipe(outgoing);
      });
      requests.push({ path: path.split('?')[0], port });
      onward.on('error', ({ code }) => (code === 'ECONNREFUSED' && left > 0 ? pass(left - 1) : outgoing.destroy()));
      outgoing.on('close', () => onward.destroy());
      onward.end(body);
    };
    pass(ports.length - 1);
  });
  return { url, requests };
}

/** A port that was free a moment ago; only programs that cannot choose one themselves need it. */
export async function freePort() {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Gives each new connection to the next of the ports that accepts it, and passes bytes both ways: a load balancer without a memory. */
export async function roundRobin(t, ports) {
  let turn = 0;
  const open = new Set();
  const server = createTcpServer(client => {
    const dial = left => {
      const onward = connect(ports[turn++ % ports.length], '127.0.0.1');
      onward.once('connect', () => {
        open.add(client).add(onward);
        client.pipe(onward).pipe(client);
      });
      onward.once('error', () => (onward.connecting && left > 0 ? dial(left - 1) : client.destroy()));
      onward.once('close', () => (left > 0 && !open.has(onward) ? undefined : client.destroy()));
      client.once('close', () => onward.destroy());
    };
    client.on('error', () => client.destroy());
    dial(ports.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    open.forEach(socket => socket.destroy());
    server.close();
  });
  return server.address().port;
}
