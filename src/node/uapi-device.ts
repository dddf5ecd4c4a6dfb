/** The node as WireGuard's tools see it: `wg show` and `wg set` (DESIGN §11). Changes are live and not saved. */
import type { DeviceChange, DeviceSnapshot, PeerChange } from "../api/uapi-codec.ts";
import type { UapiDevice } from "../api/uapi-server.ts";
import { SUPER_NODE_ID } from "../wire/node-id.ts";
import { endpointText, keyName, type Peer } from "./peer.ts";
import type { RunningNode } from "./running-node.ts";

const ENOENT = -2;
const EIO = -5;
const EINVAL = -22;
const EOPNOTSUPP = -95;
const KEY_BYTES = 32;

export class NodeUapi implements UapiDevice {
  readonly #node: RunningNode;

  constructor(node: RunningNode) {
    this.#node = node;
  }

  async snapshot(): Promise<DeviceSnapshot> {
    const node = this.#node.core;
    const status = await node.plane.status(false);
    const traffic = new Map(status.peers.map((peer) => [peer.nodeId, peer]));
    return {
      privateKey: node.config.privKey,
      listenPort: node.listenPort,
      fwmark: node.fwMark,
      peers: [...node.peers].map((peer) => ({
        publicKey: peer.publicKey,
        presharedKey: peer.psk,
        endpoint: endpointText(peer),
        lastHandshakeMs: peer.handshakeAtMs,
        txBytes: traffic.get(peer.nodeId)?.txBytes ?? 0,
        rxBytes: traffic.get(peer.nodeId)?.rxBytes ?? 0,
        persistentKeepalive: peer.persistentKeepalive,
      })),
    };
  }

  /** All or nothing: whatever can be refused is looked at before the first change is made. */
  async apply(changes: DeviceChange[]): Promise<number> {
    let replaced = false;
    for (const change of changes) {
      const refused = this.#refusal(change, replaced);
      if (refused !== 0) return refused;
      replaced ||= change.kind === "replacePeers";
    }
    for (const change of changes) {
      const result = await this.#change(change);
      if (result !== 0) return result;
    }
    return 0;
  }

  /** @param replaced all peers are removed before this change, so that the file must know this one */
  #refusal(change: DeviceChange, replaced: boolean): number {
    const node = this.#node;
    switch (change.kind) {
      case "privateKey":
        return keyName(change.privateKey) === keyName(node.core.config.privKey) ? 0 : EOPNOTSUPP;
      case "peer": {
        // The supernode is the file's to choose, and nothing would bring it back.
        if (change.remove === true && this.#isSupernode(node.core.peers.byKey(change.publicKey)))
          return EOPNOTSUPP;
        if (change.remove === true || change.updateOnly === true || this.#isOwn(change)) return 0;
        // A peer without a NodeID means nothing here, and only the file knows NodeIDs.
        const running = node.core.peers.byKey(change.publicKey);
        const remains = running !== undefined && (!replaced || this.#isSupernode(running));
        if (!remains && node.configuredPeer(change.publicKey) === undefined) return ENOENT;
        // The table sends this peer's frames through a relay: there is no link that an endpoint could be of.
        return change.endpoint !== undefined && running !== undefined && running.link < 0 ? EOPNOTSUPP : 0;
      }
      default:
        return 0;
    }
  }

  async #change(change: DeviceChange): Promise<number> {
    const node = this.#node;
    switch (change.kind) {
      case "privateKey":
        return 0;
      case "listenPort":
        return -(await node.core.rebind(change.listenPort));
      case "fwmark":
        return (await node.core.setFwMark(change.fwmark)) ? 0 : EIO;
      case "replacePeers":
        for (const peer of [...node.core.peers]) if (!this.#isSupernode(peer)) node.core.removePeer(peer);
        return 0;
      case "peer":
        return this.#peer(change);
    }
  }

  #peer(change: PeerChange): number {
    const node = this.#node;
    if (this.#isOwn(change)) return 0;
    let peer = node.core.peers.byKey(change.publicKey);
    if (change.remove === true) {
      if (peer !== undefined) node.core.removePeer(peer);
      return 0;
    }
    if (peer === undefined) {
      if (change.updateOnly === true) return 0;
      const configured = node.configuredPeer(change.publicKey);
      if (configured === undefined) return ENOENT;
      peer = node.addPeer(configured);
    }
    if (change.persistentKeepalive !== undefined) peer.persistentKeepalive = change.persistentKeepalive;
    if (change.presharedKey !== undefined) {
      if (change.presharedKey.length !== KEY_BYTES) return EINVAL;
      const none = change.presharedKey.every((byte) => byte === 0);
      node.core.sessions.setPsk(peer, none ? null : change.presharedKey);
    }
    if (change.endpoint !== undefined) node.core.setEndpoint(peer, change.endpoint);
    return 0;
  }

  #isSupernode(peer: Peer | undefined): boolean {
    return peer?.nodeId === SUPER_NODE_ID;
  }

  /** WireGuard ignores a peer that is the device itself. */
  #isOwn(change: PeerChange): boolean {
    return keyName(change.publicKey) === keyName(this.#node.core.publicKey);
  }
}
