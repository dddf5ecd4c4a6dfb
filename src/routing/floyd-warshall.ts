/**
 * All-pairs shortest paths through relays: Floyd–Warshall whose k-loop runs over relays only. DESIGN §8.
 *
 * Only relays may stand inside a path, so a path is either one link, or a link to a relay and a path from there.
 * The kernel therefore keeps rows for relays alone:
 *
 *     d[r·n + j] = best path from relay r to node j        O(R²·N)
 *
 * and a leaf's row follows from its links and the relays' rows (routes.ts). Both together give exactly what the full
 * matrix would.
 *
 * Lengths are *keys*: cost · 1024 + links. Keys add up like costs, and comparing two compares costs first and the
 * number of links second. Where no cycle costs less than nothing, each one has a key above 0, for it has links; so
 * next hops towards a destination always form a tree. All keys are integers below 2^53: Float64 sums are exact.
 */

/** Links that fit into a key: more than any path has. */
export const KEY_SCALE = 1024;

/** Cost of a key, µs. */
export function keyCost(key: number): number {
  return Math.floor(key / KEY_SCALE);
}

/** Number of links of a key. */
export function keyHops(key: number): number {
  return key - Math.floor(key / KEY_SCALE) * KEY_SCALE;
}

/** The graph as the kernel wants it. */
export interface KeyedGraph {
  readonly n: number;
  /** Key of the link i→j at i·n + j; Infinity = none, as from a node to itself. */
  readonly link: Float64Array;
  /** Indices of the nodes that may stand inside a path, ascending. */
  readonly relays: Int32Array;
  /** What it costs to go through a node, as a key: cost · 1024. Not below 0. */
  readonly weight: Float64Array;
}

/**
 * Fill `d` (R·n). There is no way from a relay to itself: Infinity.
 * @returns false if a cycle costs less than nothing; then `d` is worthless
 */
export function floydWarshall(graph: KeyedGraph, d: Float64Array): boolean {
  const { n, link, relays, weight } = graph;
  relays.forEach((relay, r) => d.set(link.subarray(relay * n, relay * n + n), r * n));
  const rows = relays.length;
  for (let k = 0; k < rows; k++) {
    const through = relays[k] ?? 0;
    const kRow = k * n;
    const pay = weight[through] ?? 0;
    for (let i = 0; i < rows; i++) {
      const iRow = i * n;
      const toK = (d[iRow + through] ?? 0) + pay;
      if (toK === Infinity || i === k) continue;
      for (let j = 0; j < n; j++) {
        const length = toK + (d[kRow + j] ?? 0);
        if (length < (d[iRow + j] ?? 0)) d[iRow + j] = length;
      }
      // Around and back: whoever goes on from here has to pay for passing, too.
      const self = relays[i] ?? 0;
      if ((d[iRow + self] ?? 0) + (weight[self] ?? 0) < 0) return false;
      d[iRow + self] = Infinity;
    }
  }
  return true;
}
