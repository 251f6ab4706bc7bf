const GOING = 'stompline-going';
const PANEL = 'stompline-panel';

/** What the site's own storage keeps. Neither says who the visitor is. */
export function recall(): { isGoing: boolean; isOpen: boolean } {
  try {
    return { isGoing: localStorage.getItem(GOING) !== null, isOpen: sessionStorage.getItem(PANEL) !== null };
  } catch {
    return { isGoing: false, isOpen: false };
  }
}

/** On the next page the frame is loaded at once: there is a conversation. */
export function rememberGoing(isGoing: boolean): void {
  keep(() => localStorage, GOING, isGoing);
}

/** In this tab the panel is open again after a reload. */
export function rememberOpen(isOpen: boolean): void {
  keep(() => sessionStorage, PANEL, isOpen);
}

function keep(storage: () => Storage, key: string, is: boolean): void {
  try {
    if (is) {
      storage().setItem(key, '1');
    } else {
      storage().removeItem(key);
    }
  } catch {
    // Without storage the next page begins with the panel shut, and the frame is loaded when it is opened.
  }
}
