import { startLang } from '@stompline/ui';
import { signal } from '@preact/signals';
import { type JSX, render } from 'preact';
import './style/rail.css';
import './style/thread.css';
import './style/side.css';
import './style/entry.css';
import './style/size.css';
import { Desk } from './app.tsx';
import { Shift } from './shift.ts';
import { type Entrance, enterWith, findEntrance, leave } from './sign-in.ts';
import { SignInForm } from './sign-in-form.tsx';
import { d } from './texts.ts';

type Stage =
  | { kind: 'looking' }
  | { kind: 'outside'; wasRefused: boolean }
  | { kind: 'inside'; shift: Shift; entrance: Entrance };

const stage = signal<Stage>({ kind: 'looking' });

function enter(entrance: Entrance): void {
  const shift = new Shift(location.origin, entrance);
  stage.value = { kind: 'inside', shift, entrance };
  shift.chat.changed.on(() => {
    // A token that was given by hand and does not do leads back to the form where another can be given.
    if (entrance.isOwnToken && shift.chat.state === 'refused' && shift.chat.refusal === 'token') {
      goOutside(shift, true);
    }
  });
}

function goOutside(shift: Shift, wasRefused: boolean): void {
  shift.chat.disconnect();
  leave();
  stage.value = { kind: 'outside', wasRefused };
}

function App(): JSX.Element {
  const now = stage.value;
  switch (now.kind) {
    case 'looking':
      return (
        <p class="looking" role="status">
          {d('signin.checking')}
        </p>
      );
    case 'outside':
      return <SignInForm wasRefused={now.wasRefused} onToken={token => enter(enterWith(token))} />;
    case 'inside': {
      const { shift, entrance } = now;
      return <Desk shift={shift} onSignOut={entrance.isOwnToken ? () => goOutside(shift, false) : undefined} />;
    }
  }
}

startLang();
const root = document.getElementById('app');
if (root !== null) {
  render(<App />, root);
}
void findEntrance(location.origin).then(entrance => {
  if (entrance === undefined) {
    stage.value = { kind: 'outside', wasRefused: false };
  } else {
    enter(entrance);
  }
});
