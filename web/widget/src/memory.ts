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

const PANEL = `${PREFIX}panel`;

/** Keeps in mind, for this tab only, whether the panel is open: a reload should not shut it in the middle of a sentence. */
export function rememberPanel(isOpen: boolean): void {
  try {
    sessionStorage.setItem(PANEL, isOpen ? 'open' : 'shut');
  } catch {
    // Without storage a reload shuts the panel, and nothing else is lost.
  }
}

/** Whether the panel was open before this tab was loaded again. */
export function wasPanelOpen(): boolean {
  try {
    return sessionStorage.getItem(PANEL) === 'open';
  } catch {
    return false;
  }
}

export function recall(key: Remembered): string | undefined {
  try {
    return localStorage.getItem(PREFIX + key) ?? fallback.get(key);
  } catch {
    return fallback.get(key);
  }
}
