/**
 * How much each previous hop may send through this node before JavaScript is asked again. Credit is taken from the
 * node's bucket when it is given, so that the limit holds however much the engine sends on by itself:
 *
 *     bucket ──grant──▶ credit ──the engine, run by run──▶ 0: the next run comes here
 */
import type { NodeBuckets } from "./node-buckets.ts";

/** Datagrams: those of some batches at full speed, and little of a bucket's burst. */
export const CREDIT = 16_384;

export class RelayCredit {
  /** By NodeID; the engine subtracts. */
  readonly #left: Uint32Array;
  readonly #given: Map<number, number> = new Map();
  readonly #buckets: NodeBuckets;

  constructor(left: Uint32Array, buckets: NodeBuckets) {
    this.#left = left;
    this.#buckets = buckets;
  }

  /** Fills the credit up, as far as the bucket allows. */
  grant(node: number, nowMs: number): void {
    const missing = CREDIT - (this.#left[node] ?? 0);
    if (missing > 0 && this.#buckets.take(node, missing, nowMs)) this.#left[node] = CREDIT;
    this.#given.set(node, this.#left[node] ?? 0);
  }

  /** @returns whether something was sent on credit since the last call; then it is filled up again */
  settle(node: number, nowMs: number): boolean {
    const given = this.#given.get(node);
    if (given === undefined || given === this.#left[node]) return false;
    this.grant(node, nowMs);
    return true;
  }

  revoke(node: number): void {
    this.#left[node] = 0;
    this.#given.delete(node);
  }
}
