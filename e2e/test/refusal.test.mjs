import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@stomp/stompjs';
import { ask, UPGRADE } from '../lib/http.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { signed, unsigned } from '../lib/token.mjs';
import { frame, Refused, Wire } from '../lib/wire.mjs';

const ORIGIN = 'https://shop.example';

/** The same signature under another body. */
function forged(token) {
  const [head, , signature] = token.split('.');
  const [, body] = server.token('8', 'agent').split('.');
  return [head, body, signature].join('.');
}

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({
    STOMPLINE_ENDPOINTS__CHAT__ORIGINS: `${ORIGIN},https://*.shop.example`,
    STOMPLINE_CHAT__RATE__CUSTOMER_PER_S: '1',
    STOMPLINE_CHAT__RATE__CUSTOMER_BURST: '3',
    STOMPLINE_CHAT__RATE__AGENT_PER_S: '1',
    STOMPLINE_CHAT__RATE__AGENT_BURST: '5',
  });
});
after(() => server.stop());

describe('before the upgrade', () => {
  const seconds = offset => Math.floor(Date.now() / 1000) + offset;
  const tokens = {
    'no token': [() => null, 'token_missing'],
    'nonsense for a token': [() => 'nonsense', 'token_malformed'],
    'a token without signature': [() => unsigned({ sub: '7', userType: 'customer' }), 'token_unsupported_algorithm'],
    'a token with half a signature': [() => server.token('7').slice(0, -19), 'token_bad_signature'],
    'a token with a changed body': [() => forged(server.token('7')), 'token_bad_signature'],
    'a token of a foreign key': [() => signed({ sub: '7', userType: 'customer' }, 'x'.repeat(44)), 'token_bad_signature'],
    'an expired token': [() => server.token('7', 'customer', { exp: seconds(-60) }), 'token_expired'],
    'a token from the future': [() => server.token('7', 'customer', { nbf: seconds(600) }), 'token_not_yet_valid'],
    'a token without user': [() => server.token(undefined), 'token_missing_claim'],
  };
  for (const [what, [token, code]] of Object.entries(tokens)) {
    test(`${what} is 401 on every door`, async () => {
      const query = token() === null ? '' : `?token=${token()}`;
      for (const path of ['/ws/chat', '/ws/chat/websocket', '/ws/chat/000/abcdefgh/websocket']) {
        const refused = await Wire.open(server.ws(path) + query).catch(error => error);
        assert.ok(refused instanceof Refused, `${path}: ${refused}`);
        assert.equal(refused.status, 401, path);
        assert.equal(refused.json.code, code, path);
        assert.match(refused.headers['www-authenticate'], /^Bearer/);
      }
      const asked = await ask(`${server.url}/ws/chat/info${query}`, { headers: { origin: ORIGIN } });
      assert.equal(asked.status, 401);
      assert.equal(asked.json.code, code);
      assert.equal(asked.headers['access-control-allow-origin'], ORIGIN);
    });
  }

  test('secrets stay out of the log', async () => {
    const token = server.token('logged', 'customer', { exp: 1 });
    await Wire.open(server.ws('/ws/chat', token)).catch(() => undefined);
    const person = await Person.connect(server, 'logged');
    await person.leave();
    assert.doesNotMatch(server.log, /eyJ/);
    assert.ok(!server.log.includes(server.secret));
  });

  test('customer at the agents\' door is 403', async () => {
    const token = server.token('7');
    for (const path of ['/ws/agent', '/ws/agent/websocket', '/ws/agent/000/abcdefgh/websocket']) {
      const { status, json } = await ask(`${server.url}${path}?token=${token}`, { headers: UPGRADE });
      assert.equal(status, 403, path);
      assert.equal(json.code, 'wrong_user_type');
      assert.ok(json.message.length > 0);
    }
    const info = await ask(`${server.url}/ws/agent/info?token=${token}`);
    assert.equal(info.status, 403);
  });

  test('agent at the customers\' door is 403', async () => {
    const refused = await Wire.open(server.ws('/ws/chat', server.token('7', 'agent'))).catch(error => error);
    assert.equal(refused.status, 403);
  });

  test('client library at the wrong door never connects', async () => {
    const closes = new Inbox('closes');
    const client = new Client({
      brokerURL: server.ws('/ws/agent', server.token('7')),
      reconnectDelay: 0,
      onConnect: () => closes.add('connected'),
      onWebSocketClose: ({ code }) => closes.add(code),
    });
    client.activate();
    assert.equal(await closes.find(() => true), 1006);
    await client.deactivate();
  });

  test('foreign origin is 403 on every door', async () => {
    const token = server.token('7');
    for (const origin of ['https://evil.example', 'null', 'https://shop.example.evil.example', 'http://shop.example']) {
      const refused = await Wire.open(server.ws('/ws/chat', token), { origin }).catch(error => error);
      assert.equal(refused.status, 403, origin);
      assert.equal((await ask(`${server.url}/ws/chat/info?token=${token}`, { headers: { origin } })).status, 403, origin);
    }
  });

  test('known, own and absent origins pass', async () => {
    for (const origin of [ORIGIN, 'https://www.shop.example', server.url, undefined]) {
      const wire = await Wire.session(server.ws('/ws/chat', server.token('7')), {}, { origin });
      assert.equal(wire.connected.headers['user-name'], '7', origin);
      wire.drop();
    }
  });
});

describe('for good', () => {
  const open = async () => {
    const wire = await Wire.session(server.ws('/ws/chat', server.token('7')));
    wire.frame('SUBSCRIBE', { id: 'e', destination: '/user/queue/errors', receipt: 'e' });
    await wire.receipt('e');
    return wire;
  };
  const refused = [
    ['SEND', '/topic/x', 'forbidden'],
    ['SEND', '/queue/x', 'forbidden'],
    ['SEND', '/user/7/queue/messages', 'forbidden'],
    ['SEND', '/user/queue/messages', 'unknown_destination'],
    ['SEND', '/nowhere/x', 'unknown_destination'],
    ['SEND', 'app/send', 'unknown_destination'],
    ['SEND', '/app//send', 'unknown_destination'],
    ['SEND', '/app/*', 'unknown_destination'],
    ['SUBSCRIBE', '/queue/*', 'forbidden'],
    ['SUBSCRIBE', '/topic/**', 'forbidden'],
    ['SUBSCRIBE', '/topic/queue.default', 'forbidden'],
    ['SUBSCRIBE', '/topic/queue.*', 'forbidden'],
    ['SUBSCRIBE', '/topic/conversation.1', 'forbidden'],
    ['SUBSCRIBE', '/user/7/queue/x', 'unknown_destination'],
    ['SUBSCRIBE', '/user/8/queue/messages', 'unknown_destination'],
    ['SUBSCRIBE', '/user/queue/*', 'unknown_destination'],
    ['SUBSCRIBE', '/nowhere/x', 'unknown_destination'],
    ['SUBSCRIBE', '/app/nothing', 'no_handler'],
  ];
  for (const [command, destination, code] of refused) {
    test(`${command} ${destination} is ${code} and ends the session`, async () => {
      const wire = await open();
      wire.frame(command, { destination, receipt: 'mine', ...(command === 'SUBSCRIBE' && { id: 's' }) }, '');
      const { headers } = await wire.get('ERROR');
      assert.equal(headers.code, code);
      assert.equal(headers['receipt-id'], 'mine');
      assert.ok(headers.message.length > 5);
      const { code: close } = await wire.end();
      assert.equal(close, code === 'forbidden' ? 1008 : 1002);
      assert.equal(wire.frames.items.some(frame => frame.command === 'RECEIPT' && frame.headers['receipt-id'] === 'mine'), false);
    });
  }

  test('customer may not act as an agent', async () => {
    const wire = await open();
    wire.frame('SEND', { destination: '/app/agent.take', receipt: 'mine' }, '{"conversationId":"00000000-0000-0000-0000-000000000000"}');
    const { headers } = await wire.get('ERROR');
    assert.equal(headers.code, 'forbidden');
    assert.equal(headers['receipt-id'], 'mine');
    await wire.end();
  });

  test('refused frame without listener is an ERROR', async () => {
    const wire = await Wire.session(server.ws('/ws/chat', server.token('deaf')));
    wire.frame('SEND', { destination: '/app/nothing', receipt: 'mine' }, '{}');
    const { headers } = await wire.get('ERROR');
    assert.equal(headers.code, 'no_handler');
    assert.equal(headers['receipt-id'], 'mine');
    assert.equal((await wire.end()).code, 1002);
  });

  test('refused frame without listener and receipt is survived', async () => {
    const wire = await Wire.session(server.ws('/ws/chat', server.token('deaf')));
    wire.frame('SEND', { destination: '/app/nothing' }, '{}');
    wire.frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'alive' });
    await wire.receipt('alive');
    wire.drop();
  });

  test('client library hears the ERROR', async () => {
    const person = await Person.connect(server, 'library');
    person.client.subscribe('/topic/queue.default', () => undefined);
    const { headers } = await person.faults.find(() => true);
    assert.equal(headers.code, 'forbidden');
    assert.equal((await person.closes.find(() => true)).code, 1008);
  });
});

describe('for now', () => {
  const session = async id => {
    const wire = await Wire.session(server.ws('/ws/chat', server.token(id)));
    for (const queue of ['errors', 'acks']) {
      wire.frame('SUBSCRIBE', { id: queue, destination: `/user/queue/${queue}`, receipt: queue });
      await wire.receipt(queue);
    }
    return wire;
  };
  /** Sends a frame that is refused; the session must live on. */
  async function refusal(wire, destination, body) {
    wire.send(typeof body === 'string' ? frame('SEND', { destination, receipt: 'bad' }, body) : body);
    const error = await wire.get('MESSAGE', { subscription: 'errors' });
    wire.frame('SUBSCRIBE', { id: 'alive', destination: '/user/queue/signals', receipt: 'alive' });
    await wire.receipt('alive');
    assert.equal(wire.frames.items.some(({ command, headers }) => command === 'RECEIPT' && headers['receipt-id'] === 'bad'), false);
    assert.equal(error.headers.destination, '/user/queue/errors');
    assert.equal(error.headers['receipt-id'], 'bad');
    assert.equal(error.json.receipt, 'bad');
    assert.equal(error.json.code, error.headers.code);
    assert.equal(error.json.destination, destination);
    assert.ok(error.json.message.length > 5);
    wire.drop();
    return error.json;
  }
  const bodies = { 'not JSON': 'hello', 'cut off': '{"text":', 'no object': '[1]', 'a wrong type': '{"text":7}', 'empty': '' };
  for (const [what, body] of Object.entries(bodies)) {
    test(`body that is ${what} is told and survived`, async () => {
      const { code } = await refusal(await session(`b-${what.replace(' ', '')}`), '/app/send', body);
      assert.equal(code, 'bad_request');
    });
  }

  test('body that is not UTF-8 is told and survived', async () => {
    const body = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const head = `SEND\ndestination:/app/send\nreceipt:bad\ncontent-length:${body.length}\n\n`;
    const bytes = Buffer.concat([Buffer.from(head), body, Buffer.from([0])]);
    const { code } = await refusal(await session('utf8'), '/app/send', bytes);
    assert.equal(code, 'bad_request');
  });

  test('frame without handler is told and survived', async () => {
    const { code } = await refusal(await session('nobody'), '/app/nothing', '{}');
    assert.equal(code, 'no_handler');
  });

  test('question about nothing is told and survived', async () => {
    const { code } = await refusal(await session('asks'), '/app/history', '{"conversationId":"0193a7c2-0000-7000-8000-000000000000"}');
    assert.equal(code, 'not_found');
  });

  const commands = {
    'too long a text': [{ text: 'x'.repeat(8_001) }, 'too_large'],
    'no text at all': [{}, 'bad_request'],
    'only blanks': [{ text: ' \n' }, 'bad_request'],
    'an unknown kind': [{ text: 'x', kind: 'film' }, 'bad_request'],
    'an unknown conversation': [{ text: 'x', conversationId: '0193a7c2-0000-7000-8000-000000000000' }, 'not_found'],
  };
  for (const [what, [body, code]] of Object.entries(commands)) {
    test(`message with ${what} is refused on acks`, async () => {
      const person = await Person.connect(server, `c-${code}-${what.length}`);
      const ack = await person.command('/app/send', { clientId: 'mine', ...body });
      assert.equal(ack.ok, false);
      assert.equal(ack.code, code);
      assert.equal(ack.clientId, 'mine');
      assert.equal(ack.retryAfterMs, undefined);
      assert.deepEqual(person.errors.items, []);
      assert.deepEqual(person.messages.items, []);
      await person.leave();
    });
  }

  test('too many messages are refused with a time', async () => {
    const person = await Person.connect(server, 'fast');
    const acks = await Promise.all(Array.from({ length: 6 }, (_, n) => person.say(`m${n}`, { clientId: `m${n}` })));
    assert.deepEqual(acks.slice(0, 3).map(({ ok }) => ok), [true, true, true]);
    const refused = acks.filter(({ ok }) => !ok);
    assert.ok(refused.length >= 2, JSON.stringify(acks));
    for (const ack of refused) {
      assert.equal(ack.code, 'rate_limited');
      assert.ok(ack.retryAfterMs > 0 && ack.retryAfterMs <= 10_000, JSON.stringify(ack));
    }
    const other = await Person.connect(server, 'patient');
    assert.equal((await other.say('undisturbed')).ok, true);
    assert.deepEqual(person.errors.items, []);
    await Promise.all([person.leave(), other.leave()]);
  });

  test('too many messages of an agent are refused by a rate of its own', async () => {
    const customer = await Person.connect(server, 'waits');
    const { conversationId } = await customer.say('hello');
    const agent = await Person.connect(server, 'hasty', 'agent');
    const say = (person, n) => person.command('/app/send', { conversationId, text: `m${n}`, clientId: `m${n}` });
    const acks = await Promise.all(Array.from({ length: 20 }, (_, n) => say(agent, n)));
    assert.deepEqual(acks.slice(0, 5).map(({ ok }) => ok), [true, true, true, true, true]);
    const refused = acks.filter(({ ok }) => !ok);
    assert.ok(refused.length >= 2, JSON.stringify(acks));
    for (const ack of refused) {
      assert.equal(ack.code, 'rate_limited');
      assert.ok(ack.retryAfterMs > 0 && ack.retryAfterMs <= 10_000, JSON.stringify(ack));
    }
    // Neither the customer nor another agent pays for it.
    assert.equal((await customer.say('still here')).ok, true);
    const other = await Person.connect(server, 'calm', 'agent');
    assert.equal((await say(other, 0)).code, 'forbidden');
    assert.deepEqual(agent.errors.items, []);
    await Promise.all([customer.leave(), agent.leave(), other.leave()]);
  });
});
