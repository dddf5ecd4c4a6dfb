/**
 * One link changes: what becomes of the shortest paths. DESIGN §8.
 *
 * A link that got better can only shorten paths, and only as  i ⇝ u → v ⇝ j : one pass, in which most rows drop out at
 * the first test. A link that got worse changes nothing if no shortest path used it; else the kernel runs again.
 */
import type { KeyedGraph } from "./floyd-warshall.ts";

/**
 * Lower distances for the link u→v (indices), whose new key is `key`.
 * @param rowOf row of each node in `d`; -1 = not a relay
 * @param touched set to 1 for every column that changed
 * @returns false if a negative cycle appeared; then `d` is worthless
 */
export function improve(
  graph: KeyedGraph,
  d: Float64Array,
  rowOf: Int32Array,
  u: number,
  v: number,
  key: number,
  touched: Uint8Array,
): boolean {
  const { n, relays, weight } = graph;
  if (rowOf[u] === -1) return true; // No path passes a leaf.
  const vRow = rowOf[v] ?? -1;
  const payV = weight[v] ?? 0;
  for (let i = 0; i < relays.length; i++) {
    const self = relays[i] ?? 0;
    const toV = reach(graph, d, i, u) + key;
    if (self === v && toV + payV < 0) return false;
    if (self === v || !(toV < (d[i * n + v] ?? 0))) continue;
    d[i * n + v] = toV;
    touched[v] = 1;
    if (vRow < 0) continue;
    for (let j = 0; j < n; j++) {
      const length = toV + payV + (d[vRow * n + j] ?? 0);
      if (j === self) {
        if (length + (weight[self] ?? 0) < 0) return false;
      } else if (length < (d[i * n + j] ?? 0)) {
        d[i * n + j] = length;
        touched[j] = 1;
      }
    }
  }
  return true;
}

/** Whether a shortest path may use the link u→v (indices) with its present key. */
export function isUsed(
  graph: KeyedGraph,
  d: Float64Array,
  rowOf: Int32Array,
  u: number,
  v: number,
  key: number,
): boolean {
  if (rowOf[u] === -1) return false;
  for (let i = 0; i < graph.relays.length; i++) {
    // No way of v leads into v.
    if (graph.relays[i] !== v && reach(graph, d, i, u) + key <= (d[i * graph.n + v] ?? 0)) return true;
  }
  return false;
}

/** From the relay of row i to the point where it leaves u. */
function reach(graph: KeyedGraph, d: Float64Array, i: number, u: number): number {
  return graph.relays[i] === u ? 0 : (d[i * graph.n + u] ?? 0) + (graph.weight[u] ?? 0);
}
