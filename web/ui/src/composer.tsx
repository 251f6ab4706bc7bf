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

/** The field to write in. It is never disabled because of the network: what is sent waits in the outbox. */
export function Composer(props: ComposerProps): JSX.Element {
  const [text, setText] = useState(props.draft);
  const shown = useRef(text);
  const { field } = props;
  useLayoutEffect(() => fit(field.current), [text]);
  const left = TEXT_CHARS_MAX - [...text].length;
  const canSend = text.trim().length > 0 && left >= 0;

  const change = (next: string): void => {
    shown.current = next;
    setText(next);
    props.onDraft(next);
  };
  const submit = (): void => {
    const sent = shown.current;
    if (sent.trim().length === 0 || [...sent].length > TEXT_CHARS_MAX) {
      return;
    }
    // Emptied at once, so that a second Enter finds nothing to send.
    change('');
    props.onSend(sent.trim());
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter that picks a candidate of an input method belongs to it; some browsers say so only by the code 229.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && !event.isComposing && props.onEscape !== undefined) {
      event.stopPropagation();
      props.onEscape();
    }
  };
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="composer-field">
        <textarea
          ref={field}
          rows={1}
          value={text}
          aria-label={t('composer.label')}
          placeholder={props.placeholder ?? t('composer.placeholder')}
          enterkeyhint="send"
          dir="auto"
          data-testid="composer"
          onInput={event => {
            change(event.currentTarget.value);
            if (event.currentTarget.value.trim().length > 0) {
              props.onTyping();
            } else {
              props.onStopped();
            }
          }}
          onBlur={props.onStopped}
          onKeyDown={onKeyDown}
        />
        {left < WARN_LEFT && (
          <span class={left < 0 ? 'composer-left is-over' : 'composer-left'} role="status">
            {left < 0 ? t('composer.over', { n: -left }) : t('composer.left', { n: left })}
          </span>
        )}
      </div>
      <button type="submit" class="composer-send" disabled={!canSend} aria-label={t('composer.send')} title={t('composer.send')} data-testid="send">
        <Icon name="send" />
      </button>
    </form>
  );
}

/** As high as its text, up to what the style allows. */
function fit(field: HTMLTextAreaElement | null): void {
  if (field !== null) {
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }
}
