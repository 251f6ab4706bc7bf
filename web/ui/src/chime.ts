export type ChimeKind = 'message' | 'waiting';

/** Tones as `[frequency in Hz, start in s]`: a message falls softly, somebody who waits asks. */
const TONES: Record<ChimeKind, ReadonlyArray<readonly [number, number]>> = {
  message: [[880, 0], [659.3, 0.11]],
  waiting: [[587.3, 0], [784, 0.14], [1174.7, 0.28]],
};
const TONE_S = 0.5;
const LOUDNESS = 0.12;

/** Short sounds, made and not fetched. Browsers let a page sound only after somebody has touched it. */
export class Chime {
  #context: AudioContext | undefined;

  constructor() {
    const unlock = (): void => {
      // Some keys do not count as a touch.
      if (navigator.userActivation?.hasBeenActive ?? true) {
        removeEventListener('click', unlock, true);
        removeEventListener('keydown', unlock, true);
        this.#open();
      }
    };
    addEventListener('click', unlock, true);
    addEventListener('keydown', unlock, true);
  }

  play(kind: ChimeKind): void {
    const context = this.#context;
    if (context === undefined) {
      return;
    }
    context.resume().then(
      () => {
        for (const [frequency, start] of TONES[kind]) {
          sound(context, frequency, context.currentTime + start);
        }
      },
      () => undefined,
    );
  }

  #open(): void {
    if (typeof AudioContext !== 'undefined') {
      this.#context = new AudioContext();
      // Without work the sound hardware may sleep.
      this.#context.suspend().catch(() => undefined);
    }
  }
}

/** One tone that fades like a small bell. */
function sound(context: AudioContext, frequency: number, start: number): void {
  const tone = new OscillatorNode(context, { type: 'sine', frequency });
  const loudness = new GainNode(context, { gain: 0 });
  loudness.gain.setValueAtTime(0, start);
  loudness.gain.linearRampToValueAtTime(LOUDNESS, start + 0.012);
  loudness.gain.exponentialRampToValueAtTime(0.0001, start + TONE_S);
  tone.connect(loudness).connect(context.destination);
  tone.start(start);
  tone.stop(start + TONE_S);
}
