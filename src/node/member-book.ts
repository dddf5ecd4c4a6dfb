/**
 * What a supernode knows of its members besides their links: who is in the file, who is connected, and where each one
 * may be reached. It says who changed, and writes each member's entry for each receiver.
 */
import { isDeepStrictEqual } from "node:util";
import type { Member, Members, ToldPlaces } from "../control/messages.ts";
import type { SuperPeerConfig } from "../config/super-config.ts";
import { encodeKey } from "../config/key-text.ts";
import {
  Announcement,
  costUsOf,
  isConfiguredTold,
  placesOf,
  relayOf,
  seenFromOutside,
} from "./announcement.ts";
import type { MemberState } from "./announcement.ts";
import type { PairPsks } from "./pair-psk.ts";

interface Entry {
  config: SuperPeerConfig;
  readonly said: Announcement;
}

export class MemberBook {
  readonly #entries: Map<number, Entry> = new Map();
  readonly #changed: Set<number> = new Set();
  readonly #removed: Set<number> = new Set();
  /** Of whom something waits to be told. */
  readonly #waiting: Set<number> = new Set();
  readonly #psks: PairPsks | undefined;
  readonly #now: () => number;

  /**
   * Without `psks` members share none.
   * @param now monotonic, ms
   */
  constructor(psks: PairPsks | undefined, now: () => number) {
    this.#psks = psks;
    this.#now = now;
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
        this.#entries.set(config.nodeId, { config, said: new Announcement() });
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
    return this.#entries.get(nodeId)?.said.now.online ?? false;
  }

  /** Where the supernode's UDP socket saw it last, as others reach it. */
  observedOf(nodeId: number): string | undefined {
    const entry = this.#entries.get(nodeId);
    return entry === undefined ? undefined : seenFromOutside(entry.said.now, entry.config);
  }

  /** Routing policy: the file's word counts, and where it has none the edge's own. */
  policies(): { nodeId: number; relay: Member["relay"]; additionalCostUs: number }[] {
    return [...this.#entries].map(([nodeId, { said, config }]) => ({
      nodeId,
      relay: relayOf(said.now, config),
      additionalCostUs: costUsOf(said.now, config),
    }));
  }

  /** A member connected and told of itself. */
  arrived(
    nodeId: number,
    hello: ToldPlaces & {
      readonly incarnation: number;
      readonly relay: Member["relay"];
      readonly additionalCostUs: number;
    },
  ): void {
    this.#change(nodeId, {
      online: true,
      incarnation: hello.incarnation,
      relay: hello.relay,
      // A node may make itself dearer than it is, never cheaper.
      costUs: Math.max(0, hello.additionalCostUs),
      ...placesOf(hello),
    });
  }

  left(nodeId: number): void {
    const said = this.#entries.get(nodeId)?.said;
    if (said === undefined || !said.now.online) return;
    said.left();
    this.#changed.add(nodeId);
  }

  setPlaces(nodeId: number, places: ToldPlaces): void {
    this.#change(nodeId, placesOf(places));
  }

  /** False when that was known. */
  setObserved(nodeId: number, endpoint: string): boolean {
    const entry = this.#entries.get(nodeId);
    if (entry === undefined || entry.said.now.observed === endpoint) return false;
    this.#change(nodeId, { observed: endpoint });
    return true;
  }

  /** Who changed or went since the last call. */
  takeChanges(): { changed: number[]; removed: number[] } {
    for (const nodeId of this.#waiting) {
      if (this.#entries.get(nodeId)?.said.waits === true) this.#change(nodeId, {});
      else this.#waiting.delete(nodeId);
    }
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
    const { config, said } = entry;
    const psk = this.#psks?.of(config.pubKey, other.config.pubKey);
    const lan = !other.config.skipLocalIp;
    return {
      nodeId,
      name: config.name,
      pubKey: encodeKey(config.pubKey),
      ...(psk !== undefined && { psk: encodeKey(psk) }),
      ...said.view(config, lan),
      // There is nothing to stay at where the address is kept back.
      ...(config.static && isConfiguredTold(config, lan) && { static: true }),
    };
  }

  /** A member is something else now, and the others are told of it, now or later. */
  #change(nodeId: number, change: Partial<MemberState>): void {
    const entry = this.#entries.get(nodeId);
    if (entry?.said.change(this.#now() * 1000, entry.config, change) === true) this.#changed.add(nodeId);
    if (entry?.said.waits === true) this.#waiting.add(nodeId);
    else this.#waiting.delete(nodeId);
  }
}
