/** How long datagrams for others stay in this node: from when they were read until their run was sent on (DESIGN §8, "cost"). */
export class ForwardMeter {
  #totalUs = 0;
  #batches = 0;

  /** A batch with transit runs took this long, µs. */
  add(elapsedUs: number): void {
    this.#totalUs += elapsedUs;
    this.#batches++;
  }

  /** Mean since the last call, µs; 0 where nothing was forwarded. */
  take(): number {
    const mean = this.#batches === 0 ? 0 : this.#totalUs / this.#batches;
    this.#totalUs = this.#batches = 0;
    return mean;
  }
}
