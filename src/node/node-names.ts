/** NodeIDs and names of the nodes that a node knows: people say either. */
import type { NodeCore } from "./node-core.ts";

/** `2 frankfurt`, or the number alone. */
export function nodeLabel(core: NodeCore, nodeId: number): string {
  const name = nodeId === core.config.nodeId ? core.config.nodeName : core.peers.byNode(nodeId)?.name;
  return name === undefined ? `${nodeId}` : `${nodeId} ${name}`;
}

/** Undefined when no node that is known here has this NodeID or name. */
export function findNodeId(core: NodeCore, text: string): number | undefined {
  const names = new Map<string, number>([[core.config.nodeName, core.config.nodeId]]);
  for (const peer of core.peers) names.set(peer.name, peer.nodeId);
  const byName = names.get(text);
  if (byName !== undefined) return byName;
  const nodeId = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  return nodeId !== undefined && [...names.values()].includes(nodeId) ? nodeId : undefined;
}
