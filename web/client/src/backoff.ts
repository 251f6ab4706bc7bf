/** The widest first delay before a new connection is tried, in milliseconds. */
export const BACKOFF_FIRST_MS = 500;
/** The widest delay of all, in milliseconds. */
export const BACKOFF_LAST_MS = 30_000;

/**
 * The delay before attempt number `attempt` (from 0), in milliseconds: uniform between nothing and a ceiling that doubles.
 *
 * Full jitter and not a fixed delay: when a node is lost all its clients are lost in the same moment, and only the
 * spread keeps them from coming back in the same moment.
 */
export function fullJitter(attempt: number, random: () => number = Math.random): number {
  const doubled = BACKOFF_FIRST_MS * 2 ** Math.min(Math.max(attempt, 0), 16);
  return Math.floor(random() * Math.min(doubled, BACKOFF_LAST_MS));
}
