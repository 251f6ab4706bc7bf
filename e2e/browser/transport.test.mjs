import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { counting } from '../lib/proxy.mjs';
import { Server } from '../lib/server.mjs';
import { NASTY } from '../lib/transport.mjs';

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'iframe-eventsource', 'htmlfile', 'iframe-htmlfile', 'xhr-polling', 'iframe-xhr-polling', 'jsonp-polling'];
/** Those that a page of another origin can use. */
const ACROSS = TRANSPORTS.filter(name => name !== 'htmlfile');
const SENDS = 10_000;

const library = name => readFile(new URL(`../node_modules/${name}`, import.meta.url), 'utf8');

let browser, server, files;
before(async () => {
  browser = await launch();
  server = await Server.start({ STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '0' });
  files = {
    // The empty icon keeps the browser from asking for one of its own accord, at a moment of its choosing.
    '/page/': '<!doctype html><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,"><body><script src="/page/sockjs.js"></script><script src="/page/stomp.js"></script>',
    '/page/sockjs.js': await library('sockjs-client/dist/sockjs.min.js'),
    '/page/stomp.js': await library('@stomp/stompjs/bundles/stomp.umd.min.js'),
  };
});
after(() => Promise.all([browser.close(), server.stop()]));

/**
 * A page with the two libraries on it and nothing else, and the address at which it finds the server: on its own origin or on another
 * one. Both are on loopback, since browsers keep pages of the internet from talking there.
 */
async function arrive(t, { across = false } = {}) {
  const proxy = await counting(t, server.port, files);
  const visitor = await Visitor.come(t, browser);
  await visitor.open(`${proxy.url}/page/`);
  proxy.requests.length = 0;
  return { page: visitor.page, requests: proxy.requests, base: across ? server.url : proxy.url };
}

/** In the page: connects over one transport, sends, and resolves with what came. */
function talk({ url, transport, count, text }) {
  return new Promise((resolve, reject) => {
    const seen = { transport: '', receipts: [], seqs: [], text: '' };
    const client = new StompJs.Client({
      webSocketFactory: () => new SockJS(url, null, { transports: [transport], timeout: 10_000 }),
      reconnectDelay: 0,
      onWebSocketClose: ({ code, reason }) => reject(new Error(`closed: ${code} ${reason} after ${seen.receipts.length} receipts and ${seen.seqs.length} messages`)),
      onStompError: ({ headers }) => reject(new Error(headers.message)),
    });
    client.onConnect = () => {
      seen.transport = client.webSocket.transport;
      client.subscribe('/user/queue/messages', ({ body }) => {
        const message = JSON.parse(body);
        if (message.event === 'message.created') {
          seen.seqs.push(message.seq);
          seen.text ||= message.text;
          finish();
        }
      });
      for (let n = 0; n < count; n += 1) {
        const receipt = `r-${n}`;
        client.watchForReceipt(receipt, () => {
          seen.receipts.push(n);
          finish();
        });
        client.publish({ destination: '/app/send', body: JSON.stringify({ text, clientId: `c${n}` }), headers: { receipt } });
      }
    };
    const finish = () => {
      if (seen.seqs.length === count && seen.receipts.length === count) {
        client.onWebSocketClose = () => resolve(seen);
        client.deactivate();
      }
    };
    client.activate();
  });
}

async function talks({ page, base }, transport, name, count) {
  const url = `${base}/ws/chat?token=${server.token(name)}`;
  const text = NASTY.replace(/[\u0000-\u001f\u007f]/g, ' ').trim();
  const seen = await page.evaluate(talk, { url, transport, count, text });
  assert.equal(seen.transport, transport);
  const inOrder = Array.from({ length: count }, (_, n) => n);
  assert.deepEqual(seen.receipts, inOrder);
  assert.deepEqual(seen.seqs, inOrder.map(n => n + 1));
  assert.equal(seen.text, text);
}

for (const transport of TRANSPORTS) {
  test(`${transport} carries a flood both ways in order`, async t => {
    await talks(await arrive(t), transport, `own-${transport}`, SENDS);
  });
}

for (const transport of ACROSS) {
  test(`${transport} works from a page of another origin`, async t => {
    await talks(await arrive(t, { across: true }), transport, `foreign-${transport}`, 20);
  });
}

test('hidden frame fetches nothing from a foreign host', async t => {
  const place = await arrive(t);
  const asked = new Set();
  place.page.on('request', request => asked.add(new URL(request.url()).origin));
  await talks(place, 'iframe-xhr-polling', 'hosts', 1);
  assert.deepEqual([...asked], [place.base]);
});

test('refused token makes one request and no more', async t => {
  const { page, base, requests } = await arrive(t);
  const closed = await page.evaluate(
    url => new Promise(resolve => (new SockJS(url).onclose = ({ code, reason }) => resolve({ code, reason }))),
    `${base}/ws/chat?token=wrong`,
  );
  assert.equal(closed.code, 1002);
  assert.deepEqual(requests.map(({ path }) => path), ['/ws/chat/info']);
});
