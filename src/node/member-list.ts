/**
 * The members that a supernode names, as peers of this edge: each one a neighbour, with a session, wherever it may be.
 * Members stay when the supernode goes; only its word removes one (DESIGN §9).
 */
import { decodeKey } from "../config/key-text.ts";
import type { PeerConfig } from "../config/edge-config.ts";
import type { Member, Members } from "../control/messages.ts";
import { PACKED_ADDRESS_BYTES, packAddress, parseAddress } from "../wire/address.ts";
import type { NodeCore } from "./node-core.ts";
import { keyName, type Peer } from "./peer.ts";

export const KEY_FROM_SUPERNODE = "told by the supernode";
/** Seconds after which a name is asked for again, by the resolver: what `endPoint` holds is a name only then. */
const NO_KEEPALIVE = 0;

export class MemberList {
  readonly #core: NodeCore;
  /** Keys that the edge's own file holds: they count for more than the supernode's. */
  readonly #own: ReadonlyMap<number, PeerConfig>;
  readonly #members: Map<number, Member> = new Map();

  constructor(core: NodeCore, own: readonly PeerConfig[]) {
    this.#core = core;
    this.#own = new Map(own.map((peer) => [peer.nodeId, peer]));
  }

  get nodeIds(): number[] {
    return [...this.#members.keys()];
  }

  get(nodeId: number): Member | undefined {
    return this.#members.get(nodeId);
  }

  /** Takes over what a supernode says. Returns true when somebody came or went. */
  apply(message: Members): boolean {
    let changed = false;
    const named = new Set(message.set.map((member) => member.nodeId));
    const gone = message.full ? this.nodeIds.filter((nodeId) => !named.has(nodeId)) : message.removed;
    for (const nodeId of gone) changed = this.#remove(nodeId) || changed;
    for (const member of message.set) {
      if (member.nodeId === this.#core.config.nodeId) continue;
      changed = this.#set(member) || changed;
    }
    return changed;
  }

  #remove(nodeId: number): boolean {
    if (!this.#members.delete(nodeId)) return false;
    const peer = this.#core.peers.byNode(nodeId);
    if (peer !== undefined) this.#core.removePeer(peer);
    this.#core.log.info({ node: nodeId }, "member removed by the supernode");
    return true;
  }

  #set(member: Member): boolean {
    const config = this.#configOf(member);
    if (config === undefined) return false;
    const before = this.#members.get(member.nodeId);
    let peer = this.#core.peers.byNode(member.nodeId);
    const known = peer !== undefined && keyName(peer.publicKey) === keyName(config.pubKey);
    this.#members.set(member.nodeId, member);
    if (peer === undefined || !known) {
      if (peer !== undefined) this.#core.removePeer(peer);
      const keySource = this.#own.has(member.nodeId) ? "file" : KEY_FROM_SUPERNODE;
      peer = this.#core.addPeer(config, { neighbour: true, keySource });
    } else {
      this.#update(peer, config);
    }
    this.#tellCandidates(member, before);
    if (member.online || before === undefined) this.#core.sessions.open(peer);
    return !known;
  }

  #update(peer: Peer, config: PeerConfig): void {
    peer.name = config.name;
    if (Buffer.compare(peer.psk ?? Buffer.alloc(0), config.psKey ?? Buffer.alloc(0)) !== 0) {
      this.#core.sessions.setPsk(peer, config.psKey);
    }
    if (config.endPoint !== null && config.endPoint !== peer.endPoint) {
      this.#core.setEndPointName(peer, config.endPoint);
    }
  }

  #tellCandidates(member: Member, before: Member | undefined): void {
    const addresses = numericEndpoints(member);
    if (before !== undefined && numericEndpoints(before).join() === addresses.join()) return;
    const packed = addresses.flatMap((text) => {
      const address = parseAddress(text);
      if (address === undefined) return [];
      const bytes = new Uint8Array(PACKED_ADDRESS_BYTES);
      packAddress(address, bytes);
      return [bytes];
    });
    this.#core.plane.post({ type: "candidates", nodeId: member.nodeId, addresses: packed });
  }

  /** Undefined when the own file knows another key for this NodeID: it is believed, the supernode is not. */
  #configOf(member: Member): PeerConfig | undefined {
    const own = this.#own.get(member.nodeId);
    const pubKey = decodeKey(member.pubKey);
    if (pubKey === undefined) return undefined;
    if (own !== undefined && keyName(own.pubKey) !== keyName(pubKey)) {
      this.#core.log.warn(
        { node: member.nodeId },
        "the supernode's key for this node is not the file's: refused",
      );
      return undefined;
    }
    const psKey = member.psk === undefined ? undefined : decodeKey(member.psk);
    return {
      nodeId: member.nodeId,
      name: member.name,
      pubKey,
      psKey: own?.psKey ?? psKey ?? null,
      endPoint: own?.endPoint ?? configuredName(member),
      persistentKeepalive: own?.persistentKeepalive ?? NO_KEEPALIVE,
      static: own?.static ?? member.static ?? false,
    };
  }
}

/** What the supernode's file says of the member's place; it may be a name. */
function configuredName(member: Member): string | null {
  return member.endpoints.find((endpoint) => endpoint.source === "configured")?.address ?? null;
}

function numericEndpoints(member: Member): string[] {
  return member.endpoints.filter(({ source }) => source !== "configured").map(({ address }) => address);
}
