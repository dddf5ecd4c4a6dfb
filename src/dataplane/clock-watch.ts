/**
 * Notices when the raw clock stops telling how much time has passed: the machine was suspended, or the clock jumped
 * (a virtual machine moved, say). What was measured before cannot be compared with what comes (DESIGN §7).
 */

/** A machine that slept for less is not told from readings taken a moment apart. */
const SUSPENDED_US = 1_000_000;
/**
 * Time daemons slew CLOCK_MONOTONIC against the raw one: ntpd by 500 ppm, chrony by 83 333, and the kernel lets nobody go
 * beyond 10 % of it (adjtimex(2), ADJ_TICK). Readings are a moment apart.
 */
const JUMP_US = 20_000;
const SLEW = 0.12;

export class ClockWatch {
  #rawUs = NaN;
  #monotonicUs = NaN;
  #boottimeUs = NaN;

  /**
   * CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC and CLOCK_BOOTTIME, read right after one another, µs.
   * @returns true when the raw clock has to be taken for another one since the last call
   */
  broke(rawUs: number, monotonicUs: number, boottimeUs: number): boolean {
    const raw = rawUs - this.#rawUs;
    const monotonic = monotonicUs - this.#monotonicUs;
    const boottime = boottimeUs - this.#boottimeUs;
    this.#rawUs = rawUs;
    this.#monotonicUs = monotonicUs;
    this.#boottimeUs = boottimeUs;
    const tolerance = JUMP_US + SLEW * Math.abs(monotonic);
    return boottime - monotonic > SUSPENDED_US || Math.abs(raw - monotonic) > tolerance;
  }
}
