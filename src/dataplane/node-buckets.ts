/** One token bucket a NodeID, in flat arrays: what a member may cause per second, so that none can flood the others. */
const NODE_IDS = 65536;

export class NodeBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array = new Float64Array(NODE_IDS);

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = new Float64Array(NODE_IDS).fill(burst);
  }

  /** Takes `items` tokens of `node`, all or none. */
  take(node: number, items: number, nowMs: number): boolean {
    const gained = (nowMs - (this.#filledAt[node] ?? 0)) * this.#perMs;
    const tokens = Math.min(this.#burst, (this.#tokens[node] ?? 0) + gained);
    const enough = tokens >= items;
    this.#filledAt[node] = nowMs;
    this.#tokens[node] = enough ? tokens - items : tokens;
    return enough;
  }
}
