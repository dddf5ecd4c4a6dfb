/**
 * From advertisements to links that may be used. DESIGN §7, §8.
 *
 * A link is used in paths if its receiver says it is up, its sender does not say it is dead, both clocks are still
 * those in which it was measured, it carries what every path has to carry, and nobody doubts it. One that works but whose
 * delay means nothing (another clock epoch, a doubt, a negative cycle), or that is too narrow for others, is kept
 * for traffic between its two ends alone, should there be no other way.
 */
import type { Graph } from "./graph.ts";
import type { Honesty } from "./honesty.ts";
import { LEAST_PAYLOAD, payloadOf } from "./payload.ts";

export const NO_LINK = 0;
export const DOWN = 1;
export const DEAD = 2;
export const DIRECT_ONLY = 3;
export const USED = 4;

/** A directed link as it may be used. */
export interface LinkStates {
  /** Of the link i→j at i·n + j. */
  readonly state: Uint8Array;
  /** µs after lifting; Infinity unless the state is USED. */
  readonly cost: Float64Array;
}

/** Write state and cost of both links of a pair (indices). A pure function of the graph and the doubts. */
export function judgePair(graph: Graph, honesty: Honesty, i: number, j: number, out: LinkStates): void {
  const there = i * graph.size + j;
  const back = j * graph.size + i;
  const doubted = honesty.isDoubted(graph.idOf(i), graph.idOf(j));
  out.state[there] = judge(graph, i, j, doubted);
  out.state[back] = judge(graph, j, i, doubted);
  let costThere = out.state[there] === USED ? (graph.cost[there] ?? Infinity) : Infinity;
  let costBack = out.state[back] === USED ? (graph.cost[back] ?? Infinity) : Infinity;
  const missing = roundTrip(graph, there, back) - (costThere + costBack);
  if (missing > 0) {
    // Equal halves; of an odd number the link that leaves the lower NodeID gets the greater one.
    const half = Math.floor(missing / 2);
    costThere += i < j ? missing - half : half;
    costBack += i < j ? half : missing - half;
  }
  out.cost[there] = costThere;
  out.cost[back] = costBack;
}

function judge(graph: Graph, from: number, to: number, doubted: boolean): number {
  const at = from * graph.size + to;
  const cost = graph.cost[at] ?? NaN;
  if (Number.isNaN(cost)) return NO_LINK;
  if (cost === Infinity) return DOWN;
  if (graph.dead[at] === 1) return DEAD;
  return doubted || !graph.epochsFit(from, to) || isNarrow(graph, from, to) ? DIRECT_ONLY : USED;
}

/** Whether less fits the link than any true one carries, by word of either end. */
export function isNarrow(graph: Graph, from: number, to: number): boolean {
  return payloadOf(graph.mtu, graph.size, from, to) < LEAST_PAYLOAD;
}

/** The greater of the two ends' minima; NaN if neither knows one. */
function roundTrip(graph: Graph, there: number, back: number): number {
  const one = graph.rttMin[there] ?? NaN;
  const other = graph.rttMin[back] ?? NaN;
  if (Number.isNaN(one)) return other;
  return Number.isNaN(other) ? one : Math.max(one, other);
}
