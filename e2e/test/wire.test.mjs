import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, UPGRADE } from '../lib/http.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { Server } from '../lib/server.mjs';
import { frame, Wire } from '../lib/wire.mjs';

const BEAT_MS = 150;

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({
    STOMPLINE_HEARTBEAT__SEND_MS: String(BEAT_MS),
    STOMPLINE_HEARTBEAT__RECEIVE_MS: String(BEAT_MS),
    STOMPLINE_LIMITS__CONNECT_TIMEOUT_S: '1',
    STOMPLINE_LIMITS__SUBSCRIPTIONS: '8',
  });
});
after(() => server.stop());

const address = (id = '7', path = '/ws/chat') => server.ws(path, server.token(id));
const session = (headers, options) => Wire.session(address(), headers, options);
const CONNECT = frame('CONNECT', { 'accept-version': '1.2', 'host': 'x' });

/** The session is answered with an ERROR of that code, then closed with that close code. */
async function fails(wire, code, close = 1002) {
  const error = await wire.get('ERROR');
  assert.equal(error.headers.code, code, JSON.stringify(error));
  assert.ok(error.headers.message.length > 5, 'the message is for people');
  assert.equal((await wire.end()).code, close);
  return error;
}

async function lives(wire, id = 'alive') {
  wire.frame('SUBSCRIBE', { id, destination: '/user/queue/messages', receipt: id });
  await wire.receipt(id);
  wire.drop();
}

describe('opening', () => {
  const firsts = {
    'SEND before CONNECT': [frame('SEND', { destination: '/app/send', receipt: 'early' }, '{}'), 'not_connected'],
    'SUBSCRIBE before CONNECT': [frame('SUBSCRIBE', { id: '1', destination: '/topic/x' }), 'not_connected'],
    'only unknown versions': [frame('CONNECT', { 'accept-version': '2.0,9.9' }), 'unsupported_version'],
    'a bad heart-beat': [frame('CONNECT', { 'accept-version': '1.2', 'heart-beat': 'often' }), 'bad_heartbeat'],
    'HTTP': ['GET / HTTP/1.1\r\nhost: x\r\n\r\n', 'unknown_command'],
    'a frame beyond the early limit': [frame('CONNECT', Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`h${n}`, 'x'.repeat(4_000)]))), 'frame_too_large'],
  };
  for (const [what, [text, code]] of Object.entries(firsts)) {
    test(`${what} is ${code}`, async () => {
      const wire = await Wire.open(address());
      wire.send(text);
      const error = await fails(wire, code, code === 'frame_too_large' ? 1009 : 1002);
      if (code === 'unsupported_version') {
        assert.equal(error.headers.version, '1.0,1.1,1.2');
      }
      if (what.startsWith('SEND')) {
        assert.equal(error.headers['receipt-id'], 'early');
      }
    });
  }

  test('silence before CONNECT is 4408', async () => {
    const wire = await Wire.open(address());
    assert.equal((await wire.end()).code, 4408);
  });

  test('second CONNECT ends the session', async () => {
    const wire = await session();
    wire.send(CONNECT);
    await fails(wire, 'already_connected');
  });

  test('CONNECT needs no version, host or receipt', async () => {
    for (const [headers, version] of [[{}, '1.0'], [{ 'accept-version': '1.0' }, '1.0'], [{ 'accept-version': '1.0,1.1,2.0' }, '1.1'], [{ 'accept-version': '1.2,1.1' }, '1.2']]) {
      const wire = await Wire.open(address());
      wire.frame('CONNECT', { ...headers, receipt: 'never', passcode: 'a\\b' });
      assert.equal((await wire.get('CONNECTED')).headers.version ?? '1.0', version);
      wire.frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'r' });
      await wire.receipt('r');
      assert.equal(wire.frames.items.some(({ headers }) => headers['receipt-id'] === 'never'), false);
      wire.drop();
    }
  });

  test('STOMP does what CONNECT does', async () => {
    const wire = await Wire.open(address());
    wire.frame('STOMP', { 'accept-version': '1.2', 'host': 'x' });
    assert.equal((await wire.get('CONNECTED')).headers.version, '1.2');
    await lives(wire);
  });

  test('CR LF is welcome everywhere in the head', async () => {
    const wire = await Wire.open(address());
    wire.send('CONNECT\r\naccept-version:1.2\r\nhost:x\r\n\r\n\0\r\n');
    await wire.get('CONNECTED');
    wire.send('\r\nSUBSCRIBE\r\nid:1\r\ndestination:/user/queue/messages\r\nreceipt:cr\r\n\r\n\0\r\n\r\n');
    await wire.receipt('cr');
    wire.drop();
  });

  test('first known subprotocol is chosen', async () => {
    for (const [offered, chosen] of [[['v12.stomp', 'v11.stomp', 'v10.stomp'], 'v12.stomp'], [['v10.stomp', 'v12.stomp'], 'v10.stomp'], [['mqtt', 'v11.stomp'], 'v11.stomp'], [[], '']]) {
      const wire = await Wire.open(address(), { protocols: offered });
      assert.equal(wire.socket.protocol, chosen);
      wire.drop();
    }
  });

  test('unknown subprotocol alone is not echoed', async () => {
    const { status, headers } = await ask(`${server.url}/ws/chat?token=${server.token('7')}`, { headers: { ...UPGRADE, 'sec-websocket-protocol': 'mqtt' } });
    assert.equal(status, 101);
    assert.equal(headers['sec-websocket-protocol'], undefined);
  });
});

describe('frames', () => {
  const faults = {
    'unknown command': ['JUMP\n\n\0', 'unknown_command'],
    'lower-case command': [frame('send', { destination: '/app/send' }), 'unknown_command'],
    'server frame': [frame('MESSAGE', { destination: '/app/send' }), 'server_frame_from_client'],
    'header without colon': ['SEND\ndestination\n\n\0', 'malformed_frame'],
    'header without name': ['SEND\n:x\n\n\0', 'malformed_frame'],
    'undefined escape': [frame('SEND', { destination: '/app/send', note: 'a\\tb' }), 'bad_escape'],
    'header too long': [frame('SEND', { destination: '/app/send', note: 'x'.repeat(5_000) }), 'header_too_large'],
    'name too long': [frame('SEND', { destination: '/app/send', ['n'.repeat(300)]: 'x' }), 'header_too_large'],
    'too many headers': [frame('SEND', Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`h${n}`, n]))), 'too_many_headers'],
    'frame too large': [frame('SEND', { destination: '/app/send' }, 'x'.repeat(70_000)), 'frame_too_large', 1009],
    'announced too large': ['SEND\ndestination:/app/send\ncontent-length:10000000\n\n', 'frame_too_large', 1009],
    'content-length with a sign': [frame('SEND', { 'destination': '/app/send', 'content-length': '+2' }, '{}'), 'bad_content_length'],
    'negative content-length': [frame('SEND', { 'destination': '/app/send', 'content-length': '-1' }, '{}'), 'bad_content_length'],
    'content-length that is too short': [frame('SEND', { 'destination': '/app/send', 'content-length': '1' }, '{}'), 'bad_content_length'],
    'body on SUBSCRIBE': [frame('SUBSCRIBE', { id: '1', destination: '/topic/x' }, 'body'), 'body_not_allowed'],
    'SEND without destination': [frame('SEND', { receipt: 'r' }, '{}'), 'missing_header'],
    'SUBSCRIBE without id': [frame('SUBSCRIBE', { destination: '/topic/x', receipt: 'r' }), 'missing_header'],
    'unknown ack mode': [frame('SUBSCRIBE', { id: '1', destination: '/topic/x', ack: 'maybe' }), 'unknown_ack_mode'],
    'subscription id in use': [frame('SUBSCRIBE', { id: '1', destination: '/topic/x' }).repeat(2), 'subscription_in_use'],
    'too many subscriptions': [Array.from({ length: 9 }, (_, n) => frame('SUBSCRIBE', { id: n, destination: '/topic/x' })).join(''), 'subscriptions_max'],
    'unknown transaction': [frame('SEND', { destination: '/app/send', transaction: 't', receipt: 'r' }, '{}'), 'unknown_transaction'],
    'transaction begun twice': [frame('BEGIN', { transaction: 't' }).repeat(2), 'transaction_in_use'],
    'ACK of nothing': [frame('ACK', { id: 'nothing', receipt: 'r' }), 'unknown_ack'],
    'body with NUL and no length': [frame('SEND', { destination: '/app/nothing' }, '{"text":"a\0b"}'), 'unknown_command'],
  };
  for (const [what, [text, code, close]] of Object.entries(faults)) {
    test(`${what} is ${code}`, async () => {
      const wire = await session();
      wire.send(text);
      const error = await fails(wire, code, close);
      if (text.includes('\nreceipt:r\n')) {
        assert.equal(error.headers['receipt-id'], 'r');
      }
      assert.ok(!error.headers.message.includes('Fault'), 'no internal names');
    });
  }

  test('text that is not UTF-8 closes with 1007', async () => {
    const wire = await session();
    wire.socket._sender.sendFrame([Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])], () => undefined);
    assert.equal((await wire.end()).code, 1007);
  });

  test('header that is not UTF-8 is refused', async () => {
    const wire = await session();
    wire.send(Buffer.concat([Buffer.from('SEND\ndestination:/app/'), Buffer.from([0xff]), Buffer.from('\n\n\0')]));
    await fails(wire, 'bad_utf8');
  });

  test('frame in pieces arrives whole', async () => {
    const wire = await session();
    const whole = frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'pieces' });
    for (const letter of whole) {
      wire.send(letter);
    }
    await wire.receipt('pieces');
    wire.drop();
  });

  test('several frames in one message keep order', async () => {
    const wire = await session();
    const frames = ['a', 'b', 'c'].map(id => frame('SUBSCRIBE', { id, destination: '/user/queue/messages', receipt: id }));
    wire.send(`\n\n${frames.join('\n')}\n`);
    await wire.receipt('c');
    const receipts = wire.frames.items.filter(({ command }) => command === 'RECEIPT').map(({ headers }) => headers['receipt-id']);
    assert.deepEqual(receipts, ['a', 'b', 'c']);
    wire.drop();
  });

  test('binary and text messages mix', async () => {
    const wire = await session();
    wire.send(Buffer.from(frame('SUBSCRIBE', { id: 'b', destination: '/user/queue/acks', receipt: 'binary' })));
    await wire.receipt('binary');
    wire.send(Buffer.from(frame('SEND', { destination: '/app/send', receipt: 'bytes' }, '{"text":"aus Bytes ä"}')));
    const ack = await wire.get('MESSAGE');
    assert.equal(ack.json.ok, true);
    assert.equal(ack.isBinary, false);
    await lives(wire);
  });

  test('body with NUL and length is whole', async () => {
    const wire = await session();
    wire.frame('SUBSCRIBE', { id: 'e', destination: '/user/queue/errors', receipt: 'e' });
    await wire.receipt('e');
    wire.frame('SEND', { 'destination': '/app/send', 'receipt': 'nul', 'content-length': '13' }, '{"text":"a\0b"}'.slice(0, 13));
    const error = await wire.get('MESSAGE', { 'receipt-id': 'nul' });
    assert.equal(error.json.code, 'bad_request');
    await lives(wire);
  });

  test('first of repeated headers wins', async () => {
    const wire = await session();
    wire.send('SUBSCRIBE\nid:1\nid:2\ndestination:/user/queue/messages\ndestination:/nowhere\nreceipt:one\nreceipt:two\n\n\0');
    await wire.receipt('one');
    wire.send(frame('SUBSCRIBE', { id: '2', destination: '/user/queue/acks', receipt: 'free' }));
    await wire.receipt('free');
    wire.drop();
  });

  test('receipt is escaped as it came', async () => {
    const wire = await session();
    wire.frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'a\\cb\\\\c\\nd' });
    await wire.receipt('a:b\\c\nd');
    wire.drop();
  });

  test('every frame that asks gets a receipt', async () => {
    const wire = await session();
    const steps = [
      ['SUBSCRIBE', { id: '1', destination: '/topic/x', ack: 'client-individual' }],
      ['BEGIN', { transaction: 't' }],
      ['SEND', { destination: '/app/send', transaction: 't' }, '{"text":"in a transaction"}'],
      ['COMMIT', { transaction: 't' }],
      ['BEGIN', { transaction: 'u' }],
      ['ABORT', { transaction: 'u' }],
      ['UNSUBSCRIBE', { id: '1' }],
      ['UNSUBSCRIBE', { id: 'unknown' }],
      ['SEND', { destination: '/app/send' }, '{"text":"alone"}'],
      ['DISCONNECT', {}],
    ];
    wire.send(steps.map(([command, headers, body], index) => frame(command, { ...headers, receipt: `step-${index}` }, body)).join(''));
    await wire.receipt(`step-${steps.length - 1}`);
    const receipts = wire.frames.items.filter(({ command }) => command === 'RECEIPT').map(({ headers }) => headers['receipt-id']);
    assert.deepEqual(receipts, steps.map((_, index) => `step-${index}`));
  });

  test('aborted transaction leaves nothing', async () => {
    const wire = await Wire.session(address('aborts'));
    wire.frame('SUBSCRIBE', { id: 'm', destination: '/user/queue/messages' });
    wire.frame('BEGIN', { transaction: 't' });
    wire.frame('SEND', { destination: '/app/send', transaction: 't' }, '{"text":"never"}');
    wire.frame('ABORT', { transaction: 't' });
    wire.frame('SEND', { destination: '/app/send' }, '{"text":"ever"}');
    const message = await wire.get('MESSAGE', { event: 'message.created' });
    assert.equal(message.json.text, 'ever');
    assert.equal(message.json.seq, 1);
    wire.drop();
  });
});

describe('leaving', () => {
  test('DISCONNECT is answered, then closed with 1000', async () => {
    const wire = await session();
    wire.frame('DISCONNECT', { receipt: 'bye' });
    await wire.receipt('bye');
    wire.socket.close(1000);
    assert.equal((await wire.end()).code, 1000);
    assert.equal(wire.frames.items.at(-1).command, 'RECEIPT');
  });

  test('server closes when the client does not', async () => {
    const wire = await session();
    wire.frame('DISCONNECT', { receipt: 'bye' });
    wire.frame('SEND', { destination: '/topic/forbidden' }, 'after the end');
    assert.equal((await wire.end()).code, 1000);
    assert.equal(wire.frames.items.some(({ command }) => command === 'ERROR'), false);
  });
});

describe('heart-beats', () => {
  test('server beats within the agreed interval', async () => {
    const wire = await session({ 'heart-beat': `0,${BEAT_MS}` });
    assert.equal(wire.connected.headers['heart-beat'], `${BEAT_MS},${BEAT_MS}`);
    const beats = await wire.beats.count(6);
    const gaps = beats.slice(1).map(({ at }, index) => at - beats[index].at);
    // A busy machine may delay one; a server that beats too slowly delays all.
    const middle = gaps.toSorted((one, other) => one - other)[2];
    assert.ok(middle <= BEAT_MS * 1.2, `gaps of ${gaps.map(Math.round)} ms`);
    wire.drop();
  });

  test('larger wish of both sides counts', async () => {
    const wire = await session({ 'heart-beat': `0,${BEAT_MS * 3}` });
    const [one, other] = await wire.beats.count(2);
    assert.ok(other.at - one.at > BEAT_MS * 1.5, `${other.at - one.at} ms`);
    wire.drop();
  });

  test('silent client is closed with 4408', async () => {
    const since = performance.now();
    const wire = await session({ 'heart-beat': `${BEAT_MS},0` });
    assert.equal((await wire.end()).code, 4408);
    assert.ok(performance.now() - since >= 3 * BEAT_MS, 'three intervals are waited');
  });

  test('beating client stays', async () => {
    const wire = await session({ 'heart-beat': `${BEAT_MS},${BEAT_MS}` });
    const beat = setInterval(() => wire.send('\n'), BEAT_MS / 2);
    await wire.beats.count(12);
    clearInterval(beat);
    await lives(wire);
  });

  test('server that was held up does not blame its clients', async () => {
    const every = 1_000;
    const wires = [];
    const beats = setInterval(() => wires.forEach(wire => wire.send('\n')), every / 5);
    for (let n = 0; n < 8; n += 1) {
      wires.push(await session({ 'heart-beat': `${every},0` }));
    }
    await server.holdUp(3.5 * every);
    await Promise.all(wires.map(wire => lives(wire)));
    clearInterval(beats);
  });

  test('client that offers none is left alone', async () => {
    const quiet = await session({ 'heart-beat': '0,0' });
    const clock = await session({ 'heart-beat': `0,${BEAT_MS}` });
    await clock.beats.count(8);
    assert.equal(quiet.beats.length, 0);
    clock.drop();
    await lives(quiet);
  });
});

describe('doors', () => {
  const path = '/ws/chat';
  const at = (rest, options) => ask(`${server.url}${path}${rest}${rest.includes('?') ? '&' : '?'}token=${server.token('7')}`, options);

  test('old WebSocket version is 426', async () => {
    const { status, headers } = await at('', { headers: { ...UPGRADE, 'sec-websocket-version': '12' } });
    assert.equal(status, 426);
    assert.equal(headers['sec-websocket-version'], '13');
  });

  test('upgrade without key is 400', async () => {
    const { 'sec-websocket-key': _, ...headers } = UPGRADE;
    assert.equal((await at('', { headers })).status, 400);
  });

  test('POST is 405', async () => {
    for (const rest of ['', '/websocket', '/info', '/000/abcdefgh/websocket']) {
      const { status, headers } = await at(rest, { method: 'POST' });
      assert.equal(status, 405, rest);
      assert.match(headers.allow, /GET/, rest);
    }
  });

  test('plain GET of a WebSocket is 400', async () => {
    assert.equal((await at('/websocket')).status, 400);
    assert.equal((await at('/000/abcdefgh/websocket')).status, 400);
  });

  test('greeting stands at the door', async () => {
    for (const rest of ['', '/']) {
      const { status, headers, body } = await ask(`${server.url}${path}${rest}`);
      assert.equal(status, 200);
      assert.equal(body, 'Welcome to SockJS!\n');
      assert.match(headers['content-type'], /^text\/plain; charset=UTF-8$/i);
    }
  });

  test('info tells what there is', async () => {
    const [one, other] = [await at('/info'), await at('/info')];
    assert.equal(one.status, 200);
    assert.equal(one.json.websocket, true);
    assert.equal(one.json.cookie_needed, false);
    assert.deepEqual(one.json.origins, ['*:*']);
    assert.ok(Number.isInteger(one.json.entropy) && one.json.entropy >= 0 && one.json.entropy < 2 ** 32);
    assert.notEqual(one.json.entropy, other.json.entropy);
    assert.match(one.headers['cache-control'], /no-store/);
    assert.equal(one.headers['access-control-allow-origin'], '*');
    const asked = await at('/info', { method: 'OPTIONS', headers: { origin: 'null' } });
    assert.ok([200, 204].includes(asked.status));
    assert.equal(asked.headers['access-control-allow-origin'], 'null');
    assert.equal(asked.headers['access-control-allow-credentials'], 'true');
  });

  test('wrong shapes of address are 404', async () => {
    for (const rest of ['/a/b', '/a/b/c/d', '/a./b/websocket', '/a/b.c/websocket', '//b/websocket', '/000/abcdefgh/telnet', '/infos']) {
      assert.equal((await at(rest)).status, 404, rest);
    }
  });

  test('framed SockJS speaks in its frames', async () => {
    const wire = await Wire.open(address('7', '/ws/chat/000/abcdefgh/websocket'));
    const raw = new Inbox('SockJS frames');
    wire.socket.on('message', bytes => raw.add(String(bytes)));
    wire.send(JSON.stringify([CONNECT]));
    await raw.find(text => text.startsWith('a["CONNECTED\\n'));
    wire.send('');
    wire.send('[]');
    wire.send(JSON.stringify(frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'r' })));
    await raw.find(text => text.startsWith('a["RECEIPT\\n'));
    wire.send('{broken');
    assert.equal((await wire.end()).code, 3000);
    assert.ok(raw.items.at(-1).startsWith('a["RECEIPT'), raw.items.at(-1));
  });
});
