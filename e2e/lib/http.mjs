import { request } from 'node:http';

/** One HTTP request with exactly these headers; resolves with `{status, headers, body, json}`. */
export function ask(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers });
    const take = async response => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) {
        text += piece;
      }
      resolve({ status: response.statusCode, headers: response.headers, body: text, json: parsed(text) });
    };
    sent.on('response', response => take(response).catch(reject));
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, body: '' });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The headers of a WebSocket upgrade. */
export const UPGRADE = {
  'connection': 'Upgrade',
  'upgrade': 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
