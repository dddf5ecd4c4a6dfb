/**
 * The members that a supernode names, as peers of this edge: each one a neighbour, with a session, wherever it may be.
 * Members stay when the supernode goes; only its word removes one (DESIGN §9).
 */
import { decodeKey, encodeKey } from "../config/key-text.ts";
import type { PeerConfig } from "../config/edge-config.ts";
import type { Member, Members } from "../control/messages.ts";
import type { ToWorker } from "../dataplane/messages.ts";
import { packedOf } from "../dataplane/underlay.ts";
import { MAX_NODE_ID } from "../wire/node-id.ts";
import type { PeerOptions } from "./node-core.ts";
import { keyName, type Peer } from "./peer.ts";

export const KEY_FROM_SUPERNODE = "told by the supernode";
/** Links are probed more often than any NAT forgets. */
const NO_KEEPALIVE = 0;
/** How long a member is called that is offline, says the supernode, ms: longer than any keypair lives. */
const CALL_OFFLINE_MS = 200_000;

/** What it needs of the node. */
export interface MemberCore {
  readonly config: { readonly nodeId: number };
  readonly peers: { byNode(nodeId: number): Peer | undefined };
  readonly sessions: {
    open(peer: Peer): void;
    close(peer: Peer): void;
    setPsk(peer: Peer, psk: Uint8Array | null): void;
  };
  readonly plane: { post(message: ToWorker): void };
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
  };
  addPeer(config: PeerConfig, options: PeerOptions): Peer;
  removePeer(peer: Peer): void;
  setEndPointName(peer: Peer, endPoint: string | null): void;
  isLinkUp(nodeId: number): boolean;
}

export class MemberList {
  readonly #core: MemberCore;
  /** Keys that the edge's own file holds: they count for more than the supernode's. */
  readonly #own: ReadonlyMap<number, PeerConfig>;
  /** Addresses within LANs count, too. */
  readonly #lan: boolean;
  readonly #members: Map<number, Member> = new Map();
  /** Of the last message; undefined: only a full list may follow. */
  #generation: number | undefined;
  /** Members named by a list of which the last portion is not there yet. */
  #listed: Set<number> | undefined;
  /** Offline members that are called in vain, and since when, ms. */
  readonly #calledSince: Map<number, number> = new Map();
  /** Those that are not called any more. */
  readonly #resting: Set<number> = new Set();
  /** Members by the own file alone: no supernode has spoken of them. */
  readonly #assumed: Set<number> = new Set();

  /** @param options.skipLocalIp addresses that the supernode calls local are not used */
  constructor(core: MemberCore, own: readonly PeerConfig[], options: { skipLocalIp?: boolean } = {}) {
    this.#core = core;
    this.#own = new Map(own.map((peer) => [peer.nodeId, peer]));
    this.#lan = options.skipLocalIp !== true;
  }

  /** The peers of the own file are neighbours until a supernode has told its whole list. */
  assumeOwn(): void {
    for (const peer of this.#own.values()) {
      this.#members.set(peer.nodeId, assumedMember(peer));
      this.#assumed.add(peer.nodeId);
      this.#core.addPeer(peer, { neighbour: true, keySource: "file" });
    }
  }

  get nodeIds(): number[] {
    return [...this.#members.keys()];
  }

  get(nodeId: number): Member | undefined {
    return this.#members.get(nodeId);
  }

  /** The member with this key as a peer: one that was removed by hand comes back as the supernode told it. */
  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined {
    const text = encodeKey(publicKey);
    const member = [...this.#members.values()].find(({ pubKey }) => pubKey === text);
    return member && this.#configOf(member);
  }

  /** Makes a member's peer, with all that was said of where it is. */
  addPeer(config: PeerConfig): Peer {
    const { nodeId } = config;
    const keySource = this.#own.has(nodeId) ? "file" : KEY_FROM_SUPERNODE;
    const peer = this.#core.addPeer(config, { neighbour: true, keySource });
    const member = this.#members.get(nodeId);
    if (member !== undefined) this.#tellCandidates(member, undefined);
    this.#core.sessions.open(peer);
    return peer;
  }

  /** Whether the supernode has a connection with the member; null: it has not said. */
  isOnline(nodeId: number): boolean | null {
    const member = this.#members.get(nodeId);
    return member === undefined || this.#assumed.has(nodeId) ? null : member.online;
  }

  /** Nothing that a supernode says of single members counts before it has told its whole list. */
  get lacksList(): boolean {
    return this.#generation === undefined;
  }

  /** Changes that follow are another supernode's: they say nothing until it has told its whole list. */
  expectFull(): void {
    this.#generation = this.#listed = undefined;
  }

  /** Takes over what a supernode says. False when a message before this one is missing: all is to be asked for anew. */
  apply(message: Members): boolean {
    const { generation, full, part, set } = message;
    const begins = full || part === "first";
    if (!begins) {
      if (this.#generation === undefined) return true;
      if (generation !== this.#generation + 1) {
        this.expectFull();
        return false;
      }
    }
    this.#generation = generation;
    const gone = this.#gone(message, begins ? new Set() : this.#listed);
    for (const nodeId of gone) this.#remove(nodeId);
    for (const member of set) {
      if (member.nodeId === this.#core.config.nodeId || member.nodeId > MAX_NODE_ID) continue;
      this.#set(member);
    }
    return true;
  }

  /** Whom the message takes out; `listed` are those whom the portions before it have named, if it belongs to some. */
  #gone({ full, part, set, removed }: Members, listed: Set<number> | undefined): readonly number[] {
    this.#listed = listed;
    if (listed === undefined) return removed;
    for (const nodeId of removed) listed.delete(nodeId);
    for (const { nodeId } of set) listed.add(nodeId);
    if (!full && part !== "last") return removed;
    this.#listed = undefined;
    return this.nodeIds.filter((nodeId) => !listed.has(nodeId));
  }

  /**
   * To be called every few seconds: lets those be who are offline and have not answered for long. They are called
   * again when somebody has a frame for them, when the supernode says that they are back, and when it is lost.
   * @param believed a supernode is connected, so that its word of who is online is new
   */
  rest(nowMs: number, believed: boolean): void {
    if (!believed) return this.#wake();
    for (const { nodeId, online } of this.#members.values()) {
      const peer = this.#core.peers.byNode(nodeId);
      const inVain = !online && peer !== undefined && peer.core.handshaking && !this.#core.isLinkUp(nodeId);
      const since = this.#calledSince.get(nodeId);
      if (!inVain) this.#calledSince.delete(nodeId);
      else if (since === undefined) this.#calledSince.set(nodeId, nowMs);
      else if (nowMs - since >= CALL_OFFLINE_MS) {
        this.#core.sessions.close(peer);
        this.#calledSince.delete(nodeId);
        this.#resting.add(nodeId);
      }
    }
  }

  #wake(): void {
    for (const nodeId of this.#resting) {
      const peer = this.#core.peers.byNode(nodeId);
      if (peer !== undefined) this.#core.sessions.open(peer);
    }
    this.#resting.clear();
    this.#calledSince.clear();
  }

  #remove(nodeId: number): void {
    if (!this.#members.delete(nodeId)) return;
    this.#assumed.delete(nodeId);
    this.#calledSince.delete(nodeId);
    this.#resting.delete(nodeId);
    const peer = this.#core.peers.byNode(nodeId);
    if (peer !== undefined) this.#core.removePeer(peer);
    this.#core.log.info({ node: nodeId }, "member removed by the supernode");
  }

  #set(member: Member): void {
    const config = this.#configOf(member);
    if (config === undefined) return;
    const before = this.#members.get(member.nodeId);
    const was = before === undefined ? undefined : this.#configOf(before);
    const remade = was !== undefined && was.static !== config.static;
    const peer = this.#core.peers.byNode(member.nodeId);
    // A link is made with the peer: what holds for its whole life begins with a new one.
    const known = peer !== undefined && !remade && keyName(peer.publicKey) === keyName(config.pubKey);
    this.#members.set(member.nodeId, member);
    this.#assumed.delete(member.nodeId);
    if (peer === undefined || !known) {
      if (peer !== undefined) this.#core.removePeer(peer);
      this.addPeer(config);
    } else {
      this.#update(peer, config, was);
      this.#tellCandidates(member, before);
      if (member.online || before === undefined) this.#core.sessions.open(peer);
    }
    if (member.online) this.#resting.delete(member.nodeId);
  }

  /** What was set by hand meanwhile stays until the supernode says something else than before. */
  #update(peer: Peer, config: PeerConfig, was: PeerConfig | undefined): void {
    peer.name = config.name;
    const psk = was === undefined ? peer.psk : was.psKey;
    if (Buffer.compare(psk ?? Buffer.alloc(0), config.psKey ?? Buffer.alloc(0)) !== 0) {
      const text = "another pre-shared key: session made anew. Several supernodes need the same pskSecret";
      if (peer.psk !== null && config.psKey !== null) this.#core.log.warn({ node: peer.nodeId }, text);
      this.#core.sessions.setPsk(peer, config.psKey);
    }
    const said = was === undefined ? null : was.endPoint;
    if (config.endPoint !== said) this.#core.setEndPointName(peer, config.endPoint);
  }

  #tellCandidates(member: Member, before: Member | undefined): void {
    const addresses = this.#numericEndpoints(member);
    if (before !== undefined && this.#numericEndpoints(before).join() === addresses.join()) return;
    const packed = addresses.flatMap((text) => packedOf(text) ?? []);
    this.#core.plane.post({ type: "candidates", nodeId: member.nodeId, addresses: packed });
  }

  #numericEndpoints(member: Member): string[] {
    return member.endpoints
      .filter(({ source }) => source === "observed" || (source === "local" && this.#lan))
      .map(({ address }) => address);
  }

  #endPointOf(member: Member): string | null {
    return this.#own.get(member.nodeId)?.endPoint ?? configuredName(member);
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
      endPoint: this.#endPointOf(member),
      persistentKeepalive: own?.persistentKeepalive ?? NO_KEEPALIVE,
      static: own?.static ?? member.static ?? false,
    };
  }
}

/** What the supernode's file says of the member's place; it may be a name. */
function configuredName(member: Member): string | null {
  return member.endpoints.find((endpoint) => endpoint.source === "configured")?.address ?? null;
}

/** In the supernode's words, as far as they can be put into its mouth. */
function assumedMember({ nodeId, name, pubKey }: PeerConfig): Member {
  return {
    ...{ nodeId, name, pubKey: encodeKey(pubKey), endpoints: [], online: false },
    ...{ relay: "auto", additionalCostUs: 0 },
  };
}
