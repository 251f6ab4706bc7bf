import { Client } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { Inbox, within, withResolvers } from './inbox.mjs';
import { Person } from './person.mjs';

/** What sockjs-client can do in Node, by its own names. */
export const NODE_TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];

/** Text that badly made transports mangle: escapes of every layer, line ends, control characters, halves and pairs of surrogates. */
export const NASTY = '%41 100% %u0041 &lt;b> </script><!-- \\u0041 \\ " \' \r\n\t\u0000\u0001\u001f\u007f\u00ad\u2028\u2029\ufeff\uffff 中文 😀 é';

/** A SockJS of one transport. */
export function sockjs(url, transports, more = {}) {
  return new SockJS(url, null, { transports: [transports].flat(), ...more });
}

/** Somebody who talks over these SockJS transports; `base` is where the endpoint is reached, if not at the server itself. */
export function connectOver(transports, server, id, type = 'customer', { base = server.url, token = server.token(id, type), ...options } = {}) {
  const path = type === 'agent' ? '/ws/agent' : '/ws/chat';
  return Person.connect(server, id, type, { ...options, webSocketFactory: () => sockjs(`${base}${path}?token=${token}`, transports) });
}

/** What the SockJS underneath really uses. */
export function transportOf(person) {
  return person.client.webSocket.transport;
}

/** Sends `count` messages with receipts as fast as the library takes them; resolves when all have come back, and says in which order. */
export async function flood(person, count, ms = 60_000) {
  const [texts, seqs, receipts] = [[], [], []];
  const { promise: all, resolve } = withResolvers();
  const look = () => texts.length >= count && receipts.length >= count && resolve();
  // Its own subscription, because an inbox looks at all it has whenever something comes.
  person.client.subscribe('/user/queue/messages', ({ body }) => {
    const { event, text, seq } = JSON.parse(body);
    if (event === 'message.created') {
      texts.push(text);
      seqs.push(seq);
      look();
    }
  });
  for (let n = 0; n < count; n += 1) {
    person.client.watchForReceipt(`flood-${n}`, () => {
      receipts.push(n);
      look();
    });
    person.tell('/app/send', { text: `n${n} %41 😀`, clientId: `n${n}` }, { receipt: `flood-${n}` });
  }
  await within(all, `flood of ${count}`, ms).catch(error => {
    throw new Error(`${error.message}: ${texts.length} messages, ${receipts.length} receipts, ${JSON.stringify(person.closes.items)}`);
  });
  return { texts, seqs, receipts };
}

/** A client that is only watched: how often it opened, and how it was closed. */
export function watch(factory, options = {}) {
  const events = new Inbox('events');
  const client = new Client({
    webSocketFactory: factory,
    reconnectDelay: 0,
    onConnect: () => events.add({ kind: 'connected' }),
    onStompError: ({ headers }) => events.add({ kind: 'error', code: headers.code }),
    onWebSocketClose: ({ code, reason }) => events.add({ kind: 'closed', code, reason }),
    ...options,
  });
  client.activate();
  return { client, events };
}
