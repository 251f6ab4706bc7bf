import WebSocket from 'ws';
import { Inbox, within, withResolvers } from './inbox.mjs';

/** The server's refusal of an upgrade. */
export class Refused extends Error {
  constructor(status, headers, body) {
    super(`HTTP ${status}: ${body}`);
    Object.assign(this, { status, headers, body });
  }

  get json() {
    return JSON.parse(this.body);
  }
}

/** STOMP by hand over one WebSocket: sends what it is told, however wrong. */
export class Wire {
  frames = new Inbox('frames');
  beats = new Inbox('heart-beats');
  /** Resolves with `{code, reason}`. */
  closed;
  socket;

  /** Opens a WebSocket, or rejects with {@link Refused}. */
  static async open(url, { protocols = [], ...options } = {}) {
    const wire = new Wire();
    const { promise, resolve, reject } = withResolvers();
    const socket = new WebSocket(url, protocols, { ...options, perMessageDeflate: false });
    wire.socket = socket;
    const closed = withResolvers();
    wire.closed = closed.promise;
    socket.on('open', () => resolve(wire));
    socket.on('error', reject);
    socket.on('unexpected-response', async (_, response) => {
      let body = '';
      for await (const piece of response) {
        body += piece;
      }
      reject(new Refused(response.statusCode, response.headers, body));
    });
    socket.on('message', (bytes, isBinary) => wire.#take(bytes, isBinary));
    socket.on('close', (code, reason) => closed.resolve({ code, reason: String(reason) }));
    return within(promise, `no WebSocket to ${url}`);
  }

  /** Opens a WebSocket and a STOMP session; `headers` are those of CONNECT. */
  static async session(url, headers = {}, options = {}) {
    const wire = await Wire.open(url, options);
    wire.send(frame('CONNECT', { 'accept-version': '1.2', 'host': 'x', ...headers }));
    wire.connected = await wire.frames.find({ command: 'CONNECTED' });
    return wire;
  }

  #take(bytes, isBinary) {
    const text = bytes.toString('utf8');
    if (/^(\r?\n)+$/.test(text)) {
      this.beats.add({ at: performance.now() });
    } else {
      this.frames.add({ ...parsed(bytes), isBinary });
    }
  }

  /** Sends a text message, or with a Buffer a binary one. */
  send(data) {
    this.socket.send(data);
  }

  /** Sends a frame. */
  frame(command, headers, body) {
    this.send(frame(command, headers, body));
  }

  /** The frame with that command, now or later. */
  get(command, fields = {}) {
    const names = Object.entries(fields);
    return this.frames.find(found => found.command === command && names.every(([name, value]) => found.headers[name] === value));
  }

  receipt(id) {
    return this.get('RECEIPT', { 'receipt-id': id });
  }

  /** The close code and reason of the server. */
  end() {
    return within(this.closed, 'the server does not close');
  }

  /** Leaves without a word. */
  drop() {
    this.socket.terminate();
  }
}

/** A frame as text; header values are sent as they are. */
export function frame(command, headers = {}, body = '') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join('')}\n${body}\0`;
}

function parsed(bytes) {
  const end = bytes.indexOf('\n\n');
  const [command, ...lines] = bytes.subarray(0, end).toString('utf8').split('\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon)] ??= unescaped(line.slice(colon + 1));
  }
  const length = Number(headers['content-length'] ?? bytes.length - end - 3);
  const body = bytes.subarray(end + 2, end + 2 + length).toString('utf8');
  return { command, headers, body, json: asJson(body) };
}

function unescaped(value) {
  return value.replace(/\\([rnc\\])/g, (_, letter) => ({ r: '\r', n: '\n', c: ':', '\\': '\\' })[letter]);
}

function asJson(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
