/** A token is renewed when less than this is left of it, in milliseconds. */
const RENEW_BEFORE_MS = 60_000;

/**
 * Why there is no token. `token`: one that was there is not good any more. `guest`: nobody is signed in, and guests are not
 * let in. `changed`: somebody else has signed in meanwhile.
 */
export type TokenRefusal = 'token' | 'guest' | 'changed';

/** The server will not have us: no token can be had, or none that it takes. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: TokenRefusal;

  constructor(message: string, reason: TokenRefusal = 'token') {
    super(message);
    this.reason = reason;
  }
}

/** An answer that is neither a success nor a {@link Refused}. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(url: string, status: number) {
    super(`${url} answered ${status}`);
    this.status = status;
  }
}

/** Where the token for a connection comes from. */
export interface TokenSource {
  /**
   * A token that is still good for a while; a new one if `fresh`, because the last was turned down.
   *
   * @throws {Refused} if there is none to be had and trying again will not help. Any other error is taken as passing.
   */
  token(fresh: boolean): Promise<string>;
}

/** A token with what is known about it. */
export interface Grant {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Keeps a token for as long as it is good and fetches the next one through `fetchGrant`. */
export class CachedToken implements TokenSource {
  readonly #fetchGrant: () => Promise<Grant>;
  readonly #now: () => number;
  #grant: Grant | undefined;
  #pending: Promise<Grant> | undefined;

  constructor(fetchGrant: () => Promise<Grant>, now: () => number = Date.now) {
    this.#fetchGrant = fetchGrant;
    this.#now = now;
  }

  async token(fresh: boolean): Promise<string> {
    if (!fresh && this.#grant !== undefined && this.#grant.expiresAt - this.#now() > RENEW_BEFORE_MS) {
      return this.#grant.token;
    }
    this.#pending ??= this.#fetchGrant().finally(() => {
      this.#pending = undefined;
    });
    this.#grant = await this.#pending;
    return this.#grant.token;
  }
}

/** A token that somebody gave us. It cannot be renewed: once it is turned down or has expired, we are refused. */
export class FixedToken implements TokenSource {
  readonly #token: string;
  readonly #expiresAt: number;
  readonly #now: () => number;

  constructor(token: string, now: () => number = Date.now) {
    this.#token = token;
    this.#expiresAt = expiryOf(token);
    this.#now = now;
  }

  async token(fresh: boolean): Promise<string> {
    if (fresh || this.#expiresAt <= this.#now()) {
      throw new Refused('the token has expired or was turned down');
    }
    return this.#token;
  }
}

/** Gives the token of whoever is signed in at the moment, or undefined if nobody is. What it throws is taken as passing. */
export type AskToken = () => Promise<string | undefined>;

/**
 * The tokens of one user, whom a back end knows. Whoever shows what belongs to that user must not go on with a token of
 * somebody else, so that one is not given.
 */
export class UserToken implements TokenSource {
  readonly user: string;
  readonly #cached: CachedToken;

  /** `first` is the token that said who it is. */
  constructor(first: string, ask: AskToken, now: () => number = Date.now) {
    this.user = userOf(first);
    let next: string | undefined = first;
    this.#cached = new CachedToken(async () => {
      const token = next ?? (await ask());
      next = undefined;
      if (token === undefined) {
        throw new Refused('nobody is signed in any more');
      }
      if (userOf(token) !== this.user) {
        throw new Refused('somebody else has signed in', 'changed');
      }
      return { token, expiresAt: expiryOf(token) };
    }, now);
  }

  token(fresh: boolean): Promise<string> {
    return this.#cached.token(fresh);
  }
}

/** Whose token it is, as far as it says; only the server can check it. */
export function userOf(token: string): string {
  return String(claimsOf(token).sub ?? '');
}

/**
 * Asks a back end for the token of whoever is signed in to it: GET with cookies, answered by `{"token": "…"}`. Undefined if
 * nobody is: 204, 401, 403, or a redirect, which leads to a page for signing in.
 */
export async function fetchToken(url: string): Promise<string | undefined> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    credentials: 'include',
    cache: 'no-store',
    redirect: 'manual',
    signal: AbortSignal.timeout(8_000),
  });
  if (response.type === 'opaqueredirect' || [204, 401, 403].includes(response.status)) {
    return undefined;
  }
  if (!response.ok) {
    throw new HttpError(url, response.status);
  }
  const answer: unknown = await response.json();
  const token = typeof answer === 'object' && answer !== null && 'token' in answer ? answer.token : undefined;
  if (typeof token !== 'string') {
    throw new Error(`${url} did not answer with {"token": "…"}`);
  }
  return token;
}

/** The claims of a JWT, unchecked: only the server can check them. Empty if it is not one. */
export function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    return {};
  }
}

function expiryOf(token: string): number {
  const { exp } = claimsOf(token);
  return typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY;
}

/** POSTs JSON and reads JSON; 401 and 403 become {@link Refused}, other failures {@link HttpError}. */
export async function postJson(url: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    cache: 'no-store',
    signal: AbortSignal.timeout(8_000),
  });
  if (response.status === 401 || response.status === 403) {
    throw new Refused(`${url} answered ${response.status}`);
  }
  if (!response.ok) {
    throw new HttpError(url, response.status);
  }
  const value: unknown = await response.json();
  if (typeof value !== 'object' || value === null) {
    throw new Error(`${url} did not answer with an object`);
  }
  return { ...value };
}

/** Reads `expiresAt`, a time as text or as seconds or milliseconds since the epoch; 5 minutes from now if unreadable. */
export function expiryFrom(value: unknown, now: number = Date.now()): number {
  if (typeof value === 'number' && Number.isFinite(value)) {
    return value < 1e11 ? value * 1000 : value;
  }
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? now + 300_000 : parsed;
}
