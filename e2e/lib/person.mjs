import { Client } from '@stomp/stompjs';
import WebSocket from 'ws';
import { Inbox, within, withResolvers } from './inbox.mjs';

// The client library looks for the browser's WebSocket.
globalThis.WebSocket = WebSocket;

const ENDPOINT = { customer: '/ws/chat', agent: '/ws/agent' };
const QUEUES = ['messages', 'acks', 'sync', 'signals', 'errors'];

/** A customer or an agent who uses @stomp/stompjs, listens to all their queues, and keeps what comes. */
export class Person {
  messages = new Inbox('/user/queue/messages');
  acks = new Inbox('/user/queue/acks');
  sync = new Inbox('/user/queue/sync');
  signals = new Inbox('/user/queue/signals');
  errors = new Inbox('/user/queue/errors');
  /** `{code, reason}` of each connection that ended. */
  closes = new Inbox('closed connections');
  /** The CONNECTED frames. */
  connects = new Inbox('CONNECTED frames');
  /** ERROR frames. */
  faults = new Inbox('ERROR frames');
  client;
  #receipts = 0;

  /** Connects and subscribes; resolves when the server has confirmed the subscriptions. */
  static async connect(server, id, type = 'customer', { queues = QUEUES, url, ...options } = {}) {
    const person = new Person();
    person.client = new Client({
      brokerURL: url ?? server.ws(ENDPOINT[type], server.token(id, type)),
      reconnectDelay: 0,
      ...options,
      onConnect: frame => {
        const wanted = queues.map(queue => person.listen(`/user/queue/${queue}`, person[queue]));
        Promise.all(wanted).then(() => person.connects.add(frame));
      },
      onStompError: frame => person.faults.add({ headers: frame.headers, body: frame.body }),
      onWebSocketClose: ({ code, reason }) => person.closes.add({ code, reason }),
    });
    person.client.activate();
    await person.connects.find(() => true);
    return person;
  }

  /** Subscribes; resolves with the inbox once the server has confirmed. */
  async listen(destination, inbox = new Inbox(destination), headers = {}) {
    const receipt = this.#receipt();
    const take = message => inbox.add({ ...JSON.parse(message.body), headers: message.headers });
    this.client.subscribe(destination, take, { ...headers, receipt: receipt.id });
    await receipt.came;
    return inbox;
  }

  /** The one answer to SUBSCRIBE of an application destination. */
  async ask(destination) {
    const inbox = await this.listen(destination);
    return inbox.find(() => true);
  }

  /** Sends JSON, waits for nothing. */
  tell(destination, body, headers = {}) {
    this.client.publish({ destination, body: JSON.stringify(body), headers });
  }

  /** Sends JSON and waits for its RECEIPT. */
  async do(destination, body) {
    const receipt = this.#receipt();
    this.tell(destination, body, { receipt: receipt.id });
    await receipt.came;
    return receipt.id;
  }

  /** Sends a chat command with a receipt; resolves with its ack, refused or not. */
  async command(destination, body) {
    const id = this.#receiptId();
    this.tell(destination, body, { receipt: id });
    return this.acks.find({ receipt: id });
  }

  say(text, more = {}) {
    return this.command('/app/send', { text, ...more });
  }

  /** Puts a question to /app/sync or /app/history; resolves with the page. */
  async question(destination, body) {
    const id = this.#receiptId();
    this.tell(destination, body, { receipt: id });
    return this.sync.find({ receipt: id });
  }

  /** All messages of a conversation, page by page. */
  async history(conversationId) {
    const messages = [];
    for (let more = true; more; ) {
      const page = await this.question('/app/history', { conversationId, after: messages.at(-1)?.seq ?? 0, limit: 100 });
      messages.push(...page.messages);
      more = page.more;
    }
    return messages;
  }

  async leave() {
    await within(this.client.deactivate(), 'deactivate');
  }

  #receiptId() {
    return `r-${++this.#receipts}`;
  }

  #receipt() {
    const id = this.#receiptId();
    const { promise, resolve } = withResolvers();
    this.client.watchForReceipt(id, resolve);
    return { id, came: within(promise, `receipt ${id}`) };
  }
}
