/**
 * What is no frame, sent along the route: handshakes as they are or in transit, keepalives, control and path probes as
 * records.
 */
import { LINK_UP, NO_NODE } from "./members.ts";
import type { PlaneState } from "./state.ts";
import { chooseWay, FLAG_REPAIRED, WAY_NODE, WAY_REPAIRED } from "./ways.ts";

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

  /**
   * To an address (packed), or (null) to the node: over its link when that is up, else to each address it may have and
   * in transit along the route.
   */
  handshake(nodeId: number, datagram: Uint8Array, address: Uint8Array | null): void {
    const { engine, members } = this.#state;
    if (address !== null) {
      engine.sendDatagram(datagram, -1, address);
      return;
    }
    const link = members.link[nodeId] ?? -1;
    if (members.linkState[nodeId] === LINK_UP) {
      engine.sendDatagram(datagram, link, null);
      return;
    }
    for (const target of this.#targets(nodeId, MAX_TARGETS)) engine.sendDatagram(datagram, -1, target);
    const way = chooseWay(members, nodeId, NO_NODE, NO_NODE);
    const next = way & WAY_NODE;
    if (next === NO_NODE || next === nodeId) return;
    this.handshakeVia(next, nodeId, datagram, (way & WAY_REPAIRED) !== 0 ? FLAG_REPAIRED : 0);
  }

  /** A handshake in transit through `hop`, sealed with the session to it. */
  handshakeVia(hop: number, nodeId: number, datagram: Uint8Array, hopFlags: number = 0): void {
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
