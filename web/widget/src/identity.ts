import { type AskToken, type TokenSource, UserToken } from '@stompline/client';
import { deviceToken } from './device.ts';
import { Memory } from './memory.ts';

/** Who writes: where the tokens come from, and what this device keeps for them alone. */
export interface Identity {
  tokens: TokenSource;
  memory: Memory;
  /** Whose messages wait in this browser's outbox. */
  owner: string;
}

/** Somebody without an account, whom only this device knows. */
export function guest(origin: string): Identity {
  const memory = new Memory();
  return { tokens: deviceToken(origin, memory), memory, owner: 'widget' };
}

/** A user of the site around the widget, whose tokens its back end signs. */
export function customer(first: string, ask: AskToken): Identity {
  const tokens = new UserToken(first, ask);
  return { tokens, memory: new Memory(tokens.user), owner: `widget:${tokens.user}` };
}
