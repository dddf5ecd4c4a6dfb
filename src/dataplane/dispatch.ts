/**
 * What is no frame, sent along the route: handshakes as they are or in transit, keepalives and control as records.
 */
import { NO_NODE } from "./members.ts";
import type { PlaneState } from "./state.ts";

export class Dispatch {
  readonly #state: PlaneState;

  constructor(state: PlaneState) {
    this.#state = state;
  }

  /** To an address (packed), or (null) to the node: directly where the route is, else in transit. */
  handshake(nodeId: number, datagram: Uint8Array, address: Uint8Array | null): void {
    if (address !== null) {
      this.#state.engine.sendDatagram(datagram, -1, address);
      return;
    }
    const { members } = this.#state;
    const next = members.nextHop[nodeId] ?? NO_NODE;
    const link = members.link[nodeId] ?? -1;
    if (link >= 0 && (next === nodeId || next === NO_NODE)) {
      this.#state.engine.sendDatagram(datagram, link, null);
    } else if (next !== NO_NODE && next !== nodeId) {
      this.handshakeVia(next, nodeId, datagram);
    }
  }

  /** A handshake in transit through `hop`, sealed with the session to it. */
  handshakeVia(hop: number, nodeId: number, datagram: Uint8Array): void {
    const { members, defaultTtl } = this.#state;
    const slot = members.sendSlot[hop] ?? -1;
    if (slot < 0) {
      this.#state.wantSession(hop);
      return;
    }
    this.#state.engine.sendTransit(
      datagram,
      slot,
      members.link[hop] ?? -1,
      nodeId,
      members.ttl(nodeId, defaultTtl),
    );
  }

  /**
   * A record of this kind to the node. False when there is no session or no way.
   * @param expects the node will answer if it lives
   */
  record(kind: number, nodeId: number, payload: Uint8Array, expects: boolean): boolean {
    const { members, defaultTtl, activity, nowMs } = this.#state;
    const routed = members.nextHop[nodeId] ?? NO_NODE;
    const next = routed === NO_NODE ? nodeId : routed;
    const slot = members.sendSlot[nodeId] ?? -1;
    const hop = next === nodeId ? -1 : (members.sendSlot[next] ?? -1);
    if (slot < 0 || (next !== nodeId && hop < 0)) return false;
    const ttl = members.ttl(nodeId, defaultTtl);
    if (!this.#state.engine.sendRecord(kind, slot, hop, members.link[next] ?? -1, null, ttl, payload))
      return false;
    activity.sent(nodeId, nowMs, expects);
    return true;
  }
}
