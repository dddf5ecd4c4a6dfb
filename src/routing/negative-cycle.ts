/**
 * Finding a cycle that costs less than nothing: it stands for a measurement error, or for a lie. DESIGN §7.
 *
 * Bellman–Ford over the relays from an imagined node that reaches each of them for nothing; when a round still
 * improves something, the walk back along "reached from" runs into the cycle.
 */
import type { KeyedGraph } from "./floyd-warshall.ts";

/** The nodes of a negative cycle in the order of travel (indices), or undefined if there is none. */
export function findNegativeCycle(graph: KeyedGraph): number[] | undefined {
  const { n, link, relays, weight } = graph;
  const reachedFrom = new Int32Array(n).fill(-1);
  const length = new Float64Array(n);
  for (let round = 0; round <= relays.length; round++) {
    let improved = -1;
    for (const u of relays) {
      const leave = (length[u] ?? 0) + (weight[u] ?? 0);
      for (const v of relays) {
        const arrive = leave + (link[u * n + v] ?? 0);
        if (u !== v && arrive < (length[v] ?? 0)) {
          length[v] = arrive;
          reachedFrom[v] = u;
          improved = v;
        }
      }
    }
    if (improved < 0) return undefined;
    const cycle = cycleBehind(improved, reachedFrom);
    if (cycle) return cycle;
  }
  return undefined;
}

function cycleBehind(start: number, reachedFrom: Int32Array): number[] | undefined {
  const place = new Map<number, number>();
  const walk: number[] = [];
  for (let at = start; at >= 0; at = reachedFrom[at] ?? -1) {
    const before = place.get(at);
    if (before !== undefined) return walk.slice(before).reverse();
    place.set(at, walk.length);
    walk.push(at);
  }
  return undefined;
}
