/**
 * Whom a flooded frame is copied to: head-end replication, one sealed copy for each destination. DESIGN §3, §10.
 */
import { MAX_NODE_ID } from "../wire/node-id.ts";

/**
 * The replication list in static mode: every destination of the node's own row, itself excepted, each once, in
 * ascending order (so that two runs with one table send in one order).
 */
export function floodSet(destinations: Iterable<number>, localNodeId: number): Uint16Array {
  const members = new Set<number>();
  for (const nodeId of destinations) {
    if (nodeId !== localNodeId && nodeId >= 0 && nodeId <= MAX_NODE_ID) members.add(nodeId);
  }
  return Uint16Array.from(members).sort();
}
