import { signal } from '@preact/signals';

/** What is on top of the stack of screens. It lives in the history, so a phone's back button and a reload work. */
export interface Route {
  readonly thread?: string;
  readonly isSideOpen?: boolean;
}

export const route = signal<Route>(readState(history.state));

addEventListener('popstate', event => {
  route.value = readState(event.state);
});

/** Opens a conversation. Going from one to the next leaves one step back to the list, not many. */
export function openThread(thread: string): void {
  go({ thread }, route.value.thread !== undefined);
}

export function openSide(): void {
  if (route.value.thread !== undefined && route.value.isSideOpen !== true) {
    go({ thread: route.value.thread, isSideOpen: true }, false);
  }
}

/** One screen back; to the list if nothing else. */
export function goBack(): void {
  if (route.value.thread !== undefined) {
    history.back();
  }
}

/** The conversation is not there any more. */
export function leaveThread(): void {
  go({}, true);
}

function go(next: Route, isReplacing: boolean): void {
  if (isReplacing) {
    history.replaceState(next, '');
  } else {
    history.pushState(next, '');
  }
  route.value = next;
}

function readState(state: unknown): Route {
  if (typeof state !== 'object' || state === null) {
    return {};
  }
  const { thread, isSideOpen } = state as Record<string, unknown>;
  return typeof thread === 'string' ? { thread, ...(isSideOpen === true && { isSideOpen }) } : {};
}
