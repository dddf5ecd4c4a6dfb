/** Random numbers from the system's cryptographic source, drawn in bulk so that one costs no call. */
import { randomFillSync } from "node:crypto";

const DRAWN = 256;

export class RandomBits {
  readonly #drawn: Uint32Array = new Uint32Array(DRAWN);
  #left = 0;

  /** 32 bits. */
  readonly next = (): number => {
    if (this.#left === 0) {
      randomFillSync(this.#drawn);
      this.#left = DRAWN;
    }
    this.#left--;
    return this.#drawn[this.#left] ?? 0;
  };
}
