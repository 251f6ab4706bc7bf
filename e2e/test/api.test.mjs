import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask } from '../lib/http.mjs';
import { Person } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { Wire } from '../lib/wire.mjs';

const KEY = 'a-key-of-the-back-end';
const OTHER_KEY = 'another-key-of-the-back-end';

/** @type {Server} */
let server;
before(async () => (server = await Server.start({ STOMPLINE_API__KEYS: `${KEY},${OTHER_KEY}` })));
after(() => server.stop());

/** A request of a back end. */
function api(method, path, { body, key = KEY } = {}) {
  const headers = {
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  return ask(`${server.url}/api/v1${path}`, { method, headers, body: typeof body === 'object' ? JSON.stringify(body) : body });
}

function isProblem({ status, headers, json, body }, wanted, code) {
  assert.equal(status, wanted, body);
  assert.match(headers['content-type'], /^application\/problem\+json/);
  assert.equal(json.code, code);
  assert.ok(json.title.length > 0);
  assert.ok(json.detail.length > 0);
}

describe('sending', () => {
  test('message to a topic reaches its subscribers', async () => {
    const people = [await Person.connect(server, 'news-1'), await Person.connect(server, 'news-2', 'agent')];
    const inboxes = await Promise.all(people.map(person => person.listen('/topic/news')));
    const sent = await api('POST', '/messages', { body: { destination: '/topic/news', payload: { headline: 'ä' }, headers: { kind: 'flash: \n' } } });
    assert.equal(sent.status, 200, sent.body);
    assert.equal(sent.json.deliveries, 2);
    for (const inbox of inboxes) {
      const message = await inbox.find({ headline: 'ä' });
      assert.equal(message.headers.kind, 'flash: \n');
      assert.equal(message.headers.destination, '/topic/news');
      assert.match(message.headers['content-type'], /^application\/json/);
    }
    await Promise.all(people.map(person => person.leave()));
  });

  test('pattern subscriber sees the concrete destination', async () => {
    const agent = await Person.connect(server, 'pattern', 'agent');
    const inbox = await agent.listen('/topic/prices/*');
    await api('POST', '/messages', { body: { destination: '/topic/prices/deep/er', payload: { n: 1 } } });
    await api('POST', '/messages', { body: { destination: '/topic/prices/tea', payload: { n: 2 } } });
    const first = await inbox.find(() => true);
    assert.equal(first.n, 2);
    assert.equal(first.headers.destination, '/topic/prices/tea');
    await agent.leave();
  });

  test('message to users reaches all their sessions', async () => {
    const [one, again, other] = await Promise.all(['u1', 'u1', 'u2'].map(id => Person.connect(server, id)));
    const agent = await Person.connect(server, 'u1', 'agent');
    const both = await api('POST', '/users/messages', { body: { users: ['u1'], destination: '/queue/messages', payload: { n: 1 } } });
    assert.equal(both.json.deliveries, 3);
    const only = await api('POST', '/users/messages', { body: { users: [{ realm: 'customer', id: 'u1' }, { realm: 'customer', id: 'u2' }, { realm: 'agent', id: 'nobody' }], destination: '/queue/messages', payload: { n: 2 } } });
    assert.equal(only.json.deliveries, 3);
    for (const person of [one, again]) {
      assert.deepEqual((await person.messages.count(2)).map(({ n }) => n), [1, 2]);
    }
    assert.deepEqual((await other.messages.count(1)).map(({ n }) => n), [2]);
    assert.deepEqual(agent.messages.items.map(({ n }) => n), [1]);
    await Promise.all([one, again, other, agent].map(person => person.leave()));
  });

  const bad = {
    'broken JSON': ['/messages', '{"destination":'],
    'an unknown field': ['/messages', { destination: '/topic/x', payload: 1, colour: 'red' }],
    'no destination': ['/messages', { payload: 1 }],
    'a foreign prefix': ['/messages', { destination: '/nowhere/x', payload: 1 }],
    'a pattern': ['/messages', { destination: '/topic/*', payload: 1 }],
    'a user destination': ['/messages', { destination: '/user/u1/queue/x', payload: 1 }],
    'users at a topic': ['/users/messages', { users: ['u1'], destination: '/topic/x', payload: 1 }],
    'a user without name': ['/users/messages', { users: [''], destination: '/queue/x', payload: 1 }],
  };
  for (const [what, [path, body]] of Object.entries(bad)) {
    test(`message with ${what} is refused`, async () => {
      const { status, headers, json } = await api('POST', path, { body });
      assert.ok([400, 422].includes(status), `${status}`);
      assert.match(headers['content-type'], /^application\/problem\+json/);
      assert.equal(json.code, 'bad_request');
      assert.ok(json.detail.length > 5);
    });
  }

  test('too large a request is refused', async () => {
    const { status } = await api('POST', '/messages', { body: { destination: '/topic/x', payload: 'x'.repeat(300_000) } });
    assert.equal(status, 413);
  });
});

describe('keys', () => {
  const routes = [['POST', '/messages'], ['POST', '/users/messages'], ['GET', '/users?online'], ['GET', '/users/7/sessions'], ['DELETE', '/users/7/sessions'], ['DELETE', '/sessions/x'], ['GET', '/stats']];
  for (const [method, path] of routes) {
    test(`${method} ${path} needs a key`, async () => {
      for (const key of [null, 'wrong', `${KEY}x`, KEY.slice(0, -1), '']) {
        const answer = await api(method, path, { key });
        isProblem(answer, 401, 'api_key');
        assert.match(answer.headers['www-authenticate'], /^Bearer/);
      }
    });
  }

  test('every key is good', async () => {
    for (const key of [KEY, OTHER_KEY]) {
      assert.equal((await api('GET', '/stats', { key })).status, 200);
    }
  });

  test('unknown path is a problem too', async () => {
    isProblem(await api('GET', '/nothing'), 404, 'not_found');
  });

  test('the document of the API needs none', async () => {
    const { status, json } = await api('GET', '/openapi.json', { key: null });
    assert.equal(status, 200);
    assert.match(json.openapi, /^3\./);
    const paths = Object.keys(json.paths).join(' ');
    for (const path of ['/messages', '/users/messages', '/users', '/sessions/{id}', '/stats', '/widget/session']) {
      assert.ok(paths.includes(path), path);
    }
  });
});

describe('people', () => {
  test('who is online is listed, then not', async () => {
    const person = await Person.connect(server, 'here');
    const listed = async () => (await api('GET', '/users?online')).json.users.find(({ id }) => id === 'here');
    assert.deepEqual(await listed(), { realm: 'customer', id: 'here', online: true, sessions: 1 });
    const batch = (await api('GET', '/users?ids=here,away&realm=customer')).json.users;
    assert.deepEqual(batch.map(({ id, online, sessions }) => [id, online, sessions]), [['here', true, 1], ['away', false, 0]]);
    const sessions = (await api('GET', '/users/here/sessions')).json;
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0].id, person.connects.items[0].headers.session);
    assert.equal(sessions[0].realm, 'customer');
    assert.equal(sessions[0].endpoint, '/ws/chat');
    assert.ok(Math.abs(sessions[0].connectedAtMs - Date.now()) < 60_000);
    await person.leave();
    // The server learns of the closed connection when it closes it, which comes before the client's end of leaving.
    assert.equal(await listed(), undefined);
  });

  test('one session is ended with a reason', async () => {
    const url = server.ws('/ws/chat', server.token('kicked'));
    const [one, other] = [await Wire.session(url), await Wire.session(url)];
    const answer = await api('DELETE', `/sessions/${one.connected.headers.session}`);
    assert.deepEqual(answer.json, { ended: 1 });
    const { code, reason } = await one.end();
    assert.equal(code, 4409);
    assert.match(reason, /administrator/);
    other.frame('SUBSCRIBE', { id: '1', destination: '/user/queue/messages', receipt: 'alive' });
    await other.receipt('alive');
    other.drop();
    isProblem(await api('DELETE', '/sessions/unknown'), 404, 'not_found');
  });

  test('all sessions of a user in a realm are ended', async () => {
    const wires = await Promise.all([1, 2].map(() => Wire.session(server.ws('/ws/chat', server.token('all')))));
    const agent = await Wire.session(server.ws('/ws/agent', server.token('all', 'agent')));
    assert.deepEqual((await api('DELETE', '/users/all/sessions?realm=customer')).json, { ended: 2 });
    for (const wire of wires) {
      assert.equal((await wire.end()).code, 4409);
    }
    assert.equal((await api('GET', '/users/all/sessions')).json.length, 1);
    assert.deepEqual((await api('DELETE', '/users/all/sessions')).json, { ended: 1 });
    assert.equal((await agent.end()).code, 4409);
  });

  test('names of users may hold anything', async () => {
    const id = 'ä/ö ?&#%41';
    const person = await Person.connect(server, id);
    assert.equal(person.connects.items[0].headers['user-name'], id);
    const sessions = await api('GET', `/users/${encodeURIComponent(id)}/sessions`);
    assert.equal(sessions.json.length, 1, sessions.body);
    await person.leave();
  });
});

describe('guests', () => {
  const session = body => ask(`${server.url}/api/v1/widget/session`, { method: 'POST', body: body === undefined ? undefined : JSON.stringify(body) });

  test('same secret is the same visitor', async () => {
    const first = (await session()).json;
    assert.match(first.userId, /^guest-[0-9a-f]{20}$/);
    assert.ok(first.expiresAt * 1000 > Date.now());
    const again = (await session({ deviceSecret: first.deviceSecret })).json;
    assert.equal(again.userId, first.userId);
    assert.equal(again.deviceSecret, first.deviceSecret);
    const other = (await session()).json;
    assert.notEqual(other.userId, first.userId);
    const wire = await Wire.session(server.ws('/ws/chat', again.token));
    assert.equal(wire.connected.headers['user-name'], first.userId);
    wire.drop();
  });

  test('made-up secret is refused', async () => {
    isProblem(await session({ deviceSecret: 'guess' }), 400, 'bad_request');
  });

  test('token of a visitor opens no desk', async () => {
    const { token } = (await session()).json;
    const refused = await Wire.open(server.ws('/ws/agent', token)).catch(error => error);
    assert.equal(refused.status, 403);
  });

  test("demonstration's agent is let in", async () => {
    const { json } = await ask(`${server.url}/demo/agent`, { method: 'POST', body: JSON.stringify({ id: 'bo', name: 'Bo' }) });
    assert.deepEqual([json.userId, json.name], ['bo', 'Bo']);
    const wire = await Wire.session(server.ws('/ws/agent', json.token));
    assert.equal(wire.connected.headers['user-name'], 'bo');
    wire.drop();
  });
});

test('foreign name for this machine gets no agent', async () => {
  const { port } = server;
  for (const [host, status] of [[`evil.example:${port}`, 403], [`localhost:${port}`, 200]]) {
    assert.equal((await ask(`${server.url}/demo/agent`, { method: 'POST', headers: { host } })).status, status, host);
  }
});

describe('health', () => {
  test('live and ready say so', async () => {
    for (const [path, text] of [['/healthz', 'ok\n'], ['/readyz', 'ready\n']]) {
      const { status, body } = await ask(server.url + path);
      assert.deepEqual([status, body], [200, text]);
    }
  });

  test('metrics count sessions', async () => {
    const wire = await Wire.session(server.ws('/ws/chat', server.token('counted')));
    const { status, body, headers } = await ask(`${server.url}/metrics`);
    assert.equal(status, 200);
    assert.match(headers['content-type'], /openmetrics|text\/plain/);
    assert.match(body, /^stompline_sessions_open [1-9]/m);
    assert.match(body, /# EOF\n$/);
    assert.ok((await api('GET', '/stats')).json !== undefined);
    wire.drop();
  });

  test('pages come with their policy', async () => {
    for (const path of ['/', '/widget/', '/desk/']) {
      const { status, headers, body } = await ask(server.url + path);
      assert.equal(status, 200, path);
      assert.match(headers['content-security-policy'], /default-src 'self'/);
      assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      for (const [, asset] of body.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
        assert.equal((await ask(server.url + asset)).status, 200, asset);
      }
    }
  });
});
