import { startLang } from '@stompline/ui';
import { render } from 'preact';
import { App } from './app.tsx';
import './widget.css';
import { Frame, FrameView } from './frame.tsx';
import { HostPage } from './host-page.ts';
import { guest } from './identity.ts';
import { wasPanelOpen } from './memory.ts';
import { Visit } from './visit.ts';
import { followViewport } from './viewport.ts';

function showFrame(root: HTMLElement, host: HostPage): void {
  const frame = new Frame(host);
  render(<FrameView frame={frame} />, root);
  void frame.begin();
}

function showPage(root: HTMLElement): void {
  const isPanelOnly = new URLSearchParams(location.search).get('view') === 'panel';
  const visit = new Visit(location.origin, guest(location.origin));
  if (isPanelOnly || wasPanelOpen()) {
    visit.openPanel();
  }
  render(<App visit={visit} isPanelOnly={isPanelOnly} />, root);
}

startLang();
followViewport();
const root = document.getElementById('app');
const host = HostPage.around(window);
if (root !== null && host !== undefined) {
  showFrame(root, host);
} else if (root !== null) {
  showPage(root);
}
