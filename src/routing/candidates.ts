/** Chosen and rejected paths between two nodes, for people who ask why. DESIGN §8. */
import { keyCost } from "./floyd-warshall.ts";
import type { Graph } from "./graph.ts";
import { DEAD, DIRECT_ONLY, DOWN, isNarrow } from "./link-states.ts";
import type { RouteEngine } from "./route-engine.ts";
import type { RowStore } from "./row-store.ts";

export interface Candidate {
  /** NodeIDs, both ends included. */
  path: number[];
  /** Undefined: there is no such path, or its cost is not known. */
  costUs: number | undefined;
  chosen: boolean;
  reason: string;
}

/** The direct link, and the best path by each other node (indices s, t): the chosen one first, then the cheapest. */
export function listCandidates(
  graph: Graph,
  engine: RouteEngine,
  store: RowStore,
  s: number,
  t: number,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (let first = 0; first < graph.size; first++) {
    if (first !== s) candidates.push(candidateBy(graph, engine, s, first, t));
  }
  const entry = store.entry(graph.idOf(s), graph.idOf(t));
  const chosen = candidates.find(({ path }) => path[1] === entry?.nextHop);
  if (chosen) {
    chosen.chosen = true;
    chosen.path = walkRows(store, graph.idOf(s), graph.idOf(t));
    chosen.reason = chosen.reason === "" ? "chosen" : `chosen all the same: ${chosen.reason}`;
  }
  for (const candidate of candidates) {
    if (candidate.reason !== "") continue;
    const extra = (candidate.costUs ?? 0) - (chosen?.costUs ?? candidate.costUs ?? 0);
    const more =
      extra > 0 ? `${(extra / 1000).toFixed(3)} ms more` : "as good, but more hops or a higher NodeID";
    candidate.reason = candidate.path[1] === entry?.backup ? `backup, ${more}` : more;
  }
  return candidates.sort(compare);
}

function compare(one: Candidate, other: Candidate): number {
  if (one.chosen !== other.chosen) return one.chosen ? -1 : 1;
  const [a, b] = [one.costUs ?? Infinity, other.costUs ?? Infinity];
  if (a !== b) return a < b ? -1 : 1;
  return one.path.length - other.path.length || (one.path[1] ?? 0) - (other.path[1] ?? 0);
}

/** The path as the rows have it; they form trees, so it ends. */
function walkRows(store: RowStore, from: number, to: number): number[] {
  const path = [from];
  for (let at = from; at !== to && path.length <= store.ids.length;) {
    const next = store.entry(at, to)?.nextHop;
    if (next === undefined) break;
    path.push(next);
    at = next;
  }
  return path;
}

function candidateBy(graph: Graph, engine: RouteEngine, s: number, first: number, t: number): Candidate {
  const { table } = engine;
  const { n, link, weight } = table.graph;
  const isDirect = first === t;
  const short = [s, ...(isDirect ? [] : [first]), t].map((index) => graph.idOf(index));
  const rejected = (reason: string): Candidate => ({ path: short, costUs: undefined, chosen: false, reason });
  const row = table.rowOf[first] ?? -1;
  if (!isDirect && row < 0) {
    return rejected(engine.policyOf(first) === "never" ? "does not relay" : "not chosen as a relay");
  }
  const key = link[s * n + first] ?? Infinity;
  if (key === Infinity) {
    return rejected(linkFault(graph, engine.state[s * n + first] ?? 0, s, first));
  }
  const rest = isDirect ? 0 : (table.distance[row * n + t] ?? Infinity) + (weight[first] ?? 0);
  if (rest === Infinity) return rejected("no way from there");
  const indices = [s, ...(isDirect ? [t] : table.path(first, t))];
  return {
    path: indices.map((index) => graph.idOf(index)),
    costUs: keyCost(key + rest) + engine.clockDifference(s, t),
    chosen: false,
    reason: indices.indexOf(s, 1) > 0 ? "comes back through the start" : "",
  };
}

function linkFault(graph: Graph, state: number, from: number, to: number): string {
  const name = `link ${graph.idOf(from)} → ${graph.idOf(to)}`;
  switch (state) {
    case DOWN:
      return `${name} is down`;
    case DEAD:
      return `${name} is dead, says its sender`;
    case DIRECT_ONLY:
      return isNarrow(graph, from, to)
        ? `${name} works, but carries too little for a way of several links`
        : `${name} works, but its delay is not to be trusted`;
    default:
      return `${name} was not reported`;
  }
}
