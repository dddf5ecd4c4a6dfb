// When to repeat an initiation: from `retryFirst` doubling up to `retryMax`, or to `retryWanted` while frames wait for
// it, each time a little off, so that two ends that started together come apart.

import type { SessionTimers } from "./timers.ts";

export class Backoff {
  readonly #timers: SessionTimers;
  #delay: number;
  #dueAt = Infinity;
  #lastAt = -Infinity;
  #spread = 1;

  constructor(timers: SessionTimers) {
    this.#timers = timers;
    this.#delay = timers.retryFirst;
  }

  /** When the next attempt is due, ms; Infinity if stopped. */
  get dueAt(): number {
    return this.#dueAt;
  }

  get running(): boolean {
    return this.#dueAt !== Infinity;
  }

  /** An attempt is made now. `fraction` is random, in [0, 1). */
  attempt(now: number, fraction: number): void {
    const { retryJitter, retryMax } = this.#timers;
    this.#lastAt = now;
    this.#spread = 1 + retryJitter * (2 * fraction - 1);
    this.#dueAt = now + this.#delay * this.#spread;
    this.#delay = Math.min(2 * this.#delay, retryMax);
  }

  /** There is reason to hope: go on as at the beginning. Never delays an attempt. */
  hasten(now: number): void {
    this.#delay = this.#timers.retryFirst;
    this.#dueAt = Math.min(this.#dueAt, now + this.#delay);
  }

  /** Somebody is waiting: the pause that has begun shall not be a long one. */
  press(): void {
    if (this.running)
      this.#dueAt = Math.min(this.#dueAt, this.#lastAt + this.#timers.retryWanted * this.#spread);
  }

  stop(): void {
    this.#delay = this.#timers.retryFirst;
    this.#dueAt = Infinity;
  }
}
