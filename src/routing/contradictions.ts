/**
 * Distances where links contradict one another. DESIGN §7.
 *
 *     all links but outcasts ─ a negative cycle? ─▶ break the short ones ─ still one? ─▶ the long ones ─▶ let back in
 *
 * A link that makes a cycle cost less than nothing is cast out, and stays out for as long as it would make one with the
 * links that are in, whatever is said of these meanwhile. Whoever says what, the kernel runs three times at most.
 */
import { blameLongCycles, blameShortCycles } from "./cycle-blame.ts";
import { OUT, WAS_OUT } from "./graph.ts";
import type { Graph } from "./graph.ts";
import { improve } from "./incremental.ts";
import type { RelayTable, RoutedGraph } from "./relay-table.ts";

/**
 * Compute a table's distances. Links that would make a negative cycle are taken out of it and noted in the graph.
 * @returns these links, i·n + j
 */
export function resolve(table: RelayTable, graph: Graph): number[] {
  const { link } = table.graph;
  const keys = new Map<number, number>();
  const take = (at: number): void => {
    keys.set(at, link[at] ?? Infinity);
    link[at] = Infinity;
  };
  const byAge = (one: number, other: number): number =>
    (graph.arrival[one] ?? 0) - (graph.arrival[other] ?? 0) || one - other;
  let held: number[] = [];
  for (let at = graph.outcast.indexOf(OUT); at >= 0; at = graph.outcast.indexOf(OUT, at + 1)) {
    if (link[at] !== Infinity) held.push(at);
  }
  held.forEach(take);
  let short: number[] = [];
  let long: number[] = [];
  let swept: number[] = [];
  if (!table.rebuild()) {
    // Who is to blame shows best with all links in view, those that were out before, too.
    for (const at of held) link[at] = keys.get(at) ?? Infinity;
    short = blameShortCycles(table.graph, graph);
    const blamed = new Set(short);
    held = held.filter((at) => !blamed.has(at));
    [...held, ...short].forEach(take);
    if (!table.rebuild()) {
      long = blameLongCycles(table.graph, graph);
      long.forEach(take);
      swept = downhill(table.graph);
      swept.forEach(take);
      table.rebuild();
    }
  }
  // Those with the least against them first.
  const waiting = [...swept.sort(byAge), ...long.reverse(), ...held.sort(byAge), ...short.reverse()];
  const columns = new Uint8Array(table.graph.n);
  return waiting.filter((at) => {
    const isOut = !letIn(table, at, keys.get(at) ?? Infinity, columns);
    if (isOut) graph.outcast[at] = OUT;
    else if (graph.outcast[at] === OUT) graph.outcast[at] = WAS_OUT;
    return isOut;
  });
}

/** The links between relays that cost less than nothing by themselves: each negative cycle has one. */
function downhill({ n, link, relays, weight }: RoutedGraph): number[] {
  const found: number[] = [];
  for (const u of relays) {
    for (const v of relays) {
      const at = u * n + v;
      if ((link[at] ?? Infinity) + (weight[v] ?? 0) < 0) found.push(at);
    }
  }
  return found;
}

/** Put a link into a table without negative cycles. False: it would make one, and nothing was done. @param columns filled with whatever */
function letIn(table: RelayTable, at: number, key: number, columns: Uint8Array): boolean {
  const { n, link, weight } = table.graph;
  const [u, v] = [Math.floor(at / n), at % n];
  const row = table.rowOf[v] ?? -1;
  if (row >= 0 && (table.rowOf[u] ?? -1) >= 0) {
    const back = (table.distance[row * n + u] ?? Infinity) + (weight[u] ?? 0);
    if (back + key + (weight[v] ?? 0) < 0) return false;
  }
  link[at] = key;
  return improve(table.graph, table.distance, table.rowOf, u, v, key, columns);
}
