/**
 * How much each previous hop may send through this node before JavaScript is asked again. Credit is taken from the
 * node's bucket when it is given, so that the limit holds however much the engine sends on by itself:
 *
 *     bucket ──grant──▶ credit ──the engine, run by run──▶ 0: the next run comes here
 */
import { NODE_IDS } from "./members.ts";
import type { NodeBuckets } from "./node-buckets.ts";

/** Datagrams: those of some batches at full speed, and little of a bucket's burst. */
export const CREDIT = 16_384;

export class RelayCredit {
  /** By NodeID; the engine subtracts. */
  readonly #left: Uint32Array;
  readonly #given: Uint32Array = new Uint32Array(NODE_IDS);
  readonly #buckets: NodeBuckets;

  constructor(left: Uint32Array, buckets: NodeBuckets) {
    this.#left = left;
    this.#buckets = buckets;
  }

  /** Fills the credit up, as far as the bucket allows. */
  grant(node: number, nowMs: number): void {
    const missing = CREDIT - (this.#left[node] ?? 0);
    if (missing > 0 && this.#buckets.take(node, missing, nowMs)) this.#left[node] = CREDIT;
    this.#given[node] = this.#left[node] ?? 0;
  }

  /** @returns whether something was sent on credit since the last call; then it is filled up again */
  settle(node: number, nowMs: number): boolean {
    if (this.#given[node] === this.#left[node]) return false;
    this.grant(node, nowMs);
    return true;
  }

  revoke(node: number): void {
    this.#left[node] = this.#given[node] = 0;
  }
}
