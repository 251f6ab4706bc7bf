import { CachedToken, claimsOf, expiryFrom, FixedToken, postJson, type TokenSource } from '@stompline/client';

/** An agent who may come in, and where their tokens come from. */
export interface Entrance {
  tokens: TokenSource;
  /** Whose messages wait in this browser's outbox. */
  owner: string;
  /** Given by hand, so it can be taken back. */
  isOwnToken: boolean;
}

const STORED = 'stompline-desk:token';
const KNOWN = 'stompline-desk:demo';

/**
 * Finds a way in without asking: a token in the fragment, the one this tab came in with, or, on a demonstration server,
 * an agent of its own. Undefined: a person has to bring a token.
 */
export async function findEntrance(origin: string): Promise<Entrance | undefined> {
  const token = takeFromFragment() ?? sessionStorage.getItem(STORED);
  if (token !== null) {
    return enterWith(token);
  }
  try {
    return await enterDemo(origin, new URLSearchParams(location.search).get('name') ?? undefined);
  } catch {
    return undefined;
  }
}

/** Comes in with a token. It is kept for this tab only, and never in the address. */
export function enterWith(token: string): Entrance {
  sessionStorage.setItem(STORED, token);
  return { tokens: new FixedToken(token), owner: `agent:${String(claimsOf(token).sub ?? '')}`, isOwnToken: true };
}

export function leave(): void {
  sessionStorage.removeItem(STORED);
}

/** True if the text has the form of a JWT. */
export function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** The token in the address, which is no place to leave one in. */
export function takeFromFragment(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search);
  }
  return token;
}

/**
 * A demonstration server makes agents for whoever asks: its own one, or one of a name that is asked for. The same name is
 * the same agent again on this browser.
 */
async function enterDemo(origin: string, name: string | undefined): Promise<Entrance> {
  const known = readKnown();
  const madeId = name === undefined ? undefined : `demo-${crypto.randomUUID().slice(0, 8)}`;
  const first = await askDemo(origin, name, known[name ?? ''] ?? madeId);
  localStorage.setItem(KNOWN, JSON.stringify({ ...known, [name ?? '']: first.userId }));
  let next: typeof first | undefined = first;
  const tokens = new CachedToken(async () => {
    const grant = next ?? (await askDemo(origin, name, first.userId));
    next = undefined;
    return grant;
  });
  return { tokens, owner: `agent:${first.userId}`, isOwnToken: false };
}

async function askDemo(origin: string, name: string | undefined, id: string | undefined) {
  const answer = await postJson(`${origin}/demo/agent`, { ...(name && { name }), ...(id && { id }) });
  if (typeof answer.token !== 'string' || typeof answer.userId !== 'string') {
    throw new Error('this is not a demonstration server');
  }
  return { token: answer.token, expiresAt: expiryFrom(answer.expiresAt), userId: answer.userId };
}

function readKnown(): Record<string, string> {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KNOWN) ?? '{}');
    return typeof known === 'object' && known !== null ? { ...known } : {};
  } catch {
    return {};
  }
}
