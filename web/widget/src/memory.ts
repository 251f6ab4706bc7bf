/** What the widget remembers on this device. Without storage it remembers for as long as the page lives. */
const fallback = new Map<string, string>();
const PREFIX = 'stompline-widget:';

export type Remembered = 'device-secret' | 'is-open' | 'draft';

export function remember(key: Remembered, value: string): void {
  fallback.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // The copy above has to do.
  }
}

export function recall(key: Remembered): string | undefined {
  try {
    return localStorage.getItem(PREFIX + key) ?? fallback.get(key);
  } catch {
    return fallback.get(key);
  }
}
