/**
 * From one node: the best way to each other, and the second best by another next hop. DESIGN §8.
 *
 * The next hop is the argmin over n = t and all relays n of link(s,n) + w(n) + D(n,t); ties by fewest hops (they are in
 * the key), then by lowest NodeID (relays are tried in ascending order).
 */
import type { KeyedGraph } from "./floyd-warshall.ts";

/** Per destination. A next hop of -1 stands for none; then the key is not finite. */
export interface Ways {
  readonly best: Float64Array;
  readonly next: Int32Array;
  readonly spare: Float64Array;
  readonly backup: Int32Array;
}

export function roomForWays(n: number): Ways {
  const keys = (): Float64Array => new Float64Array(n);
  const nodes = (): Int32Array => new Int32Array(n);
  return { best: keys(), next: nodes(), spare: keys(), backup: nodes() };
}

/**
 * Rank the ways from s to the nodes first ≤ t < end. The places of s itself say "none".
 * @param distance the relays' rows, R·n; Infinity from a relay to itself
 */
export function rankWays(
  graph: KeyedGraph,
  distance: Float64Array,
  s: number,
  first: number,
  end: number,
  ways: Ways,
): void {
  const { n, link, relays, weight } = graph;
  const { best, next, spare, backup } = ways;
  const own = s * n;
  for (let t = first; t < end; t++) {
    const key = link[own + t] ?? Infinity;
    best[t] = key;
    next[t] = key === Infinity ? -1 : t;
    spare[t] = Infinity;
    backup[t] = -1;
  }
  if (first <= s && s < end) best[s] = spare[s] = -Infinity;
  const isLong = end - first > relays.length;
  for (let r = 0; r < relays.length; r++) {
    const relay = relays[r] ?? 0;
    const base = (link[own + relay] ?? Infinity) + (weight[relay] ?? 0);
    if (base === Infinity || relay === s || (isLong && isOutdone(graph, distance, s, relay))) continue;
    const row = r * n;
    for (let t = first; t < end; t++) {
      const key = base + (distance[row + t] ?? Infinity);
      if (key < (spare[t] ?? 0)) {
        if (key < (best[t] ?? 0)) {
          spare[t] = best[t] ?? 0;
          backup[t] = next[t] ?? -1;
          best[t] = key;
          next[t] = relay;
        } else {
          spare[t] = key;
          backup[t] = relay;
        }
      }
    }
  }
}

/**
 * Whether two other relays lead from s to this one by shorter ways than the link does: then they lead to everything
 * behind it by shorter ways, too, and it is never first or second.
 */
function isOutdone(graph: KeyedGraph, distance: Float64Array, s: number, relay: number): boolean {
  const { n, link, relays, weight } = graph;
  const own = s * n;
  const limit = link[own + relay] ?? Infinity;
  let shorter = 0;
  for (let r = 0; r < relays.length; r++) {
    const other = relays[r] ?? 0;
    const way =
      (link[own + other] ?? Infinity) + (weight[other] ?? 0) + (distance[r * n + relay] ?? Infinity);
    if (way < limit && ++shorter === 2) return true;
  }
  return false;
}
