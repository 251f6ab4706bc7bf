import { type Attention, isLookedAt, Watch } from './attention.ts';
import { Chime, type ChimeKind } from './chime.ts';
import { Choice } from './choice.ts';
import { Leader } from './leader.ts';

/** Something that somebody should hear of although they do not look. */
export interface Notice {
  kind: ChimeKind;
  /** What it is about: whoever looks at that needs no notice. */
  topic: string;
  title: string;
  text: string;
}

export interface NoticesOptions {
  /** Names the page and whose it is: tabs of the same name speak with one voice. */
  name: string;
  /** Whether this page, which is before somebody's eyes, shows that topic. */
  isShown(topic: string): boolean;
  /** Tells of it outside the page, when nobody looks at any tab of it. */
  onAway?(notice: Notice): void;
  /** For tests. */
  chime?: { play(kind: ChimeKind): void };
}

/** Tells of what happens while nobody looks, once over all tabs: by a sound, and outside the page. */
export class Notices {
  readonly sound: Choice;
  readonly #options: NoticesOptions;
  readonly #chime: { play(kind: ChimeKind): void };
  readonly #leader: Leader;
  readonly #watch: Watch;
  #isStopped = false;

  constructor(options: NoticesOptions) {
    const { name } = options;
    this.#options = options;
    this.#chime = options.chime ?? new Chime();
    this.sound = new Choice(`${name}:sound`, true);
    this.#leader = new Leader(`${name}:leader`);
    this.#watch = new Watch(`${name}:watch`, topic => this.#attention(topic));
  }

  /** Several notices of one moment make one sound. */
  async tell(notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0 || !(await this.#leader.isLeading())) {
      return;
    }
    if (this.#isStopped) {
      return;
    }
    const attentions = await Promise.all(notices.map(({ topic }) => this.#watch.to(topic)));
    const unseen = notices.filter((_, index) => attentions[index] !== 'there');
    const loudest = unseen.find(({ kind }) => kind === 'waiting') ?? unseen[0];
    if (loudest !== undefined && this.sound.isOn.peek()) {
      this.#chime.play(loudest.kind);
    }
    notices.filter((_, index) => attentions[index] === 'away').forEach(notice => this.#options.onAway?.(notice));
  }

  switchSound(): void {
    this.sound.set(!this.sound.isOn.peek());
    if (this.sound.isOn.peek()) {
      this.#chime.play('message');
    }
  }

  /** Nothing more is told from here; another tab may speak. */
  stop(): void {
    this.#isStopped = true;
    this.#leader.stop();
    this.#watch.stop();
  }

  #attention(topic: string): Attention {
    return !isLookedAt() ? 'away' : this.#options.isShown(topic) ? 'there' : 'elsewhere';
  }
}
