import { Visitor } from './browser.mjs';

/** Opens a page of a site in a person's browser. Shadow roots are opened too, so that the test sees what the page does not. */
export async function visit(customer, url) {
  await customer.page.addInitScript(() => {
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
      return attach.call(this, { ...init, mode: 'open' });
    };
  });
  await customer.open(url);
  const frame = customer.page.frameLocator('stompline-chat iframe');
  return Object.assign(customer, {
    launcher: customer.page.locator('stompline-chat .launcher'),
    badge: customer.page.locator('stompline-chat .badge'),
    frame,
    inFrame: id => frame.getByTestId(id),
    say: async text => {
      await frame.getByTestId('composer').fill(text);
      await frame.getByTestId('send').click();
    },
    shownTexts: () => frame.getByTestId('message-text').allTextContents(),
    hears: text => frame.getByTestId('message-text').getByText(text, { exact: true }).waitFor(),
  });
}

/** Somebody on a page of a site. */
export async function customerAt(t, browser, url, form) {
  return visit(await Visitor.come(t, browser, form), url);
}

/** An agent of the site's staff, at the desk. */
export async function agentAt(t, browser, site, form) {
  const agent = await Visitor.come(t, browser, form);
  await signIn(agent, site.byNumber, 'lin');
  await agent.open(`${site.server.url}/desk/?lang=${form?.lang ?? 'en'}`);
  await isLive(agent);
  return agent;
}

/** Signs in to the site. */
export async function signIn(person, origin, as) {
  await person.page.request.post(`${origin}/sign-in?as=${as}`);
}

export async function isLive(agent) {
  await agent.page.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
}

/** Resolves when a session of that page has brought a new token. */
export function renewal(page) {
  return new Promise(resolve => {
    page.on('websocket', socket =>
      socket.on('framesent', ({ payload }) => String(payload).includes('/app/session.renew') && resolve()),
    );
  });
}
