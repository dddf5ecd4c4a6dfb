// When to repeat an initiation: from `retryFirst` doubling up to `retryMax`, later to `retryLong`, or to `retryWanted`
// while frames wait for it, each time a little off, so that two ends that started together come apart. Once it is past
// the quick attempts it shares the pace of all calls that nobody answers.

import type { SessionTimers } from "./timers.ts";
import type { VainCalls } from "./vain-calls.ts";

export class Backoff {
  readonly #timers: SessionTimers;
  readonly #vainCalls: VainCalls;
  #delay: number;
  #dueAt = Infinity;
  #lastAt = -Infinity;
  /** Of the attempts since the last success. */
  #firstAt: number | undefined;
  #spread = 1;

  constructor(timers: SessionTimers, vainCalls: VainCalls) {
    this.#timers = timers;
    this.#vainCalls = vainCalls;
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
    const { retryJitter, retryMax, retryLong, retryPatience } = this.#timers;
    this.#firstAt ??= now;
    this.#lastAt = now;
    this.#spread = 1 + retryJitter * (2 * fraction - 1);
    const isVain = this.#delay >= retryMax;
    if (isVain) this.#vainCalls.add(this);
    const pause = isVain ? Math.max(this.#delay, this.#vainCalls.pause) : this.#delay;
    this.#dueAt = now + pause * this.#spread;
    this.#delay = Math.min(2 * this.#delay, now - this.#firstAt < retryPatience ? retryMax : retryLong);
  }

  /** There is reason to hope: go on as at the beginning. Never delays an attempt. */
  hasten(now: number): void {
    this.#vainCalls.remove(this);
    this.#delay = this.#timers.retryFirst;
    this.#dueAt = Math.min(this.#dueAt, now + this.#delay);
  }

  /** Somebody is waiting: the pause that has begun shall not be a long one. */
  press(): void {
    if (this.running)
      this.#dueAt = Math.min(this.#dueAt, this.#lastAt + this.#timers.retryWanted * this.#spread);
  }

  stop(): void {
    this.#vainCalls.remove(this);
    this.#firstAt = undefined;
    this.#delay = this.#timers.retryFirst;
    this.#dueAt = Infinity;
  }
}
