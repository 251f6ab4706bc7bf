import { LangSwitch, Mark } from '@stompline/ui';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { d } from './texts.ts';

interface Props {
  signInUrl: string | undefined;
  onAgain(): void;
}

/** For who is not signed in to the back end that signs agents in. Whoever comes back from there is let in by themselves. */
export function SignedOut({ signInUrl, onAgain }: Props): JSX.Element {
  useEffect(() => {
    addEventListener('focus', onAgain);
    return () => removeEventListener('focus', onAgain);
  }, [onAgain]);
  return (
    <main class="sign-in">
      <div class="sign-in-card" data-testid="signed-out">
        <header>
          <Mark />
          <LangSwitch />
        </header>
        <h1>{d('signin.out')}</h1>
        <p>{d('signin.outText')}</p>
        {signInUrl !== undefined && (
          <a class="button" href={signInUrl} data-testid="sign-in-there">
            {d('signin.there')}
          </a>
        )}
        <button type="button" class={signInUrl === undefined ? 'button' : 'text-button'} onClick={onAgain} data-testid="sign-in-again">
          {d('signin.again')}
        </button>
      </div>
    </main>
  );
}
