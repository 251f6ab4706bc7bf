import { SwitchButton } from '@stompline/ui';
import type { JSX } from 'preact';
import { w } from './texts.ts';
import type { Visit } from './visit.ts';

/** Whether an answer that comes while nobody looks makes a sound. */
export function SoundSwitch({ visit: { notices } }: { visit: Visit }): JSX.Element {
  return (
    <SwitchButton label={w('sound.switch')} isOn={notices.sound.isOn.value} icons={['sound', 'mute']} onSwitch={() => notices.switchSound()} testId="sound" />
  );
}
