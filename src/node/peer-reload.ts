/** Brings one peer in line with what a file that was read again says of it. */
import type { PeerConfig } from "../config/edge-config.ts";
import type { StaticNode } from "./static-node.ts";

/**
 * Returns what changed, a line each.
 * @param before what the file said of this key so far
 */
export function reloadPeer(node: StaticNode, wanted: PeerConfig, before: PeerConfig | undefined): string[] {
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
  if (before !== undefined && isPinnedOtherwise(before, wanted)) {
    node.core.removePeer(peer);
    node.addPeer(wanted);
    return [
      `peer ${peer.nodeId} starts anew: endPoint ${wanted.endPoint ?? "none"}, static ${wanted.static}`,
    ];
  }
  const changes: string[] = [];
  if (peer.name !== wanted.name) {
    peer.name = wanted.name;
    changes.push(`peer ${peer.nodeId}: name ${wanted.name}`);
  }
  if (peer.persistentKeepalive !== wanted.persistentKeepalive) {
    peer.persistentKeepalive = wanted.persistentKeepalive;
    changes.push(`peer ${peer.nodeId}: persistentKeepalive ${wanted.persistentKeepalive}`);
  }
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

/** Where a link may be is settled when it is made. */
function isPinnedOtherwise(before: PeerConfig, wanted: PeerConfig): boolean {
  return before.static !== wanted.static || (before.endPoint !== null && wanted.endPoint === null);
}
