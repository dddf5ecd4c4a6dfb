/** A token bucket on the caller's clock (µs). Over any second it gives at most rate + burst tokens. */
export class TokenBucket {
  readonly #perUs: number;
  readonly #burst: number;
  #tokens: number;
  #filledUs: number | undefined;

  constructor(ratePerSecond: number, burst: number) {
    this.#perUs = ratePerSecond / 1e6;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /**
   * Take tokens, one by default.
   * @param reserve tokens that must be left for more important uses
   */
  take(nowUs: number, reserve = 0, tokens = 1): boolean {
    if (this.#filledUs !== undefined && nowUs > this.#filledUs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowUs - this.#filledUs) * this.#perUs);
    }
    this.#filledUs = nowUs;
    if (this.#tokens < tokens + reserve) return false;
    this.#tokens -= tokens;
    return true;
  }
}
