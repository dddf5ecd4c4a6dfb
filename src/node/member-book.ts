/**
 * What a supernode knows of its members besides their links: who is in the file, who is connected, and where each one
 * may be reached. It says who changed, and writes each member's entry for each receiver.
 */
import { isDeepStrictEqual } from "node:util";
import type { Member, MemberEndpoint, Members, ToldPlaces } from "../control/messages.ts";
import type { SuperPeerConfig } from "../config/super-config.ts";
import { encodeKey } from "../config/key-text.ts";
import { addressKey, isPrivate, parseAddress, parseHost } from "../wire/address.ts";
import { MAX_LOCAL } from "./local-endpoints.ts";
import type { PairPsks } from "./pair-psk.ts";

interface Entry {
  config: SuperPeerConfig;
  online: boolean;
  /** Where the UDP socket sees it, `ip:port`. */
  observed: string | undefined;
  /** What it says of itself. */
  local: readonly string[];
  /** By the supernode that it obeys, as it says. */
  observedElsewhere: string | undefined;
  /** Of the edge's own file. */
  ownRelay: Member["relay"];
  ownCostUs: number;
}

export class MemberBook {
  readonly #entries: Map<number, Entry> = new Map();
  readonly #changed: Set<number> = new Set();
  readonly #removed: Set<number> = new Set();
  readonly #psks: PairPsks | undefined;

  /** Without `psks` members share none. */
  constructor(psks: PairPsks | undefined) {
    this.#psks = psks;
  }

  /** The file's members from now on. Returns who is gone: also one whose key is another now. */
  setPeers(peers: readonly SuperPeerConfig[]): number[] {
    const wanted = new Map(peers.map((peer) => [peer.nodeId, peer]));
    const gone: number[] = [];
    for (const [nodeId, entry] of this.#entries) {
      const peer = wanted.get(nodeId);
      if (peer !== undefined && encodeKey(peer.pubKey) === encodeKey(entry.config.pubKey)) continue;
      this.#entries.delete(nodeId);
      this.#removed.add(nodeId);
      gone.push(nodeId);
    }
    for (const config of peers) {
      const entry = this.#entries.get(config.nodeId);
      if (entry === undefined) {
        this.#entries.set(config.nodeId, {
          config,
          online: false,
          observed: undefined,
          local: [],
          observedElsewhere: undefined,
          ownRelay: "auto",
          ownCostUs: 0,
        });
      } else {
        const same = isDeepStrictEqual(entry.config, config);
        entry.config = config;
        if (same) continue;
      }
      this.#changed.add(config.nodeId);
    }
    return gone;
  }

  get nodeIds(): number[] {
    return [...this.#entries.keys()];
  }

  config(nodeId: number): SuperPeerConfig | undefined {
    return this.#entries.get(nodeId)?.config;
  }

  isOnline(nodeId: number): boolean {
    return this.#entries.get(nodeId)?.online ?? false;
  }

  /** Where the supernode's UDP socket saw it last, as others reach it. */
  observedOf(nodeId: number): string | undefined {
    const entry = this.#entries.get(nodeId);
    return entry === undefined ? undefined : seenFromOutside(entry);
  }

  /** Routing policy: the file's word counts, and where it has none the edge's own. */
  policies(): { nodeId: number; relay: Member["relay"]; additionalCostUs: number }[] {
    return [...this.#entries].map(([nodeId, entry]) => ({
      nodeId,
      relay: relayOf(entry),
      additionalCostUs: costUs(entry),
    }));
  }

  /** A member connected and told of itself. */
  arrived(
    nodeId: number,
    hello: ToldPlaces & {
      readonly relay: Member["relay"];
      readonly additionalCostUs: number;
    },
  ): void {
    const entry = this.#entries.get(nodeId);
    if (entry === undefined) return;
    entry.online = true;
    entry.ownRelay = hello.relay;
    // A node may make itself dearer than it is, never cheaper.
    entry.ownCostUs = Math.max(0, hello.additionalCostUs);
    notePlaces(entry, hello);
    this.#changed.add(nodeId);
  }

  left(nodeId: number): void {
    const entry = this.#entries.get(nodeId);
    if (entry === undefined || !entry.online) return;
    entry.online = false;
    this.#changed.add(nodeId);
  }

  setPlaces(nodeId: number, places: ToldPlaces): void {
    const entry = this.#entries.get(nodeId);
    if (entry !== undefined && notePlaces(entry, places)) this.#changed.add(nodeId);
  }

  /** False when that was known. */
  setObserved(nodeId: number, endpoint: string): boolean {
    const entry = this.#entries.get(nodeId);
    if (entry === undefined || entry.observed === endpoint) return false;
    entry.observed = endpoint;
    this.#changed.add(nodeId);
    return true;
  }

  /** Who changed or went since the last call. */
  takeChanges(): { changed: number[]; removed: number[] } {
    const changes = {
      changed: [...this.#changed].filter((nodeId) => this.#entries.has(nodeId)),
      removed: [...this.#removed].filter((nodeId) => !this.#entries.has(nodeId)),
    };
    // A member with another key is first removed and then added.
    changes.removed.push(...[...this.#removed].filter((nodeId) => this.#entries.has(nodeId)));
    this.#changed.clear();
    this.#removed.clear();
    return changes;
  }

  /** The message that brings `receiver` up to date about these members. */
  message(
    receiver: number,
    generation: number,
    full: boolean,
    nodeIds: readonly number[],
    removed: readonly number[],
  ): Members {
    const set = nodeIds.flatMap((id) => this.member(receiver, id) ?? []);
    return { type: "members", generation, full, set, removed: removed.filter((id) => id !== receiver) };
  }

  /** What `receiver` is told of another member. */
  member(receiver: number, nodeId: number): Member | undefined {
    const entry = this.#entries.get(nodeId);
    const other = this.#entries.get(receiver);
    if (entry === undefined || other === undefined || entry === other) return undefined;
    const { config, online } = entry;
    const psk = this.#psks?.of(config.pubKey, other.config.pubKey);
    const lan = !other.config.skipLocalIp;
    return {
      nodeId,
      name: config.name,
      pubKey: encodeKey(config.pubKey),
      ...(psk !== undefined && { psk: encodeKey(psk) }),
      endpoints: endpointsOf(entry, lan),
      online,
      relay: relayOf(entry),
      additionalCostUs: costUs(entry),
      // There is nothing to stay at where the address is kept back.
      ...(config.static && isConfiguredTold(config, lan) && { static: true }),
    };
  }
}

/** Takes over where a member says that it is. False when that was known. */
function notePlaces(entry: Entry, { endpoints, observed }: ToldPlaces): boolean {
  const before = [entry.local, entry.observedElsewhere];
  entry.local = endpoints.slice(0, MAX_LOCAL);
  entry.observedElsewhere = observed;
  return !isDeepStrictEqual(before, [entry.local, entry.observedElsewhere]);
}

/** The supernode's file wins, but nobody is made to relay: an edge whose own file says "never" drops what it is sent. */
function relayOf({ config, ownRelay }: Entry): Member["relay"] {
  return ownRelay === "never" ? "never" : (config.relay ?? ownRelay);
}

/** What it costs to go through a member, µs. */
function costUs({ config, ownCostUs }: Entry): number {
  return config.additionalCost === null ? ownCostUs : Math.round(config.additionalCost * 1000);
}

/** @param lan the receiver is to know addresses within LANs */
function endpointsOf(entry: Entry, lan: boolean): MemberEndpoint[] {
  const { config, observedElsewhere, local } = entry;
  const endpoints: MemberEndpoint[] = [];
  if (config.endPoint !== null && isConfiguredTold(config, lan)) {
    endpoints.push({ address: config.endPoint, source: "configured" });
  }
  const seen = seenFromOutside(entry);
  if (seen !== undefined) endpoints.push({ address: seen, source: "observed" });
  const withLan = lan && !config.skipLocalIp;
  // A supernode within the member's LAN sees it there.
  const useful = observedElsewhere !== undefined && (withLan || !isWithinLan(observedElsewhere));
  if (useful && observedElsewhere !== seen)
    endpoints.push({ address: observedElsewhere, source: "observed" });
  if (withLan) {
    for (const address of local) {
      if (address !== seen && address !== observedElsewhere) endpoints.push({ address, source: "local" });
    }
  }
  return endpoints;
}

/**
 * Whether the file's `endPoint` is for others, too. One within a LAN is for the supernode alone where the file says that
 * others need another address, or that LAN addresses are nobody's business. What a name stands for is not known here.
 */
function isConfiguredTold({ endPoint, externalIp, skipLocalIp }: SuperPeerConfig, lan: boolean): boolean {
  const address = endPoint === null ? undefined : parseAddress(endPoint);
  const isForAll = externalIp === null && !skipLocalIp && lan;
  return address === undefined || isForAll || !isPrivate(address);
}

function isWithinLan(endpoint: string): boolean {
  const address = parseAddress(endpoint);
  return address === undefined || isPrivate(address);
}

/** `externalIp`: the supernode shares a NAT with this member and sees an inner address of it. */
function seenFromOutside({ observed, config: { externalIp } }: Entry): string | undefined {
  if (observed === undefined) return undefined;
  const address = parseAddress(observed);
  const bytes = externalIp === null ? undefined : parseHost(externalIp);
  if (address === undefined || bytes === undefined) return observed;
  return addressKey({ family: bytes.length === 4 ? 4 : 6, bytes, port: address.port });
}
