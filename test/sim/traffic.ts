/** Packets of the simulated overlay, and what became of them. */
import type { TransitHeader } from "./forwarding.ts";

export interface Packet {
  readonly header: TransitHeader;
  /** Nodes that had it, the source first. */
  readonly visited: number[];
  readonly payload: Uint8Array;
  /** Of a flow, the how-manieth; undefined = a path probe or a keepalive. */
  readonly flow?: Flow;
  readonly sequence: number;
}

/** Packets from one node to another at a steady rate. */
export class Flow {
  readonly from: number;
  readonly to: number;
  readonly intervalUs: number;
  readonly sentUs: number[] = [];
  /** NaN = not (yet). */
  readonly arrivedUs: number[] = [];
  /** Nodes on the way of each packet that arrived. */
  readonly ways: string[] = [];
  duplicates = 0;
  stopped = false;

  constructor(from: number, to: number, perSecond: number) {
    this.from = from;
    this.to = to;
    this.intervalUs = 1e6 / perSecond;
  }

  sent(nowUs: number): number {
    this.arrivedUs.push(NaN);
    this.ways.push("");
    return this.sentUs.push(nowUs) - 1;
  }

  arrived(nowUs: number, packet: Packet): void {
    if (!Number.isNaN(this.arrivedUs[packet.sequence] ?? NaN)) this.duplicates++;
    this.arrivedUs[packet.sequence] = nowUs;
    this.ways[packet.sequence] = packet.visited.join("-");
  }

  get lost(): number {
    return this.arrivedUs.filter(Number.isNaN).length;
  }

  /** The longest time, of packets sent from this moment on, in which nothing that was sent arrived, µs. */
  outage(sinceUs: number, untilUs: number = Infinity): number {
    let longest = 0;
    let lastGood = sinceUs;
    this.sentUs.forEach((sent, i) => {
      if (sent < sinceUs || sent >= untilUs || Number.isNaN(this.arrivedUs[i] ?? NaN)) return;
      longest = Math.max(longest, sent - lastGood - this.intervalUs);
      lastGood = sent;
    });
    const end = Math.min(untilUs, this.sentUs.at(-1) ?? sinceUs);
    return Math.max(0, longest, end - lastGood - this.intervalUs);
  }

  /** The way of the newest packet that arrived among those sent before this moment. */
  wayBefore(untilUs: number): string {
    for (let i = this.sentUs.length - 1; i >= 0; i--) {
      const way = this.ways[i] ?? "";
      if ((this.sentUs[i] ?? 0) < untilUs && way !== "") return way;
    }
    return "";
  }
}

/** Of all packets of a simulation. */
export interface Tally {
  sent: number;
  delivered: number;
  /** Lost on the underlay, or at a node that is dead. */
  lost: number;
  /** Dropped by a node, by reason. */
  dropped: Record<string, number>;
  /** Packets that came to a node which had had them before: a loop or a bounce. */
  revisits: number;
}

export function newTally(): Tally {
  return { sent: 0, delivered: 0, lost: 0, dropped: {}, revisits: 0 };
}

/** Of numbers, the one below which this share lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
