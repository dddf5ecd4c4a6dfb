/**
 * What the data plane knows of every NodeID, in flat arrays, so that a frame's way is four array reads:
 *
 *   destination ──nextHop──▶ hop ──link──▶ endpoint
 *        └──sendSlot──▶ keypair (seals the record)      hop's sendSlot ▶ keypair (seals the transit header)
 */

export const NO_NODE = 0xffff;
const NODE_IDS = 65536;

/** Bytes of Ethernet frame that fit beside IPv6, UDP and one record in a 1500-byte packet, relayed or not. */
const UNDERLAY_MTU = 1500;
const IPV4_UDP = 28;
const IPV6_UDP = 48;
const RECORD = 40;
const TRANSIT = 40;

export interface RouteEntry {
  destination: number;
  nextHop: number;
  /** Links on the way; 0 = not known. */
  hops: number;
}

export class Members {
  readonly nextHop: Uint16Array = new Uint16Array(NODE_IDS).fill(NO_NODE);
  readonly hops: Uint8Array = new Uint8Array(NODE_IDS);
  /** Keypair to seal with, −1 = no session. */
  readonly sendSlot: Int32Array = new Int32Array(NODE_IDS).fill(-1);
  /** Link number of a neighbour, −1 = not a neighbour. */
  readonly link: Int32Array = new Int32Array(NODE_IDS).fill(-1);
  /** Longest frame that fits one record on the route. */
  readonly maxFrame: Uint16Array = new Uint16Array(NODE_IDS).fill(UNDERLAY_MTU - IPV6_UDP - RECORD - TRANSIT);
  /** 1 = the link to this neighbour has an endpoint. */
  readonly addressed: Uint8Array = new Uint8Array(NODE_IDS);
  readonly known: Uint8Array = new Uint8Array(NODE_IDS);
  /** Where floods go: every destination of the own row. */
  floodSet: Uint16Array = new Uint16Array(0);

  /** TTL of a frame to `destination`: its hops plus a margin of two for repairs (DESIGN §3). */
  ttl(destination: number, defaultTtl: number): number {
    const hops = this.hops[destination] ?? 0;
    return hops === 0 ? defaultTtl : Math.min(hops + 2, 255);
  }

  setRoutes(routes: readonly RouteEntry[], floodSet: Uint16Array): void {
    this.nextHop.fill(NO_NODE);
    this.hops.fill(0);
    for (const route of routes) {
      this.nextHop[route.destination] = route.nextHop;
      this.hops[route.destination] = route.hops;
    }
    this.floodSet = floodSet;
  }

  /**
   * Recomputes what fits towards `destination`. The MTU of links beyond the first is not known here, so a relayed
   * path is taken for IPv6 and no larger than Ethernet's 1500.
   * @param linkMtu of the route to the next hop's endpoint, 0 = not known
   */
  setLinkMtu(destination: number, linkMtu: number, ipv6: boolean): void {
    const direct = this.nextHop[destination] === destination;
    const packet = Math.min(linkMtu === 0 ? UNDERLAY_MTU : linkMtu, UNDERLAY_MTU);
    const overhead = direct ? (ipv6 ? IPV6_UDP : IPV4_UDP) + RECORD : IPV6_UDP + RECORD + TRANSIT;
    this.maxFrame[destination] = Math.max(packet - overhead, 0);
  }
}
