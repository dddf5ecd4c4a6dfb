/**
 * A limit on flooded frames, since each costs one copy for every member: one token bucket for each port (or, with a
 * second instance, each source NodeID). What it refuses is dropped and counted by the caller. DESIGN §10.
 */
export class StormGuard {
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array;

  /**
   * @param ratePerSecond flooded frames a second that one source may keep up
   * @param burst how many may come at once after a pause
   * @param sources ids are 0..sources−1
   */
  constructor(ratePerSecond: number, burst: number, sources: number) {
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#tokens = new Float64Array(sources).fill(burst);
    this.#filledAt = new Float64Array(sources).fill(NaN);
  }

  /** Take a token. False means drop; a source that is out of range has none. */
  admit(source: number, nowMs: number): boolean {
    const before = this.#tokens[source];
    if (before === undefined) return false;
    const last = this.#filledAt[source] ?? NaN;
    // A clock that went back gives nothing and takes nothing.
    const gained = nowMs > last ? (nowMs - last) * this.#ratePerMs : 0;
    const tokens = Math.min(this.#burst, before + gained);
    this.#filledAt[source] = nowMs;
    if (tokens < 1) {
      this.#tokens[source] = tokens;
      return false;
    }
    this.#tokens[source] = tokens - 1;
    return true;
  }
}
