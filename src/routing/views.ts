/** What tools and pages see of the graph. */
import type { Graph } from "./graph.ts";
import { DEAD, DIRECT_ONLY, NO_LINK, USED } from "./link-states.ts";
import type { RelayPolicy } from "./types.ts";

/** A directed link as tools and pages see it. */
export interface LinkView {
  from: number;
  to: number;
  /** As advertised; null = down. */
  costUs: number | null;
  owdUs: number;
  jitterUs: number;
  loss: number;
  rttMinUs: number | null;
  mtu: number;
  /** "used" in paths, "direct": only between its two ends, "down", "dead" by word of its sender. */
  state: "used" | "direct" | "down" | "dead";
}

export interface NodeView {
  nodeId: number;
  relay: RelayPolicy;
  /** Whether paths may lead through it: willing, and chosen where there is a choice. */
  isRelay: boolean;
  /** What it costs to go through, µs. */
  relayCostUs: number;
  present: boolean;
  hasReported: boolean;
  epoch: number | undefined;
}

/** All links that anything is known of. @param state of each, at i·n + j */
export function viewLinks(graph: Graph, state: Uint8Array): LinkView[] {
  const { ids, size } = graph;
  return ids.flatMap((from, i) =>
    ids.flatMap((to, j) => viewLink(graph, from, to, i * size + j, state[i * size + j] ?? NO_LINK)),
  );
}

function viewLink(graph: Graph, from: number, to: number, at: number, state: number): LinkView | [] {
  const cost = graph.cost[at] ?? NaN;
  if (state === NO_LINK || Number.isNaN(cost)) return [];
  const rttMin = graph.rttMin[at] ?? NaN;
  return {
    from,
    to,
    costUs: cost === Infinity ? null : cost,
    owdUs: graph.owd[at] ?? 0,
    jitterUs: graph.jitter[at] ?? 0,
    loss: graph.loss[at] ?? 0,
    rttMinUs: Number.isNaN(rttMin) ? null : rttMin,
    mtu: graph.mtu[at] ?? 0,
    state: nameOf(state),
  };
}

function nameOf(state: number): LinkView["state"] {
  if (state === USED) return "used";
  if (state === DIRECT_ONLY) return "direct";
  return state === DEAD ? "dead" : "down";
}
