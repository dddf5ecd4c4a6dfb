/** NodeIDs and names of the nodes that a node knows: people say either. */
import type { Peer } from "./peer.ts";

/** What it needs of a node. */
export interface NamedNodes {
  readonly config: { readonly nodeId: number; readonly nodeName: string };
  readonly peers: Iterable<Peer> & { byNode(nodeId: number): Peer | undefined };
}

/** `2 frankfurt`, or the number alone. */
export function nodeLabel(core: NamedNodes, nodeId: number): string {
  const name = nodeId === core.config.nodeId ? core.config.nodeName : core.peers.byNode(nodeId)?.name;
  return name === undefined ? `${nodeId}` : `${nodeId} ${name}`;
}

/** Undefined when no node that is known here has this NodeID or name. */
export function findNodeId(core: NamedNodes, text: string): number | undefined {
  const { nodeId: ownNodeId, nodeName } = core.config;
  if (text === nodeName) return ownNodeId;
  for (const peer of core.peers) if (peer.name === text) return peer.nodeId;
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const nodeId = Number(text);
  return nodeId === ownNodeId || core.peers.byNode(nodeId) !== undefined ? nodeId : undefined;
}
