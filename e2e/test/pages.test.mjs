import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ask } from '../lib/http.mjs';
import { within } from '../lib/inbox.mjs';
import { BINARY, Server } from '../lib/server.mjs';

const SHOP = '/widget/?site=https%3A%2F%2Fshop.example';

function ancestors({ headers }) {
  return /frame-ancestors ([^;]*)/.exec(headers['content-security-policy'])?.[1];
}

test('only listed sites may show the widget', async t => {
  const own = await Server.for(t);
  for (const path of ['/', '/widget/', SHOP, '/desk/']) {
    assert.equal(ancestors(await ask(own.url + path)), "'self'", path);
  }
  const server = await Server.for(t, { STOMPLINE_WIDGET__ORIGINS: 'https://shop.example, https://*.shop.example' });
  for (const [path, expected] of [
    [SHOP, "'self' https://shop.example"],
    ['/widget/?lang=zh&site=https://a.shop.example', "'self' https://a.shop.example"],
    ['/widget/', "'self'"],
    ['/widget/?site=https://evil.example', "'self'"],
    ['/widget/?site=https://shop.example&site=https://evil.example', "'self'"],
    ['/widget/?site=https://shop.example%3B%20script-src%20*', "'self'"],
    ['/desk/?site=https://shop.example', "'self'"],
  ]) {
    const answer = await ask(server.url + path);
    assert.deepEqual([answer.status, ancestors(answer)], [200, expected], path);
    assert.ok(answer.headers['content-security-policy'].includes("script-src 'self';"), path);
  }
});

test('page of a site that is listed no longer is sent again', async t => {
  const listing = await Server.for(t, { STOMPLINE_WIDGET__ORIGINS: 'https://shop.example' });
  const { headers } = await ask(listing.url + SHOP);
  const known = { 'if-none-match': headers.etag };
  assert.equal((await ask(listing.url + SHOP, { headers: known })).status, 304);
  const own = await Server.for(t);
  assert.equal((await ask(own.url + SHOP, { headers: known })).status, 200);
});

test('loader may be used and kept by every page', async t => {
  const server = await Server.for(t);
  const { status, headers, body } = await ask(`${server.url}/widget/loader.js`);
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
  assert.equal(headers['cache-control'], 'public, max-age=3600, stale-while-revalidate=86400');
  assert.equal(headers['set-cookie'], undefined);
  assert.equal((await ask(`${server.url}/widget/loader.js`, { headers: { 'if-none-match': headers.etag } })).status, 304);
  assert.ok(body.length < 12_000, `${body.length} bytes`);
});

test('desk talks to where its tokens are', async t => {
  const server = await Server.for(t, { STOMPLINE_DESK__TOKEN_URL: 'https://staff.example:8443/token' });
  const policy = async path => (await ask(server.url + path)).headers['content-security-policy'];
  assert.match(await policy('/desk/'), /connect-src 'self' ws: wss: https:\/\/staff\.example:8443;/);
  assert.doesNotMatch(await policy('/widget/'), /staff/);
});

test('example starts as its README says', async t => {
  const folder = new URL('../../examples/site/', import.meta.url).pathname;
  const config = `${folder}stompline.toml`;
  const { stdout } = await promisify(execFile)(BINARY, ['config', 'check', '--config', config]);
  assert.equal(stdout, 'the configuration is valid\n');
  const env = { ...process.env, STOMPLINE_AUTH__SECRETS: 'a secret of thirty-two characters', PORT: '0' };
  const child = spawn(process.execPath, [`${folder}server.mjs`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const [line] = await within(once(createInterface(child.stdout), 'line'), 'the example does not start');
  const [url] = /http:\/\/\S+/.exec(line);
  const page = await ask(url);
  assert.match(page.body, /<script async src="http:\/\/127\.0\.0\.1:8080\/widget\/loader\.js"/);
  assert.equal((await ask(`${url}chat-token`)).status, 204);
  const { headers } = await ask(`${url}sign-in?as=anna`, { method: 'POST' });
  const cookie = headers['set-cookie'][0].split(';')[0];
  const { json } = await ask(`${url}chat-token`, { headers: { cookie } });
  assert.match(json.token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal((await ask(`${url}agent-token`, { headers: { cookie } })).status, 204, 'a customer is no agent');
});
