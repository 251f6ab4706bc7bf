import { LangSwitch, Mark } from '@stompline/ui';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isToken } from './sign-in.ts';
import { d } from './texts.ts';

interface Props {
  /** The token that was tried before did not do. */
  wasRefused: boolean;
  onToken(token: string): void;
}

/** For who comes without a token in the address, to a server that gives none away. */
export function SignInForm({ wasRefused, onToken }: Props): JSX.Element {
  const [fault, setFault] = useState(wasRefused ? d('signin.refused') : '');
  return (
    <main class="sign-in">
      <form
        class="sign-in-card"
        onSubmit={event => {
          event.preventDefault();
          const token = String(new FormData(event.currentTarget).get('token') ?? '').trim();
          if (isToken(token)) {
            onToken(token);
          } else {
            setFault(token === '' ? d('signin.empty') : d('signin.notToken'));
          }
        }}
      >
        <header>
          <Mark />
          <LangSwitch />
        </header>
        <h1>{d('signin.title')}</h1>
        <p id="sign-in-text">{d('signin.text')}</p>
        <label>
          <span>{d('signin.label')}</span>
          <textarea name="token" rows={4} autocomplete="off" spellcheck={false} aria-describedby="sign-in-text sign-in-fault" aria-invalid={fault !== ''} data-testid="token" />
        </label>
        <code>{d('signin.hint')}</code>
        <p id="sign-in-fault" class="sign-in-fault" role="alert" data-testid="sign-in-fault">
          {fault}
        </p>
        <button type="submit" class="button" data-testid="sign-in">
          {d('signin.submit')}
        </button>
      </form>
    </main>
  );
}
