/**
 * The least of the samples of a while, kept as the minima of two half-windows:
 *
 *     ····|···· previous ····|··· present ···▶ now        covers one to two half-windows
 */

export class WindowedMinimum {
  readonly #halfUs: number;
  #startUs = -Infinity;
  #present = Infinity;
  #previous = Infinity;

  /** @param halfUs length of a half-window, µs */
  constructor(halfUs: number) {
    this.#halfUs = halfUs;
  }

  /** Infinity = no sample. */
  get value(): number {
    return Math.min(this.#present, this.#previous);
  }

  reset(): void {
    this.#startUs = -Infinity;
    this.#present = this.#previous = Infinity;
  }

  /** `nowUs` never goes back. */
  add(nowUs: number, sample: number): void {
    const ageUs = nowUs - this.#startUs;
    if (ageUs >= this.#halfUs) {
      this.#previous = ageUs < 2 * this.#halfUs ? this.#present : Infinity;
      this.#present = Infinity;
      this.#startUs = nowUs;
    }
    this.#present = Math.min(this.#present, sample);
  }
}
