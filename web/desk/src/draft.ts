import { signal } from '@preact/signals';

const PREFIX = 'stompline-desk:draft:';

/** What is half written, by conversation. It survives a reload and never shows up in another conversation. */
const drafts = signal<ReadonlyMap<string, string>>(readAll());

export function draftIn(conversationId: string): string {
  return drafts.value.get(conversationId) ?? '';
}

export function keepDraft(conversationId: string, text: string): void {
  const next = new Map(drafts.value);
  const key = PREFIX + conversationId;
  try {
    if (text === '') {
      next.delete(conversationId);
      localStorage.removeItem(key);
    } else {
      next.set(conversationId, text);
      localStorage.setItem(key, text);
    }
  } catch {
    // Without storage a draft lives as long as the page.
  }
  drafts.value = next;
}

function readAll(): Map<string, string> {
  const found = new Map<string, string>();
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const key = localStorage.key(index);
      if (key?.startsWith(PREFIX)) {
        found.set(key.slice(PREFIX.length), localStorage.getItem(key) ?? '');
      }
    }
  } catch {
    // No storage, no drafts.
  }
  return found;
}
