/** CLOCK_MONOTONIC_RAW in µs: what timers run on and the mesh clock is made of. */

/** A test's knob: the parts per million by which this node's crystal is to be wrong. */
const DRIFT_KNOB = "ETHERLOOM_TEST_DRIFT_PPM";
const LARGEST_DRIFT = 1000;

export class RawClock {
  readonly #now: () => number;
  readonly #startUs: number;
  readonly #rate: number;

  /** @param now reads the system's clock, µs */
  constructor(now: () => number, driftPpm: number = 0) {
    this.#now = now;
    this.#startUs = now();
    this.#rate = 1 + driftPpm / 1e6;
  }

  now(): number {
    return this.of(this.#now());
  }

  /** A stamp of the system's clock in this one's time. */
  of(systemUs: number): number {
    return this.#startUs + (systemUs - this.#startUs) * this.#rate;
  }
}

/** The drift that a test asks for, ppm; 0 where none does. */
export function testDrift(environment: Readonly<Record<string, string | undefined>>): number {
  const asked = Number(environment[DRIFT_KNOB] ?? 0);
  return Math.abs(asked) <= LARGEST_DRIFT ? asked : 0;
}
