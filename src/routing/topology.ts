/**
 * The topology as a graphology graph: what tools and pages read. DESIGN §8, §15.
 *
 * Node keys are NodeIDs as text; an edge stands for a directed link, with what is advertised of it. The kernel computes
 * on typed arrays of its own.
 */
import { DirectedGraph } from "graphology";
import type { Coordinator, LinkView, NodeView } from "./coordinator.ts";

export type Topology = DirectedGraph<NodeView, LinkView>;

export function buildTopology(coordinator: Pick<Coordinator, "nodes" | "links">): Topology {
  const topology: Topology = new DirectedGraph<NodeView, LinkView>();
  for (const node of coordinator.nodes()) topology.addNode(String(node.nodeId), node);
  for (const link of coordinator.links()) {
    topology.addEdgeWithKey(`${link.from}>${link.to}`, String(link.from), String(link.to), link);
  }
  return topology;
}
