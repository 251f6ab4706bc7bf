import type { JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface Props {
  label: string;
  isOn: boolean;
  /** What is drawn while it is on, and while it is off. */
  icons: readonly [IconName, IconName];
  testId: string;
  onSwitch(): void;
}

/** A button that is on or off. */
export function SwitchButton({ label, isOn, icons, testId, onSwitch }: Props): JSX.Element {
  return (
    <button type="button" class="icon-button" aria-pressed={isOn} aria-label={label} title={label} onClick={onSwitch} data-testid={testId}>
      <Icon name={icons[isOn ? 0 : 1]} />
    </button>
  );
}
