/**
 * Randomness that can be had again. A failing case names its seed; `SIM_SEED=17 tools/test FILE` runs that case alone.
 */

/** Mulberry32: the same numbers for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) | 0;
  }

  /** 32 bits, unsigned. */
  readonly bits32 = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };

  /** 0 ≤ x < 1. */
  uniform(): number {
    return this.bits32() / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer, both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  pick<T>(from: readonly T[]): T {
    const chosen = from[Math.floor(this.uniform() * from.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const order = items.map((item) => ({ item, rank: this.uniform() }));
    return order.sort((one, other) => one.rank - other.rank).map(({ item }) => item);
  }
}

/** Runs a case with each of the seeds 1 … count, or with SIM_SEED alone. What it throws is told with its seed. */
export function forSeeds(count: number, run: (seed: number) => void): void {
  const chosen = process.env["SIM_SEED"];
  const seeds = chosen === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(chosen)];
  for (const seed of seeds) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`SIM_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}
