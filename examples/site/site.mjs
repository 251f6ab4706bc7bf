import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tokenFor } from './token.mjs';

/** Who there is. A real site has accounts and passwords. */
const PEOPLE = {
  anna: { id: 'u-1001', name: 'Anna Keller', type: 'customer' },
  wei: { id: 'u-1002', name: '王小明', type: 'customer' },
  lin: { id: 'a-1', name: 'Lin', type: 'agent' },
};

/**
 * A small shop whose pages show the widget, and whose staff works at the desk.
 *
 * @param {{ chat: string, secret: string, lifetimeS?: number }} settings where Stompline is, the secret shared with it, and how
 *   long tokens last
 */
export function createSite(settings) {
  /** Who is signed in, by the value of their cookie. */
  const sessions = new Map();
  return createServer((request, response) => {
    answer(request, response, settings, sessions).catch(error => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
}

async function answer(request, response, settings, sessions) {
  const { pathname, searchParams } = new URL(request.url, 'http://site');
  const person = sessions.get(cookie(request));
  switch (`${request.method} ${pathname}`) {
    case 'GET /':
    case 'GET /zh':
      return page(response, settings, shop(pathname === '/zh' ? 'zh' : 'en', person, settings));
    case 'GET /staff':
      return page(response, settings, staff(person, settings));
    case 'GET /site.css':
      response.writeHead(200, { 'content-type': 'text/css' });
      return response.end(await readFile(new URL('site.css', import.meta.url)));
    case 'GET /favicon.ico':
      response.writeHead(204);
      return response.end();
    case 'POST /sign-in':
      return signIn(response, sessions, searchParams);
    case 'POST /sign-out':
      sessions.delete(cookie(request));
      return redirect(response, '/');
    case 'GET /chat-token':
      return token(response, person, 'customer', settings);
    case 'GET /agent-token':
      // The desk's pages are of another origin. Only theirs may read this: never send back whatever `Origin` says.
      response.setHeader('access-control-allow-origin', settings.chat);
      response.setHeader('access-control-allow-credentials', 'true');
      response.setHeader('vary', 'origin');
      return token(response, person, 'agent', settings);
    default:
      response.writeHead(404);
      return response.end();
  }
}

/** The token of who is signed in, for nobody else and for no other purpose. */
function token(response, person, type, { secret, lifetimeS }) {
  if (person?.type !== type) {
    // 401 says the same, and fills the console of every visitor who is not signed in.
    response.writeHead(204);
    return response.end();
  }
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  return response.end(JSON.stringify({ token: tokenFor(person, secret, lifetimeS) }));
}

function signIn(response, sessions, asked) {
  const person = PEOPLE[asked.get('as') ?? ''];
  if (person === undefined) {
    response.writeHead(403);
    return response.end();
  }
  const session = randomUUID();
  sessions.set(session, person);
  response.setHeader('set-cookie', `site=${session}; HttpOnly; SameSite=Lax; Path=/`);
  return redirect(response, person.type === 'agent' ? '/staff' : '/');
}

function page(response, { chat }, body) {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    // All that the widget needs of a site's policy: its script, and its frame.
    'content-security-policy': `default-src 'self'; script-src 'self' ${chat}; frame-src ${chat}`,
  });
  response.end(body);
}

function shop(lang, person, { chat }) {
  const text = {
    en: { title: 'Garden shop', hello: 'Spades, seeds and good advice.', in: 'Sign in as', out: 'Sign out' },
    zh: { title: '园艺商店', hello: '铁锹、种子和实用建议。', in: '登录为', out: '退出登录' },
  }[lang];
  const who =
    person === undefined
      ? `${button('/sign-in?as=anna', `${text.in} Anna`)} ${button('/sign-in?as=wei', `${text.in} 王小明`)}`
      : `<p id="who">${person.name}</p> ${button('/sign-out', text.out)}`;
  return html(
    lang,
    text.title,
    `<h1>${text.title}</h1><p>${text.hello}</p>${who}
    <script async src="${chat}/widget/loader.js" data-token-url="/chat-token"></script>`,
  );
}

function staff(person, { chat }) {
  const who =
    person?.type === 'agent'
      ? `<p id="who">${person.name}</p><p><a href="${chat}/desk/">To the desk</a></p> ${button('/sign-out', 'Sign out')}`
      : button('/sign-in?as=lin', 'Sign in as Lin');
  return html('en', 'Staff', `<h1>Staff</h1>${who}`);
}

function html(lang, title, body) {
  return `<!doctype html>
<html lang="${lang}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <link rel="stylesheet" href="/site.css">
  </head>
  <body>
    <main>${body}</main>
  </body>
</html>
`;
}

function button(action, text) {
  return `<form method="post" action="${action}"><button>${text}</button></form>`;
}

function redirect(response, place) {
  response.writeHead(303, { location: place });
  response.end();
}

function cookie(request) {
  return /(?:^|; )site=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
}
