import { fetchToken, UserToken } from '@stompline/client';
import type { Entrance } from './sign-in.ts';

/** How agents come in where a back end signs them in. */
export interface BackEnd {
  /** Gives the token of who is signed in. */
  tokenUrl: string;
  /** Where one signs in; undefined if the server was not told. */
  signInUrl: string | undefined;
}

/** What does not answer is asked again after this long, and then after twice as long, in milliseconds. */
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MS_MAX = 30_000;

/** The back end that signs agents in, as the server was told; undefined if there is none. */
export async function findBackEnd(origin: string): Promise<BackEnd | undefined> {
  const response = await fetch(`${origin}/desk/settings.json`, { signal: AbortSignal.timeout(8_000) });
  if (response.status === 404) {
    return undefined;
  }
  if (!response.ok) {
    throw new Error(`the settings of the desk answered ${response.status}`);
  }
  const { tokenUrl, signInUrl }: Record<string, unknown> = await response.json();
  if (typeof tokenUrl !== 'string') {
    return undefined;
  }
  return { tokenUrl, signInUrl: typeof signInUrl === 'string' ? signInUrl : undefined };
}

/** The agent who is signed in to the back end; undefined if nobody is. */
export async function enterThrough(backEnd: BackEnd): Promise<Entrance | undefined> {
  const ask = (): Promise<string | undefined> => fetchToken(backEnd.tokenUrl);
  const first = await ask();
  if (first === undefined) {
    return undefined;
  }
  const tokens = new UserToken(first, ask);
  return { tokens, owner: `agent:${tokens.user}`, isOwnToken: false };
}

/** Asks until there is an answer; `onFailure` is told of every time that there is none. */
export async function untilAnswered<T>(ask: () => Promise<T>, onFailure: () => void): Promise<T> {
  for (let delay = ASK_AGAIN_MS; ; delay = Math.min(2 * delay, ASK_AGAIN_MS_MAX)) {
    try {
      return await ask();
    } catch {
      onFailure();
      await new Promise(resolve => setTimeout(resolve, delay));
    }
  }
}
