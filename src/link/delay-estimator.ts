/**
 * Base delay, working delay and jitter of one direction, or of a round trip. DESIGN §7.
 *
 * One-way samples contain the unknown offset between two clocks, so they may be negative and only differences mean
 * something: nothing here takes an absolute value or a ratio of a sample, only of distances between samples.
 *
 * - base: minimum over 5 to 10 s, kept as the minima of two half-windows;
 * - working: moving average of samples clipped at base + max(20 ms, 2 × distance), rising by 1/8, falling by 1/4 at
 *   five samples a second; where they are rarer each weighs more, as up to three would. Where one of the first
 *   sixteen lies below the base, the average is clipped by the same rule: those before it were late, as on a machine that
 *   is busy starting. Later on a delay that falls may well rise again, and is followed by the weights alone;
 * - jitter: mean deviation from the working delay, weight 1/16 (after RFC 3550 §6.4.1); p95 over the last 64.
 */
import { WindowedMinimum } from "./windowed-minimum.ts";

const HALF_WINDOW_US = 5_000_000;
const CLIP_FLOOR_US = 20_000;
const RISE = 1 / 8;
const FALL = 1 / 4;
const DEVIATION = 1 / 16;
/** Time between samples that those weights are meant for, and how many such times one sample may stand for. */
const SAMPLE_US = 200_000;
const STANDS_FOR = 3;
const RECENT = 64;
/** So many samples may all have been late. */
const FIRST = 16;

export class DelayEstimator {
  #count = 0;
  #last = 0;
  #lastUs = 0;
  readonly #minimum: WindowedMinimum = new WindowedMinimum(HALF_WINDOW_US);
  #working = 0;
  #deviation = 0;
  readonly #recent: Float64Array = new Float64Array(RECENT);

  /** Forget everything: a new clock epoch or another path. */
  reset(): void {
    this.#count = 0;
    this.#minimum.reset();
    this.#deviation = 0;
  }

  /** Add a sample (µs). `nowUs` never goes back. */
  add(nowUs: number, sampleUs: number): void {
    const baseBefore = this.#minimum.value;
    this.#minimum.add(nowUs, sampleUs);
    this.#last = sampleUs;
    const standsFor = Math.min(STANDS_FOR, Math.max(1, (nowUs - this.#lastUs) / SAMPLE_US));
    this.#lastUs = nowUs;
    this.#recent[this.#count % RECENT] = sampleUs;
    if (this.#count++ === 0) {
      this.#working = sampleUs;
      return;
    }
    if (sampleUs < baseBefore && this.#count <= FIRST)
      this.#working = Math.min(this.#working, ceilingOf(sampleUs, this.#working - baseBefore));
    const base = this.#minimum.value;
    const clipped = Math.min(sampleUs, ceilingOf(base, this.#working - base));
    const distance = clipped - this.#working;
    this.#working += distance * (1 - (1 - (distance > 0 ? RISE : FALL)) ** standsFor);
    this.#deviation += (Math.abs(distance) - this.#deviation) * DEVIATION;
  }

  /** Samples since the last reset. */
  get count(): number {
    return this.#count;
  }

  /** The newest sample, µs. */
  get last(): number | undefined {
    return this.#count === 0 ? undefined : this.#last;
  }

  /** Windowed minimum, µs. */
  get base(): number | undefined {
    return this.#count === 0 ? undefined : this.#minimum.value;
  }

  /** Working delay, µs. */
  get working(): number | undefined {
    return this.#count === 0 ? undefined : this.#working;
  }

  /** Mean deviation, µs; 0 before there are two samples. */
  get jitter(): number {
    return this.#deviation;
  }

  /** How far the 95th percentile of the last 64 samples lies above the base, µs. */
  get jitterP95(): number {
    if (this.#count === 0) return 0;
    const recent = this.#recent.slice(0, Math.min(this.#count, RECENT)).sort();
    return Math.max(0, (recent[Math.ceil(recent.length * 0.95) - 1] ?? 0) - this.#minimum.value);
  }
}

/** What lies higher is clipped. @param excess of the working delay over its base */
function ceilingOf(base: number, excess: number): number {
  return base + Math.max(CLIP_FLOOR_US, 2 * excess);
}
