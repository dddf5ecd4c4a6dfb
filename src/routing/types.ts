/**
 * What nodes tell about their links, and what they are told about their routes. DESIGN §8, §9.
 *
 *     edge ── LinkReport ──▶ coordinator ── Row, then RowDelta ──▶ edge
 *
 * Delays and costs are integers in µs. One-way values contain the unknown offset between two clocks: they may be
 * negative and only sums along a path, or differences between two paths with the same ends, mean something.
 */

/** A directed link as its receiver advertises it. */
export interface LinkAdvert {
  /** NodeID of the sender of the traffic; the receiver is the reporting node. */
  from: number;
  /** Working delay + jitter + loss term, rounded; null = down, not to be used. */
  costUs: number | null;
  /** Working delay as it is now (the cost is damped, this is not). */
  owdUs: number;
  jitterUs: number;
  /** 0..1. */
  loss: number;
  /** Minimum of the round trip as the reporting node measures it itself; null = not known yet. */
  rttMinUs: number | null;
  /** Largest UDP payload known to pass; 0 = not known. */
  mtu: number;
  /** Clock epochs (u32) of the receiver and of the sender. */
  localEpoch: number;
  remoteEpoch: number;
}

/** What a node reports. (incarnation, counter) grows with each report. */
export interface LinkReport {
  incarnation: number;
  counter: number;
  /** The reporting node's own clock epoch (u32). */
  epoch: number;
  /** True: links that are not named are gone. False: `links` are those that changed. */
  full: boolean;
  links: LinkAdvert[];
  /** Senders of links that are no more. */
  gone: number[];
  /** NodeIDs that it cannot send to directly although it tries: always the whole list. */
  dead: number[];
  /** What forwarding one datagram takes here, µs. */
  forwardUs?: number;
  /** What this node itself wants to cost as a relay, µs: used where the coordinator's list leaves it to the edge. */
  additionalCostUs?: number;
}

/** Orders what one issuer said. The incarnation grows with each start of it. */
export interface Version {
  incarnation: number;
  counter: number;
}

export interface RowEntry {
  destination: number;
  nextHop: number;
  /** A next hop that leads to the destination without coming back here; null = there is none. */
  backup: number | null;
  /** Links on the longer of the two ways. */
  hops: number;
  /** Largest record (bytes of UDP payload) that fits both ways. */
  size: number;
  /** Cost of the way by the next hop, µs. */
  costUs: number;
}

/** One node's row of the next-hop table; entries ascend by destination, unreachable ones are absent. */
export interface Row extends Version {
  /** Of the entries, see `rowHash`. */
  hash: string;
  entries: RowEntry[];
}

/** What turns the row `base` into the row (incarnation, counter). */
export interface RowDelta extends Version {
  base: Version;
  /** Of the entries after the change. */
  hash: string;
  set: RowEntry[];
  removed: number[];
}

/** auto: may be used as a relay; never: not at all; always: also where a large network has to choose. */
export type RelayPolicy = "auto" | "never" | "always";
