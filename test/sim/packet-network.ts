/** Carries packets between edges, hop by hop, at the speed of the underlay, and counts what becomes of them. */
import type { SimEdge } from "./edge.ts";
import type { EventQueue } from "./event-queue.ts";
import { FineLinks } from "./fine-links.ts";
import { Forwarding } from "./forwarding.ts";
import { newTally } from "./traffic.ts";
import type { Flow, Packet, Tally } from "./traffic.ts";
import type { Underlay } from "./underlay.ts";

export class PacketNetwork {
  readonly tally: Tally = newTally();
  readonly #time: EventQueue;
  readonly #underlay: Underlay;
  readonly #edge: (nodeId: number) => SimEdge;
  readonly #forwarding = new Forwarding();

  constructor(time: EventQueue, underlay: Underlay, edge: (nodeId: number) => SimEdge) {
    this.#time = time;
    this.#underlay = underlay;
    this.#edge = edge;
  }

  /** The next frame of a flow. */
  sendFrame(edge: SimEdge, flow: Flow): void {
    const sequence = flow.sent(this.#time.nowUs);
    this.tally.sent++;
    edge.onFrameSent(flow.to);
    this.send(edge, flow.to, { payload: new Uint8Array(0), flow, sequence });
  }

  /** A packet of an edge's own, by its table or (`hop`) through this neighbour. */
  send(edge: SimEdge, to: number, content: Omit<Packet, "header" | "visited">, hop?: number): void {
    const start = this.#forwarding.originate(edge, to, hop);
    if (!start) return this.#drop(content, "noRoute");
    this.#transmit(edge, start.next, { ...content, header: start.header, visited: [edge.nodeId] });
  }

  #transmit(edge: SimEdge, next: number, packet: Packet): void {
    if (edge.links instanceof FineLinks) edge.links.sent(next);
    const tookUs = this.#underlay.travel(edge.nodeId, next);
    if (tookUs === undefined) {
      if (packet.flow) this.tally.lost++;
      return;
    }
    const from = edge.nodeId;
    this.#time.after(tookUs, () => this.#receive(this.#edge(next), from, packet));
  }

  #receive(edge: SimEdge, from: number, packet: Packet): void {
    const { header, visited, flow } = packet;
    if (!edge.alive) {
      if (flow) this.tally.lost++;
      return;
    }
    if (edge.links instanceof FineLinks) edge.links.received(from);
    if (visited.includes(edge.nodeId)) this.tally.revisits++;
    visited.push(edge.nodeId);
    if (header.destination === edge.nodeId) {
      edge.onRecord(header.source, packet.payload, flow !== undefined);
      if (!flow) return;
      this.tally.delivered++;
      return flow.arrived(this.#time.nowUs, packet);
    }
    const forwarded = this.#forwarding.relay(this.#time.nowUs, edge, header);
    if ("dropped" in forwarded) this.#drop(packet, forwarded.dropped);
    else this.#transmit(edge, forwarded.next, packet);
  }

  #drop(packet: Omit<Packet, "header" | "visited">, reason: string): void {
    if (!packet.flow) return;
    this.tally.dropped[reason] = (this.tally.dropped[reason] ?? 0) + 1;
  }
}
