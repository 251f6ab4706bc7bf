const PREFIX = 'stompline-widget:';

export type Remembered = 'device-secret' | 'is-open' | 'draft';

/**
 * Some browsers deny storage to a frame of another site (Chromium where third-party cookies are blocked, as in its private
 * windows) and still keep cookies that belong to the frame on that one site. Nothing reads these but this page: the server is
 * shown them with requests below `/widget/` and does not look.
 */
const COOKIE_ATTRIBUTES = 'Path=/widget/; Max-Age=31536000; Secure; SameSite=None; Partitioned';

/**
 * What the widget remembers on this device of one visitor: of whoever has no account, or of one user of the site. Without
 * any place to keep it, it remembers for as long as the page lives.
 */
export class Memory {
  readonly #prefix: string;
  readonly #fallback = new Map<string, string>();

  constructor(user = '') {
    this.#prefix = user === '' ? PREFIX : `${PREFIX}${user}:`;
  }

  remember(key: Remembered, value: string): void {
    this.#fallback.set(key, value);
    try {
      localStorage.setItem(this.#prefix + key, value);
    } catch {
      this.#rememberInCookie(key, value);
    }
  }

  recall(key: Remembered): string | undefined {
    try {
      return localStorage.getItem(this.#prefix + key) ?? this.#fallback.get(key);
    } catch {
      return this.#fallback.get(key) ?? this.#recallFromCookie(key);
    }
  }

  #rememberInCookie(key: Remembered, value: string): void {
    if (key !== 'draft') {
      document.cookie = `${this.#cookieName(key)}=${encodeURIComponent(value)}; ${COOKIE_ATTRIBUTES}`;
    }
  }

  #recallFromCookie(key: Remembered): string | undefined {
    const start = `${this.#cookieName(key)}=`;
    const found = document.cookie.split('; ').find(cookie => cookie.startsWith(start));
    return found === undefined ? undefined : decodeURIComponent(found.slice(start.length));
  }

  #cookieName(key: Remembered): string {
    return encodeURIComponent(this.#prefix + key);
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
