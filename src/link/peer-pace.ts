/**
 * How far apart a peer's scheduled probes are on an idle link. It shares its probes among neighbours of its own, so a hub
 * with hundreds of them calls each one seldom, and is not late when it keeps to that.
 */
const GAPS = 5;
/** Only a pace that is clearly another than the own one counts. */
const SLOWER = 1.3;
/** Intervals are spread by ± 20 %: the longest one by the middle one. */
const SPREAD = 1.5;
/** Nobody is waited for longer, µs. */
const LONGEST_US = 60_000_000;

export class PeerPace {
  readonly #gaps: number[] = [];
  #lastUs: number | undefined;
  #fast = false;

  /** By which schedule the last one came. */
  get fast(): boolean {
    return this.#fast;
  }

  /** A scheduled probe of the peer, by its fast schedule or its slow one. */
  heard(nowUs: number, fast: boolean): void {
    if (!fast && this.#lastUs !== undefined) {
      if (this.#gaps.length === GAPS) this.#gaps.shift();
      this.#gaps.push(nowUs - this.#lastUs);
    }
    this.#lastUs = fast ? undefined : nowUs;
    this.#fast = fast;
  }

  /** The longest time between two of its slow probes, given what it would be by the own schedule, µs. */
  longestInterval(ownUs: number): number {
    if (this.#gaps.length < GAPS) return ownUs;
    const middle = this.#gaps.toSorted((a, b) => a - b)[GAPS >> 1] ?? 0;
    return middle > SLOWER * ownUs ? Math.min(LONGEST_US, SPREAD * middle) : ownUs;
  }
}
