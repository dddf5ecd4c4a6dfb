/** One token bucket a NodeID, in flat arrays: what a member may cause per second, so that none can flood the others. */
import { NODE_IDS } from "./members.ts";

export class NodeBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  /** Tokens taken and not yet filled up: zero for most nodes, whose pages are never touched. */
  readonly #taken: Float64Array = new Float64Array(NODE_IDS);
  readonly #takenAt: Float64Array = new Float64Array(NODE_IDS);

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
  }

  /** Takes `items` tokens of `node`, all or none. */
  take(node: number, items: number, nowMs: number): boolean {
    const filled = (nowMs - (this.#takenAt[node] ?? 0)) * this.#perMs;
    const taken = Math.max(0, (this.#taken[node] ?? 0) - filled);
    const enough = taken + items <= this.#burst;
    this.#takenAt[node] = nowMs;
    this.#taken[node] = enough ? taken + items : taken;
    return enough;
  }
}
