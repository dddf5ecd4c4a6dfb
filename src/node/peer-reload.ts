/** Brings one peer in line with what a file that was read again says of it. */
import type { PeerConfig } from "../config/edge-config.ts";
import type { StaticNode } from "./static-node.ts";

/** Returns what changed, a line each. */
export function reloadPeer(node: StaticNode, wanted: PeerConfig): string[] {
  const peer = node.core.peers.byKey(wanted.pubKey);
  // A link is made with the peer: one who has become a neighbour starts anew.
  const nearer = peer !== undefined && peer.link < 0 && node.isNeighbour(wanted);
  if (peer === undefined || peer.nodeId !== wanted.nodeId || nearer) {
    if (peer !== undefined) node.core.removePeer(peer);
    // The file overrides what was learned of this node.
    const learned = node.core.peers.byNode(wanted.nodeId);
    if (learned !== undefined) node.core.removePeer(learned);
    node.addPeer(wanted);
    return [`peer ${wanted.nodeId} added`];
  }
  const changes: string[] = [];
  peer.name = wanted.name;
  peer.persistentKeepalive = wanted.persistentKeepalive;
  if (Buffer.compare(peer.psk ?? Buffer.alloc(0), wanted.psKey ?? Buffer.alloc(0)) !== 0) {
    node.core.sessions.setPsk(peer, wanted.psKey);
    changes.push(`peer ${peer.nodeId}: psKey changed`);
  }
  if (peer.endPoint !== wanted.endPoint && wanted.endPoint !== null) {
    node.core.setEndPointName(peer, wanted.endPoint);
    changes.push(`peer ${peer.nodeId}: endPoint ${wanted.endPoint}`);
  }
  return changes;
}
