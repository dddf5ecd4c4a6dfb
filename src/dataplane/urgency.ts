/**
 * When the worker is run in real time (SCHED_FIFO, sched(7)): before every ordinary thread, so that neither frames nor the times
 * of probes wait for whatever else the machine does. Only a thread that mostly sleeps may be: one that moves gigabits is
 * busy all the time, and would keep the programs that it moves them for from running.
 */

/** Processor time is looked at over so long. */
const WINDOW_MS = 200;
/** A thread that has used at most this share of a core in every window ... */
const CALM_SHARE = 0.2;
/** ... for so long runs in real time ... */
const CALM_MS = 1000;
/** ... until it uses more than this in one. */
const BUSY_SHARE = 0.4;

/** `refused`: by the operating system; `off`: by the file. */
export type UrgencyState = "realtime" | "normal" | "refused" | "off";

export class Urgency {
  readonly #setRealtime: (on: boolean) => number;
  #state: UrgencyState;
  #errno = 0;
  #share = 0;
  #windowMs: number;
  #cpuUs: number;
  #calmSinceMs: number;

  /** `setRealtime` returns 0 or an errno; `cpuUs`: what the thread has used so far. */
  constructor(setRealtime: (on: boolean) => number, wanted: boolean, nowMs: number, cpuUs: number) {
    this.#setRealtime = setRealtime;
    this.#state = wanted ? "normal" : "off";
    this.#windowMs = nowMs;
    this.#calmSinceMs = nowMs;
    this.#cpuUs = cpuUs;
  }

  /** Share of a core used in the last window. */
  get share(): number {
    return this.#share;
  }

  get state(): UrgencyState {
    return this.#state;
  }

  /** Why it was refused; 0 if it was not. */
  get errno(): number {
    return this.#errno;
  }

  /** Whether it is time to {@link look}: reading a thread's processor time costs a system call. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#windowMs >= WINDOW_MS;
  }

  look(nowMs: number, cpuUs: number): void {
    this.#share = (cpuUs - this.#cpuUs) / 1000 / (nowMs - this.#windowMs);
    this.#cpuUs = cpuUs;
    this.#windowMs = nowMs;
    if (this.#share > CALM_SHARE) this.#calmSinceMs = nowMs;
    if (this.#state === "realtime" && this.#share > BUSY_SHARE) this.leave();
    else if (this.#state === "normal" && nowMs - this.#calmSinceMs >= CALM_MS) this.#enter();
  }

  /** Back to an ordinary thread. */
  leave(): void {
    if (this.#state !== "realtime") return;
    this.#state = "normal";
    this.#setRealtime(false);
  }

  #enter(): void {
    this.#errno = this.#setRealtime(true);
    this.#state = this.#errno === 0 ? "realtime" : "refused";
  }
}
