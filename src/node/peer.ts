/** A peer while the program runs: what the file says of it, and what has become of it. */
import type { SessionCore } from "../noise/session-core.ts";
import { formatAddress, unpackAddress } from "../wire/address.ts";

export interface Peer {
  readonly nodeId: number;
  name: string;
  readonly publicKey: Uint8Array;
  /** `file`, or `vouched by N`. */
  keySource: string;
  psk: Uint8Array | null;
  /** As configured, `host:port`; null = waits to be contacted, or is reached through a relay. */
  endPoint: string | null;
  persistentKeepalive: number;
  /** Link number of a neighbour, −1 for a node behind a relay. */
  readonly link: number;
  readonly core: SessionCore;
  /** Where its link's endpoint is now; packed, null = not known. */
  endpoint: Uint8Array | null;
  aead: number;
  /** Wall clock ms of the last completed handshake, 0 = never. */
  handshakeAtMs: number;
  handshakes: number;
  /** Mesh clock ms of the last wish for a session. */
  wantedAtMs: number;
  opened: boolean;
}

/** Peers by every name they have. */
export class PeerTable {
  readonly #byNode: Map<number, Peer> = new Map();
  readonly #byKey: Map<string, Peer> = new Map();

  add(peer: Peer): void {
    this.#byNode.set(peer.nodeId, peer);
    this.#byKey.set(keyName(peer.publicKey), peer);
  }

  remove(peer: Peer): void {
    // Where keys and NodeIDs were exchanged, the name may be another peer's already.
    const key = keyName(peer.publicKey);
    if (this.#byNode.get(peer.nodeId) === peer) this.#byNode.delete(peer.nodeId);
    if (this.#byKey.get(key) === peer) this.#byKey.delete(key);
  }

  byNode(nodeId: number): Peer | undefined {
    return this.#byNode.get(nodeId);
  }

  byKey(publicKey: Uint8Array): Peer | undefined {
    return this.#byKey.get(keyName(publicKey));
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#byNode.values();
  }
}

export function keyName(publicKey: Uint8Array): string {
  return Buffer.from(publicKey).toString("hex");
}

/** Where its link's endpoint is, `ip:port`; null = not known. */
export function endpointText(peer: Peer): string | null {
  const address = peer.endpoint === null ? undefined : unpackAddress(peer.endpoint);
  return address === undefined ? null : formatAddress(address);
}
