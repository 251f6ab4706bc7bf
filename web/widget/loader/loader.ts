/**
 * The script that puts the widget on a page of another site:
 *
 *     <script async src="https://chat.example.com/widget/loader.js"></script>
 *
 * It leaves one global name, `Stompline`, and one element, whose shadow root holds everything.
 */
import { fetchToken } from '@stompline/client/token';
import { Embed, type EventName } from './embed.ts';
import { type Given, type Identify, readSettings } from './settings.ts';

/** What the page gave, then what it is given. */
interface Global {
  Stompline?: object;
}

function start(script: HTMLScriptElement, given: Given): void {
  const embed = new Embed(readSettings(script, given, fetchToken));
  const stompline = {
    open: () => embed.open(),
    close: () => embed.close(),
    identify: (identify: Identify | null) => embed.identify(identify),
    on: (name: EventName, listener: (unread: number) => void) => embed.on(name, listener),
  };
  (globalThis as Global).Stompline = stompline;
  given.onReady?.(stompline);
}

const script = document.currentScript ?? document.querySelector('script[src*="/widget/loader.js"]');
const found = (globalThis as Global).Stompline ?? {};
// A page that has the script twice has one chat, also if neither has begun.
if (script instanceof HTMLScriptElement && !('open' in found) && !('isAwaited' in found)) {
  const given: Given = found;
  (globalThis as Global).Stompline = { ...found, isAwaited: true };
  if (document.body === null) {
    addEventListener('DOMContentLoaded', () => start(script, given), { once: true });
  } else {
    start(script, given);
  }
}
