/**
 * What the panel's frame and the loader on the page around it say to each other. Both look at the origin and the window a
 * message comes from, and address it to one origin. A guest's token and its secret are never in one: they stay in the frame.
 */
export type FromFrame =
  /** The frame listens, and waits for `start`. */
  | { stompline: 'ready' }
  /** How many messages nobody has seen, and whether the next page should load the frame without being asked to. */
  | { stompline: 'state'; unread: number; isGoing: boolean }
  /** The visitor closes the panel. */
  | { stompline: 'close' }
  /** A token of the site's user is needed. */
  | { stompline: 'ask-token'; id: number };

export type ToFrame =
  /**
   * `takesFocus`: the visitor has just opened the panel, and did not find it open. `isIdentified`: the page can give tokens of
   * the user who is signed in to it.
   */
  | { stompline: 'start'; isOpen: boolean; takesFocus: boolean; isIdentified: boolean }
  | { stompline: 'open' }
  | { stompline: 'close' }
  /** Without a token: nobody is signed in, or, with `hasFailed`, it could not be found out. */
  | { stompline: 'token'; id: number; token?: string; hasFailed?: boolean };

/** The part of a message that says it is one of ours. */
export function isOurs(data: unknown): data is { stompline: string } {
  return typeof data === 'object' && data !== null && 'stompline' in data && typeof data.stompline === 'string';
}
