/**
 * How long datagrams for others stay in this node (DESIGN §8, "cost"): the time to send a batch on, once it was read, and
 * what even the luckiest of a minute waited in the socket before. A standing queue is time that a relay costs; a
 * standstill now and then is not.
 */
import { WindowedMinimum } from "../link/windowed-minimum.ts";

const HALF_WINDOW_US = 30_000_000;

/** Of what the engine does alone: batches sent on, their time, the least wait, the last time of reading, µs. */
const NOTHING: readonly number[] = [0, 0, Infinity, 0];

/** The array that the engine counts in, with nothing counted. */
export function newRelayMeter(): Float64Array {
  return Float64Array.from(NOTHING);
}

export class ForwardMeter {
  #totalUs = 0;
  #batches = 0;
  readonly #wait: WindowedMinimum = new WindowedMinimum(HALF_WINDOW_US);
  #firstUs: number | undefined;
  #lastUs = 0;

  /** A batch with transit runs took this long, µs. */
  add(elapsedUs: number): void {
    this.#totalUs += elapsedUs;
    this.#batches++;
  }

  /** What the engine sent on and read by itself ({@link newRelayMeter}); the array begins anew. */
  addAlone(meter: Float64Array): void {
    const [batches = 0, totalUs = 0, leastWaitUs = Infinity, readUs = 0] = meter;
    this.#batches += batches;
    this.#totalUs += totalUs;
    if (leastWaitUs < Infinity) this.waited(Math.max(readUs, this.#lastUs), leastWaitUs);
    meter.set(NOTHING);
  }

  /** What was read at `nowUs` had waited, µs. */
  waited(nowUs: number, waitedUs: number): void {
    this.#firstUs ??= nowUs;
    this.#lastUs = nowUs;
    this.#wait.add(nowUs, waitedUs);
  }

  /** Mean since the last call, and the wait of all that was read in the last half minute, µs. */
  take(): number {
    const mean = this.#batches === 0 ? 0 : this.#totalUs / this.#batches;
    this.#totalUs = this.#batches = 0;
    const isKnown = this.#lastUs - (this.#firstUs ?? this.#lastUs) >= HALF_WINDOW_US;
    return mean + (isKnown ? Math.max(0, this.#wait.value) : 0);
  }
}
