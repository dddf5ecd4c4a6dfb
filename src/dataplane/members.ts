/**
 * What the data plane knows of every NodeID, in flat arrays, so that a frame's way (ways.ts) is a few array reads:
 *
 *   destination ──nextHop──▶ hop ──link, linkState──▶ endpoint
 *        ├──────backup─────▶ hop, when the first one's link is dead, or something behind it (pathDown)
 *        └──sendSlot──▶ keypair (seals the record)      hop's sendSlot ▶ keypair (seals the transit header)
 */
import { IPV4_UDP, IPV6_UDP, LARGEST_MTU, RECORD, TRANSIT } from "../wire/sizes.ts";

export const NO_NODE = 0xffff;
export const NODE_IDS = 65536;

/** States of a neighbour's link: it was never up, it is, it was. */
export const LINK_NEW = 0;
export const LINK_UP = 1;
export const LINK_DEAD = 2;

/** Bits of `pathDown`: something behind the next hop, or the backup, is broken for this node. */
export const PRIMARY_DOWN = 1;
export const BACKUP_DOWN = 2;

export interface RouteEntry {
  destination: number;
  nextHop: number;
  /** Links on the longer of the way and the backup's; 0 = not known. */
  hops: number;
  /** The way to take when the link to the next hop is dead; absent or {@link NO_NODE} = none. */
  backup?: number;
  /** Largest record that fits both ways, transit headers beside it counted; absent or 0 = not known. */
  size?: number;
}

export class Members {
  readonly nextHop: Uint16Array = new Uint16Array(NODE_IDS).fill(NO_NODE);
  readonly backup: Uint16Array = new Uint16Array(NODE_IDS).fill(NO_NODE);
  readonly hops: Uint8Array = new Uint8Array(NODE_IDS);
  /** Largest record that fits the way, as the table says; 0 = not known. */
  readonly size: Uint16Array = new Uint16Array(NODE_IDS);
  /** What the path watch has found out, of our own traffic. */
  readonly pathDown: Uint8Array = new Uint8Array(NODE_IDS);
  /** Keypair to seal with, −1 = no session. */
  readonly sendSlot: Int32Array = new Int32Array(NODE_IDS).fill(-1);
  /** Link number of a neighbour, −1 = not a neighbour. */
  readonly link: Int32Array = new Int32Array(NODE_IDS).fill(-1);
  readonly linkState: Uint8Array = new Uint8Array(NODE_IDS);
  /** Largest IP packet that passes to a neighbour's endpoint, 0 = not known. */
  readonly linkMtu: Uint16Array = new Uint16Array(NODE_IDS);
  /** 1 = the neighbour's endpoint is an IPv4 address; until one is known, the family that leaves less room. */
  readonly linkIpv4: Uint8Array = new Uint8Array(NODE_IDS);
  /** 1 = the link to this neighbour has an endpoint. */
  readonly addressed: Uint8Array = new Uint8Array(NODE_IDS);
  readonly known: Uint8Array = new Uint8Array(NODE_IDS);
  /** A link that is up is the way to its node where the table has none. */
  readonly directFallback: boolean;
  /** A table has come. */
  hasTable: boolean = false;
  /** Where floods go: every destination of the own row. */
  floodSet: Uint16Array = new Uint16Array(0);

  constructor(directFallback: boolean = false) {
    this.directFallback = directFallback;
  }

  /** TTL of a frame to `destination`: its hops plus a margin of two for repairs (DESIGN §3). */
  ttl(destination: number, defaultTtl: number): number {
    const hops = this.hops[destination] ?? 0;
    return hops === 0 ? defaultTtl : Math.min(hops + 2, 255);
  }

  /** Replaces the whole table. `pathDown` is about the old one's hops: whoever watches paths writes it anew. */
  setRoutes(routes: readonly RouteEntry[], floodSet: Uint16Array): void {
    this.nextHop.fill(NO_NODE);
    this.backup.fill(NO_NODE);
    this.hops.fill(0);
    this.size.fill(0);
    this.pathDown.fill(0);
    for (const route of routes) {
      const { destination, nextHop, hops, backup, size } = route;
      this.nextHop[destination] = nextHop;
      this.hops[destination] = hops;
      this.backup[destination] = backup ?? NO_NODE;
      this.size[destination] = size ?? 0;
    }
    this.floodSet = floodSet;
    this.hasTable ||= routes.length > 0;
  }

  /** A member without a way that may have one soon: nobody has told the table yet. */
  awaitsTable(node: number): boolean {
    return this.directFallback && !this.hasTable && this.known[node] === 1;
  }

  /** Whether something can be sent over the link to this neighbour: it answers, or nobody has tried yet. */
  canSend(node: number): boolean {
    return (
      this.linkState[node] !== LINK_DEAD && this.addressed[node] === 1 && (this.sendSlot[node] ?? -1) >= 0
    );
  }

  /** A neighbour's link is gone, with all that was known of it. */
  forgetLink(node: number): void {
    this.link[node] = -1;
    this.linkState[node] = LINK_NEW;
    this.linkMtu[node] = 0;
    this.linkIpv4[node] = 0;
    this.addressed[node] = 0;
  }

  /**
   * The longest frame that fits one record to `destination` by way of `next`. Without word from the table the MTU of
   * links beyond the first is not known, so a relayed path is taken for IPv6 and no larger than Ethernet's 1500.
   */
  maxFrame(destination: number, next: number): number {
    const known = this.linkMtu[next] ?? 0;
    const packet = known === 0 ? LARGEST_MTU : Math.min(known, LARGEST_MTU);
    const first = packet - (this.linkIpv4[next] === 1 ? IPV4_UDP : IPV6_UDP);
    if (next === destination) return Math.max(first - RECORD, 0);
    const size = this.size[destination] ?? 0;
    const record = size === 0 ? packet - IPV6_UDP - TRANSIT : Math.min(first - TRANSIT, size);
    return Math.max(record - RECORD, 0);
  }
}
