import { startLang } from '@stompline/ui';
import { render } from 'preact';
import { App } from './app.tsx';
import './widget.css';
import { wasPanelOpen } from './memory.ts';
import { Visit } from './visit.ts';
import { followViewport } from './viewport.ts';

startLang();
followViewport();
const root = document.getElementById('app');
if (root !== null) {
  const isPanelOnly = new URLSearchParams(location.search).get('view') === 'panel';
  const visit = new Visit(location.origin);
  if (isPanelOnly || wasPanelOpen()) {
    visit.openPanel();
  }
  render(<App visit={visit} isPanelOnly={isPanelOnly} />, root);
}
