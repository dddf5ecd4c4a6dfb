/**
 * From the mesh to ports (DESIGN §3, "In"): the engine has opened a batch; the source of each frame is who the session
 * says it is. Frames go to local ports only, never back into the mesh.
 */
import { LEARN_REFUSED_GROUP, LEARN_REFUSED_PINNED, NOT_FOUND } from "../switch/fib.ts";
import { decide, DROP_SAME_PLACE, DROP_SPLIT_HORIZON, FLOOD_PORTS, TO_PORT } from "../switch/forwarding.ts";
import {
  destinationHi,
  destinationLo,
  isGroupMac,
  outerVlanId,
  sourceHi,
  sourceLo,
} from "../wire/ethernet.ts";
import {
  FLAG_MOVED,
  FRAME_COUNT,
  FRAME_FLAGS,
  FRAME_KEYPAIR,
  FRAME_LENGTH,
  FRAME_OFFSET,
  FRAME_SLOT,
  FRAME_WORDS,
  FROM_MESH,
  MAX_WRITES,
  WRITE_WORDS,
} from "./descriptors.ts";
import type { Outbound } from "./outbound.ts";
import { findPort, type PlaneState } from "./state.ts";

export class Inbound {
  readonly #state: PlaneState;
  readonly #outbound: Outbound;
  #writes = 0;

  constructor(state: PlaneState, outbound: Outbound) {
    this.#state = state;
    this.#outbound = outbound;
  }

  /** Delivers `count` frame descriptors; returns how many writes were made to engine ports. */
  deliver(count: number): number {
    for (let index = 0; index < count; index++) this.#frame(index);
    const writes = this.#writes;
    if (writes > 0) this.#state.engine.writePorts(writes);
    this.#writes = 0;
    return writes;
  }

  #frame(index: number): void {
    const state = this.#state;
    const { engine, fib, drops } = state;
    const arena = engine.receiveArena;
    const at = index * FRAME_WORDS;
    const offset = engine.frames[at + FRAME_OFFSET] ?? 0;
    const end = offset + (engine.frames[at + FRAME_LENGTH] ?? 0);
    const slot = engine.frames[at + FRAME_KEYPAIR] ?? 0;
    const frames = engine.frames[at + FRAME_COUNT] ?? 1;
    const node = state.slotNode[slot] ?? 0;

    state.activity.received(node, state.nowMs, true);
    if (state.slotConfirmed[slot] === 0) state.confirmed(slot);
    if (((engine.frames[at + FRAME_FLAGS] ?? 0) & FLAG_MOVED) !== 0) {
      state.moved(node, engine.frames[at + FRAME_SLOT] ?? 0);
    }

    const vlan = outerVlanId(arena, offset, end);
    const learned = fib.learn(vlan, sourceHi(arena, offset), sourceLo(arena, offset), node, state.nowMs);
    if (learned === LEARN_REFUSED_GROUP || learned === LEARN_REFUSED_PINNED) {
      drops.count("sourceRefused", frames);
      return;
    }
    const toHi = destinationHi(arena, offset);
    const group = isGroupMac(toHi);
    const found = group ? NOT_FOUND : fib.lookup(vlan, toHi, destinationLo(arena, offset));
    switch (decide(node, found, group)) {
      case TO_PORT:
        this.#toPort(index, -1 - found, offset, end, frames);
        return;
      case FLOOD_PORTS:
        if (state.ports.length === 0) drops.count("noPort", frames);
        else state.floodCopies += (state.ports.length - 1) * frames;
        for (const port of state.ports) this.#toPort(index, port.id, offset, end, frames);
        return;
      case DROP_SAME_PLACE:
        drops.count("samePlace", frames);
        return;
      case DROP_SPLIT_HORIZON:
      default: // what else there is happens to frames of local ports only
        drops.count("splitHorizon", frames);
    }
  }

  #toPort(index: number, portId: number, offset: number, end: number, frames: number): void {
    const state = this.#state;
    const port = findPort(state.ports, portId);
    if (port === undefined) {
      state.drops.count("noPort", frames);
      return;
    }
    if (port.deliver !== undefined) {
      this.#outbound.deliver(port.deliver, FROM_MESH, index, frames);
      return;
    }
    state.reflections.wrote(portId, state.engine.receiveArena, offset, end, state.nowMs);
    if (this.#writes === MAX_WRITES) {
      state.engine.writePorts(this.#writes);
      this.#writes = 0;
    }
    const at = this.#writes * WRITE_WORDS;
    this.#writes++;
    state.engine.writes[at] = FROM_MESH;
    state.engine.writes[at + 1] = index;
    state.engine.writes[at + 2] = portId;
  }
}
