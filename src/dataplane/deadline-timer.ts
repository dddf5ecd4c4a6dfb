/** One timer for whatever is due first, for deadlines that the plane's regular tick would meet too late. */

/** What is overdue all the time must not keep the thread busy. */
const SOONEST_MS = 2;

export class DeadlineTimer {
  readonly #run: () => void;
  readonly #withinUs: number;
  #timer: NodeJS.Timeout | undefined;
  #armedUs = Infinity;

  /** @param withinUs deadlines farther away are left to the regular tick, which asks again */
  constructor(withinUs: number, run: () => void) {
    this.#withinUs = withinUs;
    this.#run = run;
  }

  /** Something is due at `dueUs`; an earlier deadline stays. */
  arm(nowUs: number, dueUs: number): void {
    if (dueUs >= this.#armedUs || dueUs - nowUs >= this.#withinUs) return;
    this.stop();
    this.#armedUs = dueUs;
    this.#timer = setTimeout(() => this.#fire(), Math.max(SOONEST_MS, Math.ceil((dueUs - nowUs) / 1000)));
  }

  /** Nothing is due before `dueUs`: what was armed for is done. */
  set(nowUs: number, dueUs: number): void {
    if (dueUs === this.#armedUs) return;
    this.stop();
    this.arm(nowUs, dueUs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedUs = Infinity;
  }

  #fire(): void {
    this.#armedUs = Infinity;
    this.#run();
  }
}
