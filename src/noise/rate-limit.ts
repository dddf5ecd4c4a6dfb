// Two guards in front of the expensive part of a handshake: how often may one source ask, and are so many
// asking that cookies are needed?

import { HANDSHAKES_PER_SECOND, HANDSHAKE_BURST, LOAD_HOLD, LOAD_THRESHOLD } from "./timers.ts";

interface Bucket {
  tokens: number;
  filledAt: number;
}

/**
 * One token bucket a source. The key is the caller's (an address, an IPv6 /64, or a last hop and source).
 * The table is bounded: the source that was quiet the longest makes room.
 */
export class HandshakeRateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #maxSources: number;
  readonly #perSecond: number;
  readonly #burst: number;

  constructor(maxSources = 4096, perSecond: number = HANDSHAKES_PER_SECOND, burst: number = HANDSHAKE_BURST) {
    this.#maxSources = maxSources;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Number of sources remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** May this source's message be worked on? Takes a token if so. `now` in ms, never going back. */
  allow(now: number, source: string): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: this.#burst, filledAt: now };
    const earned = ((now - bucket.filledAt) * this.#perSecond) / 1000;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + earned);
    bucket.filledAt = now;
    // Deleting first moves the entry to the end: a Map iterates in order of insertion.
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > this.#maxSources) {
      const quietest = this.#buckets.keys().next().value;
      if (quietest !== undefined) this.#buckets.delete(quietest);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** Decides whether mac2 is demanded: after more than `threshold` messages within a second, for a second. */
export class LoadMeter {
  /** Arrival times of the last `threshold` messages, as a ring. */
  readonly #arrivals: Float64Array;
  #at = 0;
  #loadedUntil = -Infinity;

  constructor(threshold: number = LOAD_THRESHOLD) {
    this.#arrivals = new Float64Array(threshold).fill(-Infinity);
  }

  /** Count one handshake message with a valid mac1; tells whether the node is under load now. */
  note(now: number): boolean {
    const oldest = this.#arrivals[this.#at] ?? -Infinity;
    if (now - oldest < 1000) this.#loadedUntil = now + LOAD_HOLD;
    this.#arrivals[this.#at] = now;
    this.#at = (this.#at + 1) % this.#arrivals.length;
    return this.underLoad(now);
  }

  underLoad(now: number): boolean {
    return now < this.#loadedUntil;
  }
}
