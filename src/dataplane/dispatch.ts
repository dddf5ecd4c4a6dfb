/**
 * What is no frame, sent along the route: handshakes as they are or in transit, keepalives, control and path probes as
 * records.
 */
import { LINK_UP, NO_NODE } from "./members.ts";
import type { ToWorker } from "./messages.ts";
import type { PlaneState } from "./state.ts";
import { chooseWay, FLAG_REPAIRED, WAY_NODE, WAY_REPAIRED } from "./ways.ts";

type Answer = Extract<ToWorker, { type: "answer" }>;

/** Addresses that one handshake is sent to at most. */
const MAX_TARGETS = 4;

export class Dispatch {
  readonly #state: PlaneState;
  readonly #targets: (nodeId: number, max: number) => readonly Uint8Array[];

  /** @param targets up to `max` packed addresses at which a neighbour without a live endpoint may be */
  constructor(state: PlaneState, targets: (nodeId: number, max: number) => readonly Uint8Array[]) {
    this.#state = state;
    this.#targets = targets;
  }

  /** To the node: over its link when that is up, else to each address it may have and in transit along the route. */
  handshake(nodeId: number, datagram: Uint8Array): void {
    if (this.#overLink(nodeId, datagram)) return;
    for (const target of this.#targets(nodeId, MAX_TARGETS)) {
      this.#state.engine.sendDatagram(datagram, -1, target);
    }
    this.#alongRoute(nodeId, datagram, NO_NODE);
  }

  /**
   * Back to where a handshake message came from; and, if the node proved that it was its own, the way of frames where
   * that is another one: only the node's direction may work there, and a repetition of the same message would not be
   * answered again.
   */
  answer({ nodeId, datagram, address, hop, proven }: Answer): void {
    if (hop < 0) this.#state.engine.sendDatagram(datagram, -1, address);
    else this.#transit(hop, nodeId, datagram, 0);
    if (!proven) return;
    if (hop < 0 && this.#state.members.linkState[nodeId] === LINK_UP) return;
    if (!this.#overLink(nodeId, datagram)) this.#alongRoute(nodeId, datagram, hop);
  }

  /** False if the link is not up. */
  #overLink(nodeId: number, datagram: Uint8Array): boolean {
    const { engine, members } = this.#state;
    if (members.linkState[nodeId] !== LINK_UP) return false;
    engine.sendDatagram(datagram, members.link[nodeId] ?? -1, null);
    return true;
  }

  /** In transit, if the route begins at another neighbour than `not`. */
  #alongRoute(nodeId: number, datagram: Uint8Array, not: number): void {
    const way = chooseWay(this.#state.members, nodeId, NO_NODE, NO_NODE);
    const next = way & WAY_NODE;
    if (next === NO_NODE || next === nodeId || next === not) return;
    this.#transit(next, nodeId, datagram, (way & WAY_REPAIRED) !== 0 ? FLAG_REPAIRED : 0);
  }

  /** In transit through `hop`, sealed with the session to it. */
  #transit(hop: number, nodeId: number, datagram: Uint8Array, hopFlags: number): void {
    const { engine, members, defaultTtl } = this.#state;
    const slot = members.sendSlot[hop] ?? -1;
    if (slot < 0) {
      this.#state.wantSession(hop);
      return;
    }
    const ttl = members.ttl(nodeId, defaultTtl);
    engine.sendTransit(datagram, slot, members.link[hop] ?? -1, nodeId, ttl, hopFlags);
  }

  /**
   * A record of this kind to the node. False when there is no session or no way.
   * @param expects the node will answer if it lives
   */
  record(kind: number, nodeId: number, payload: Uint8Array, expects: boolean): boolean {
    const way = chooseWay(this.#state.members, nodeId, NO_NODE, NO_NODE);
    const next = way === NO_NODE ? nodeId : way & WAY_NODE;
    const flags = (way & WAY_REPAIRED) !== 0 ? FLAG_REPAIRED : 0;
    return this.#seal(kind, nodeId, next, flags, payload, expects);
  }

  /** The same through this neighbour, whatever the table says. */
  recordVia(kind: number, nodeId: number, hop: number, payload: Uint8Array): boolean {
    const flags = hop === this.#state.members.nextHop[nodeId] ? 0 : FLAG_REPAIRED;
    return this.#seal(kind, nodeId, hop, flags, payload, false);
  }

  /** A record for the next node on the way to another one. */
  recordToNext(kind: number, towards: number, payload: Uint8Array): boolean {
    const way = chooseWay(this.#state.members, towards, NO_NODE, NO_NODE);
    const next = way === NO_NODE ? towards : way & WAY_NODE;
    return this.#seal(kind, next, next, 0, payload, false);
  }

  #seal(
    kind: number,
    nodeId: number,
    next: number,
    hopFlags: number,
    payload: Uint8Array,
    expects: boolean,
  ): boolean {
    const { engine, members, defaultTtl, activity, nowMs } = this.#state;
    const slot = members.sendSlot[nodeId] ?? -1;
    const hop = next === nodeId ? -1 : (members.sendSlot[next] ?? -1);
    if (slot < 0 || (next !== nodeId && hop < 0)) return false;
    const link = members.link[next] ?? -1;
    const ttl = members.ttl(nodeId, defaultTtl);
    if (!engine.sendRecord(kind, slot, hop, link, null, ttl, payload, hopFlags)) return false;
    activity.sent(nodeId, nowMs, expects);
    return true;
  }
}
