/**
 * Which of an edge's supernodes is obeyed: the first in its file that is connected. One that was lost must be back for
 * a while first, so that nobody turns to and fro; at the start the first need not be the fastest to answer.
 */

/** A supernode that is preferred must be back for so long before it is obeyed again. */
const PREFERRED_HOLD_MS = 30_000;

export class SuperChoice {
  readonly #startedMs: number;
  readonly #open: Set<number> = new Set();
  /** Those whose connection has ended once. */
  readonly #lost: Set<number> = new Set();
  #obeyed = 0;
  #preferredSinceMs: number | undefined;
  /** Since when none is connected, until that was told. */
  #aloneSinceMs: number | undefined;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
    this.#aloneSinceMs = nowMs;
  }

  /** Index in the file; also while it is not connected and no other is. */
  get obeyed(): number {
    return this.#obeyed;
  }

  /** Indices of those that are connected. */
  get open(): ReadonlySet<number> {
    return this.#open;
  }

  /** The one that is obeyed is connected. */
  get isHeard(): boolean {
    return this.#open.has(this.#obeyed);
  }

  /** A connection is open. True when another one than before is obeyed from now on. */
  opened(index: number, nowMs: number): boolean {
    this.#open.add(index);
    this.#aloneSinceMs = undefined;
    if (index < this.#obeyed) this.#preferredSinceMs = undefined;
    const atStart = !this.#lost.has(index) && nowMs - this.#startedMs < PREFERRED_HOLD_MS;
    return (!this.isHeard || (index < this.#obeyed && atStart)) && this.#turnTo(index);
  }

  /** A connection has ended. True as above. */
  closed(index: number, nowMs: number): boolean {
    this.#open.delete(index);
    this.#lost.add(index);
    if (this.#open.size === 0) this.#aloneSinceMs = nowMs;
    return index === this.#obeyed && this.#turnTo(Math.min(...this.#open));
  }

  /** To be asked every few seconds: one earlier in the file may have been back for long enough. True as above. */
  reconsider(nowMs: number): boolean {
    const best = Math.min(...this.#open);
    if (!Number.isFinite(best) || best >= this.#obeyed) {
      this.#preferredSinceMs = undefined;
      return false;
    }
    this.#preferredSinceMs ??= nowMs;
    return nowMs - this.#preferredSinceMs >= PREFERRED_HOLD_MS && this.#turnTo(best);
  }

  /** Seconds without any, told once when they have become more than `patienceMs`; 0: nobody wants to know. */
  aloneSeconds(nowMs: number, patienceMs: number): number | undefined {
    if (this.#aloneSinceMs === undefined || patienceMs === 0) return undefined;
    const seconds = Math.round((nowMs - this.#aloneSinceMs) / 1000);
    if (seconds * 1000 < patienceMs) return undefined;
    this.#aloneSinceMs = undefined;
    return seconds;
  }

  #turnTo(index: number): boolean {
    if (!Number.isFinite(index) || index === this.#obeyed) return false;
    this.#obeyed = index;
    return true;
  }
}
