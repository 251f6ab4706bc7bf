import { TEXT_CHARS_MAX } from '@stompline/client';
import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import { t } from './words.ts';

/** From here on the remaining room is told. */
const WARN_LEFT = 500;

export interface ComposerProps {
  /** What was being written here before. */
  draft: string;
  placeholder?: string;
  field: RefObject<HTMLTextAreaElement | null>;
  onDraft(text: string): void;
  onTyping(): void;
  onStopped(): void;
  onSend(text: string): void;
  onEscape?: () => void;
}

interface Writing {
  text: string;
  canSend: boolean;
  /** How many characters are left; negative if there are too many. */
  left: number;
  change(text: string): void;
  submit(): void;
}

/** What is in the field, and how it leaves it. */
function useWriting({ draft, field, onDraft, onSend }: ComposerProps): Writing {
  const [text, setText] = useState(draft);
  const shown = useRef(text);
  const left = TEXT_CHARS_MAX - [...text].length;
  const change = (next: string): void => {
    shown.current = next;
    setText(next);
    onDraft(next);
  };
  const submit = (): void => {
    const sent = shown.current;
    if (sent.trim().length === 0 || [...sent].length > TEXT_CHARS_MAX) {
      return;
    }
    // Emptied at once, so that a second Enter finds nothing to send.
    change('');
    onSend(sent.trim());
    field.current?.focus();
  };
  return { text, canSend: text.trim().length > 0 && left >= 0, left, change, submit };
}

/** The field to write in. It is never disabled because of the network: what is sent waits in the outbox. */
export function Composer(props: ComposerProps): JSX.Element {
  const writing = useWriting(props);
  const { left } = writing;
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault();
        writing.submit();
      }}
    >
      <div class="composer-field">
        <Field {...props} writing={writing} />
        {left < WARN_LEFT && (
          <span class={left < 0 ? 'composer-left is-over' : 'composer-left'} role="status">
            {left < 0 ? t('composer.over', { n: -left }) : t('composer.left', { n: left })}
          </span>
        )}
      </div>
      <button
        type="submit"
        class="composer-send"
        disabled={!writing.canSend}
        aria-label={t('composer.send')}
        title={t('composer.send')}
        data-testid="send"
      >
        <Icon name="send" />
      </button>
    </form>
  );
}

function Field({ writing, ...props }: ComposerProps & { writing: Writing }): JSX.Element {
  const { field } = props;
  useLayoutEffect(() => fit(field.current), [writing.text]);
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter that picks a candidate of an input method belongs to it; some browsers say so only by the code 229.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      writing.submit();
    } else if (event.key === 'Escape' && !event.isComposing && props.onEscape !== undefined) {
      event.stopPropagation();
      props.onEscape();
    }
  };
  const onInput = (text: string): void => {
    writing.change(text);
    if (text.trim().length > 0) {
      props.onTyping();
    } else {
      props.onStopped();
    }
  };
  return (
    <textarea
      ref={field}
      rows={1}
      value={writing.text}
      aria-label={t('composer.label')}
      placeholder={props.placeholder ?? t('composer.placeholder')}
      enterkeyhint="send"
      dir="auto"
      data-testid="composer"
      onInput={event => onInput(event.currentTarget.value)}
      onBlur={props.onStopped}
      onKeyDown={onKeyDown}
    />
  );
}

/** As high as its text, up to what the style allows. */
function fit(field: HTMLTextAreaElement | null): void {
  if (field !== null) {
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }
}
