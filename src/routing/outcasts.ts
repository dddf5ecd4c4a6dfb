/** Links that were taken out of all paths, and whose fault that is. DESIGN §7. */
import type { Graph } from "./graph.ts";
import type { Accusation } from "./refusals.ts";

/** A link (indices). */
export interface Outcast {
  from: number;
  to: number;
  reason: "implausible" | "negative-cycle";
}

/**
 * The fault is the reporter's; of a negative cycle the sender's, if more of its links were cast out: its clock is told
 * to each of the others, and those whom it is told otherwise only say what they measure.
 */
export function faultsOf(graph: Graph, outcasts: readonly Outcast[]): Accusation[] {
  const links = new Map<number, number>();
  const inCycles = outcasts.filter(({ reason }) => reason === "negative-cycle");
  for (const node of inCycles.flatMap(({ from, to }) => [from, to])) {
    links.set(node, (links.get(node) ?? 0) + 1);
  }
  return outcasts.map(({ from, to, reason }) => {
    const isSenders = reason === "negative-cycle" && (links.get(from) ?? 0) > (links.get(to) ?? 0);
    const [node, peer] = isSenders ? [from, to] : [to, from];
    return { nodeId: graph.idOf(node), reason, peer: graph.idOf(peer) };
  });
}
