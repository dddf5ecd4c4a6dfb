/** Rows from a fixed next-hop table: nothing is chosen, the rest of each entry is read off the links. DESIGN §8. */
import { TRANSIT } from "../wire/sizes.ts";
import type { Graph } from "./graph.ts";
import { payloadOf } from "./payload.ts";
import type { RowStore } from "./row-store.ts";

/** source → destination → next hop, NodeIDs. */
export type StaticTable = ReadonlyMap<number, ReadonlyMap<number, number>>;

const MAX_HOPS = 255;

export function fillStaticRows(table: StaticTable, graph: Graph, store: RowStore): void {
  graph.ids.forEach((source, s) => {
    graph.ids.forEach((destination, t) => {
      if (s === t) return;
      const way = follow(table, graph, source, destination);
      if (!way) store.set(s, t, -1, -1, 0, 0, 0);
      else store.set(s, t, way.next, -1, Math.min(MAX_HOPS, way.hops), way.size, way.costUs);
    });
  });
}

interface Way {
  next: number;
  hops: number;
  size: number;
  /** 0 where a link's cost is not known. */
  costUs: number;
}

/** Walk the table; undefined if it does not lead to the destination over members. */
function follow(table: StaticTable, graph: Graph, source: number, destination: number): Way | undefined {
  const way: Way = { next: -1, hops: 0, size: 65535, costUs: 0 };
  let known = true;
  for (let at = source; at !== destination;) {
    const hop = table.get(at)?.get(destination);
    const from = graph.indexOf(at);
    const to = hop === undefined ? undefined : graph.indexOf(hop);
    if (hop === undefined || from === undefined || to === undefined || way.hops > graph.size)
      return undefined;
    const link = from * graph.size + to;
    const room = payloadOf(graph.mtu, graph.size, from, to);
    way.size = Math.min(way.size, hop === destination ? room : room - TRANSIT);
    const cost = graph.cost[link] ?? NaN;
    known &&= Number.isFinite(cost);
    way.costUs += cost;
    if (way.hops++ === 0) way.next = to;
    at = hop;
  }
  return { ...way, costUs: known ? way.costUs : 0 };
}
