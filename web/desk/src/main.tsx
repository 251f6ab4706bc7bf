import { startLang } from '@stompline/ui';
import { signal } from '@preact/signals';
import { type JSX, render } from 'preact';
import './style/rail.css';
import './style/thread.css';
import './style/side.css';
import './style/entry.css';
import './style/size.css';
import { Desk } from './app.tsx';
import { type BackEnd, enterThrough, findBackEnd, untilAnswered } from './back-end.ts';
import { Shift } from './shift.ts';
import { type Entrance, enterWith, findEntrance, leave, takeFromFragment } from './sign-in.ts';
import { SignInForm } from './sign-in-form.tsx';
import { SignedOut } from './signed-out.tsx';
import { d } from './texts.ts';

type Stage =
  | { kind: 'looking'; hasFailed: boolean }
  | { kind: 'outside'; wasRefused: boolean }
  | { kind: 'signed-out'; backEnd: BackEnd }
  | { kind: 'inside'; shift: Shift; entrance: Entrance };

const stage = signal<Stage>({ kind: 'looking', hasFailed: false });

async function begin(): Promise<void> {
  const noteFailure = (): void => {
    stage.value = { kind: 'looking', hasFailed: true };
  };
  const backEnd = await untilAnswered(() => findBackEnd(location.origin), noteFailure);
  if (backEnd !== undefined) {
    takeFromFragment();
    const entrance = await untilAnswered(() => enterThrough(backEnd), noteFailure);
    if (entrance === undefined) {
      stage.value = { kind: 'signed-out', backEnd };
    } else {
      enter(entrance, backEnd);
    }
    return;
  }
  const entrance = await findEntrance(location.origin);
  if (entrance === undefined) {
    stage.value = { kind: 'outside', wasRefused: false };
  } else {
    enter(entrance);
  }
}

function enter(entrance: Entrance, backEnd?: BackEnd): void {
  const shift = new Shift(location.origin, entrance);
  stage.value = { kind: 'inside', shift, entrance };
  shift.chat.changed.on(() => {
    if (shift.chat.refusal === 'changed') {
      // What is shown belongs to another agent.
      location.reload();
    } else if (backEnd !== undefined && shift.chat.refusal === 'token') {
      shift.end();
      stage.value = { kind: 'signed-out', backEnd };
    }
    // A token that was given by hand and does not do leads back to the form where another can be given.
    if (entrance.isOwnToken && shift.chat.state === 'refused' && shift.chat.refusal === 'token') {
      goOutside(shift, true);
    }
  });
}

/** Somebody may have signed in meanwhile. */
function again(): void {
  if (stage.value.kind === 'signed-out') {
    stage.value = { kind: 'looking', hasFailed: false };
    void begin();
  }
}

function goOutside(shift: Shift, wasRefused: boolean): void {
  shift.end();
  leave();
  stage.value = { kind: 'outside', wasRefused };
}

function App(): JSX.Element {
  const now = stage.value;
  switch (now.kind) {
    case 'looking':
      return (
        <p class="looking" role="status">
          {d(now.hasFailed ? 'signin.failed' : 'signin.checking')}
        </p>
      );
    case 'signed-out':
      return <SignedOut signInUrl={now.backEnd.signInUrl} onAgain={again} />;
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
void begin();
