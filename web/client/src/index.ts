/** The chat for browsers: connection, conversations, outbox. No user interface. */
export type { Banner } from './banner.ts';
export { Chat, type ChatOptions, TEXT_CHARS_MAX } from './chat.ts';
export {
  type Conversation,
  isSame,
  pointerOf,
  shownMessages,
  type Tick,
  ticksOf,
  unreadCount,
  waitingSince,
} from './conversation.ts';
export type { LinkState, Refusal } from './link.ts';
export { openOutboxStorage, type OutboxItem } from './outbox-storage.ts';
export { RequestError } from './request.ts';
export {
  type AskToken,
  CachedToken,
  claimsOf,
  expiryFrom,
  fetchToken,
  FixedToken,
  type Grant,
  HttpError,
  postJson,
  Refused,
  type TokenSource,
  UserToken,
} from './token.ts';
export { watchPage } from './wake.ts';
export type * from './wire.ts';
