/** A process's main thread, which may be blocked: what it should do then is done afterwards, in the same order. */
import type { EventQueue } from "./event-queue.ts";

export class MainThread {
  readonly #time: EventQueue;
  #blockedUntilUs = -Infinity;

  constructor(time: EventQueue) {
    this.#time = time;
  }

  block(us: number): void {
    this.#blockedUntilUs = this.#time.nowUs + us;
  }

  run(task: () => void): void {
    if (this.#time.nowUs >= this.#blockedUntilUs) task();
    else this.#time.at(this.#blockedUntilUs, () => this.run(task));
  }
}
