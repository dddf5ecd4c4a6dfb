/** The shortest paths of a plain distance matrix, for `etherloom solve`. DESIGN §11. */
import { KEY_SCALE, keyCost } from "./floyd-warshall.ts";
import { findNegativeCycle } from "./negative-cycle.ts";
import { RelayTable } from "./relay-table.ts";

/** Distances are rounded to this, so that sums are exact and equal paths are really equal. */
const FINEST_STEPS = 1e6;
const EXACT = 2 ** 52;

export interface DistanceMatrix {
  names: readonly string[];
  /** From row to column, any unit; Infinity = no link; the diagonal is ignored. */
  distances: readonly (readonly number[])[];
}

export interface Solution {
  names: readonly string[];
  /** From row to column; Infinity = unreachable. Rounded to 6 decimals, or to fewer where the numbers are huge. */
  distances: number[][];
  /** Place of the next hop in `names`; -1 = unreachable, or the diagonal. Ties: fewest links, then first in the list. */
  nextHops: number[][];
}

/** Everybody may relay, for nothing. Negative distances are fine; a cycle of them has no solution: its names are returned. */
export function solve({ names, distances }: DistanceMatrix): Solution | { negativeCycle: string[] } {
  const n = names.length;
  const greatest = distances
    .flat()
    .reduce((most, d) => (Number.isFinite(d) ? Math.max(most, Math.abs(d)) : most), 0);
  let steps = FINEST_STEPS;
  while (greatest * steps * KEY_SCALE * n > EXACT) steps /= 10;
  const link = new Float64Array(n * n).fill(Infinity);
  distances.forEach((row, i) => {
    row.forEach((distance, j) => {
      if (i !== j && Number.isFinite(distance))
        link[i * n + j] = Math.round(distance * steps) * KEY_SCALE + 1;
    });
  });
  const relays = Int32Array.from(names, (_, i) => i);
  const table = new RelayTable({ n, link, relays, weight: new Float64Array(n), mtu: new Uint16Array(n * n) });
  if (!table.rebuild()) {
    return { negativeCycle: (findNegativeCycle(table.graph) ?? []).map((i) => names[i] ?? "") };
  }
  table.derive();
  const rows = <T>(cell: (at: number) => T): T[][] =>
    names.map((_, i) => names.map((_name, j) => cell(i * n + j)));
  return {
    names,
    distances: rows((at) => {
      const key = table.distance[at] ?? Infinity;
      if (at % (n + 1) === 0) return 0;
      return key === Infinity ? Infinity : keyCost(key) / steps;
    }),
    nextHops: rows((at) => table.next[at] ?? -1),
  };
}

/** Names on the way from one place to another, both included; empty if there is no way. */
export function solvedPath({ names, nextHops }: Solution, from: number, to: number): string[] {
  const path = [names[from] ?? ""];
  for (let at = from; at !== to;) {
    at = nextHops[at]?.[to] ?? -1;
    if (at < 0) return [];
    path.push(names[at] ?? "");
  }
  return path;
}
