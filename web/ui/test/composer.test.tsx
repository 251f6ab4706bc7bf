// @vitest-environment happy-dom
import { createRef, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Composer, type ComposerProps } from '../src/composer.tsx';

const spies = { onDraft: vi.fn(), onTyping: vi.fn(), onStopped: vi.fn(), onSend: vi.fn(), onEscape: vi.fn() };
let field: HTMLTextAreaElement;

let place: HTMLElement;

beforeEach(() => {
  vi.clearAllMocks();
  place = document.createElement('div');
  document.body.replaceChildren(place);
});
afterEach(() => render(null, place));

function show(changes: Partial<ComposerProps> = {}): void {
  const ref = createRef<HTMLTextAreaElement>();
  act(() => render(<Composer draft="" field={ref} {...spies} {...changes} />, place));
  field = ref.current as HTMLTextAreaElement;
}

function type(text: string): void {
  act(() => {
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

function press(key: string, more: KeyboardEventInit & { keyCode?: number } = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });
  act(() => {
    field.dispatchEvent(event);
  });
  return event;
}

const sendButton = (): HTMLButtonElement => document.querySelector('[data-testid=send]') as HTMLButtonElement;

test('enter sends what was written, trimmed, and empties the field', () => {
  show();
  type('  hello \n');
  expect(press('Enter').defaultPrevented).toBe(true);
  expect(spies.onSend.mock.calls).toEqual([['hello']]);
  expect(field.value).toBe('');
  expect(spies.onDraft).toHaveBeenLastCalledWith('');
});

test('second enter finds nothing to send', () => {
  show();
  type('hello');
  press('Enter');
  press('Enter');
  expect(spies.onSend).toHaveBeenCalledTimes(1);
});

test('shift and enter is a new line', () => {
  show();
  type('hello');
  expect(press('Enter', { shiftKey: true }).defaultPrevented).toBe(false);
  expect(spies.onSend).not.toHaveBeenCalled();
});

test('enter that picks a candidate of an input method sends nothing', () => {
  show();
  type('ni hao');
  press('Enter', { isComposing: true });
  const late = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true });
  Object.defineProperty(late, 'keyCode', { value: 229 });
  field.dispatchEvent(late);
  expect(spies.onSend).not.toHaveBeenCalled();
});

test('white space alone cannot be sent', () => {
  show();
  type(' \n ');
  expect(sendButton().disabled).toBe(true);
  press('Enter');
  expect(spies.onSend).not.toHaveBeenCalled();
  expect(spies.onTyping).not.toHaveBeenCalled();
});

test('text that is too long stays and says by how much', () => {
  show();
  type('字'.repeat(8_003));
  expect(sendButton().disabled).toBe(true);
  expect(document.querySelector('.composer-left')?.textContent).toBe('3 characters too many');
  press('Enter');
  expect(spies.onSend).not.toHaveBeenCalled();
  expect(field.value).toHaveLength(8_003);
});

test('length is counted in characters and not in code units', () => {
  show();
  type('🙂'.repeat(8_000));
  expect(sendButton().disabled).toBe(false);
});

test('draft comes back and is told on', () => {
  show({ draft: 'half a' });
  expect(field.value).toBe('half a');
  type('half a sentence');
  expect(spies.onDraft).toHaveBeenLastCalledWith('half a sentence');
  expect(spies.onTyping).toHaveBeenCalledTimes(1);
});

test('emptied field means no longer typing', () => {
  show();
  type('a');
  type('');
  expect(spies.onStopped).toHaveBeenCalledTimes(1);
});

test('escape leaves the field and goes no further', () => {
  show();
  const outside = vi.fn();
  document.addEventListener('keydown', outside, { once: true });
  press('Escape');
  expect(spies.onEscape).toHaveBeenCalledTimes(1);
  expect(outside).not.toHaveBeenCalled();
});
