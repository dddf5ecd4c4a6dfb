/**
 * From a port to the mesh (DESIGN §3, "Out"):
 *
 * 1. the engine has read a batch
 * 2. learn the source's MAC → this port
 * 3. FIB: destination → local port, NodeID or flood
 * 4. route: next hop or backup, TTL; without a session the frame waits
 * 5. the engine seals and sends the batch
 */
import { NOT_FOUND, LEARN_REFUSED_GROUP, LEARN_REFUSED_PINNED, portOwner } from "../switch/fib.ts";
import {
  decide,
  DROP_SAME_PLACE,
  DROP_SPLIT_HORIZON,
  FLOOD_ALL,
  FLOOD_PORTS,
  TO_NODE,
  TO_PORT,
} from "../switch/forwarding.ts";
import {
  destinationHi,
  destinationLo,
  isGroupMac,
  outerVlanId,
  sourceHi,
  sourceLo,
} from "../wire/ethernet.ts";
import {
  COUNTER_FRAMES_FROM_PORTS,
  COUNTER_FRAMES_TO_PORTS,
  FROM_PORT,
  MAX_SENDS,
  MAX_WRITES,
  PORT_FRAME_COUNT,
  PORT_FRAME_LENGTH,
  PORT_FRAME_OFFSET,
  PORT_FRAME_WORDS,
  SEND_FRAME,
  SEND_HOP,
  SEND_HOP_FLAGS,
  SEND_KEYPAIR,
  SEND_LINK,
  SEND_MAX_FRAME,
  SEND_TTL,
  SEND_WORDS,
  WRITE_WORDS,
} from "./descriptors.ts";
import { NO_NODE } from "./members.ts";
import { findPort, type PlaneState } from "./state.ts";
import { chooseWay, FLAG_REPAIRED, WAY_NODE, WAY_REPAIRED } from "./ways.ts";

/** One exported batch: a 64 KB super-frame in segments with their headers. */
const EXPORT_BYTES = 512 * 1024;

export class Outbound {
  readonly #state: PlaneState;
  readonly #export: Uint8Array = new Uint8Array(EXPORT_BYTES);
  #sends = 0;
  #writes = 0;

  constructor(state: PlaneState) {
    this.#state = state;
  }

  /** Forwards the `count` frames that lie in the port arena, read from port `portId`. */
  forward(portId: number, count: number): void {
    const { engine } = this.#state;
    for (let index = 0; index < count; index++) this.#frame(portId, index);
    if (this.#sends > 0) engine.send(this.#sends);
    if (this.#writes > 0) engine.writePorts(this.#writes);
    this.#sends = 0;
    this.#writes = 0;
  }

  /** Sends the frames that waited for a session to `node`. */
  release(node: number): void {
    const { engine, waiting } = this.#state;
    // What cannot leave yet keeps its place and its age.
    if (!this.#hasWay(node)) return;
    for (const frame of waiting.take(node)) {
      // The frame was counted when it was read.
      const counted = engine.counters[COUNTER_FRAMES_FROM_PORTS] ?? 0;
      const taken = engine.inject(frame);
      engine.counters[COUNTER_FRAMES_FROM_PORTS] = counted;
      if (!taken) continue;
      this.#toNode(0, node, 1);
      if (this.#sends > 0) engine.send(this.#sends);
      this.#sends = 0;
    }
  }

  /** Whether a frame to `node` would be sealed and sent now. */
  #hasWay(node: number): boolean {
    const { members } = this.#state;
    const next = chooseWay(members, node, NO_NODE, NO_NODE) & WAY_NODE;
    return (
      next !== NO_NODE &&
      members.addressed[next] === 1 &&
      (members.sendSlot[next] ?? -1) >= 0 &&
      (members.sendSlot[node] ?? -1) >= 0
    );
  }

  #frame(portId: number, index: number): void {
    const state = this.#state;
    const { engine, fib, drops } = state;
    const arena = engine.portArena;
    const at = index * PORT_FRAME_WORDS;
    const offset = engine.portFrames[at + PORT_FRAME_OFFSET] ?? 0;
    const length = engine.portFrames[at + PORT_FRAME_LENGTH] ?? 0;
    const frames = engine.portFrames[at + PORT_FRAME_COUNT] ?? 1;
    const end = offset + length;
    const vlan = outerVlanId(arena, offset, end);
    const owner = portOwner(portId);

    const hi = sourceHi(arena, offset);
    const lo = sourceLo(arena, offset);
    const before = fib.lookup(vlan, hi, lo);
    if (before >= 0 && state.reflections.isReflection(portId, arena, offset, end, state.nowMs)) {
      drops.count("reflection", frames);
      return;
    }
    const learned = fib.learn(vlan, hi, lo, owner, state.nowMs);
    if (learned === LEARN_REFUSED_GROUP || learned === LEARN_REFUSED_PINNED) {
      drops.count("sourceRefused", frames);
      return;
    }

    const toHi = destinationHi(arena, offset);
    const group = isGroupMac(toHi);
    const found = group ? NOT_FOUND : fib.lookup(vlan, toHi, destinationLo(arena, offset));
    switch (decide(owner, found, group)) {
      case TO_NODE:
        this.#toNode(index, found, frames);
        return;
      case TO_PORT:
        this.#toPort(index, -1 - found, frames);
        return;
      case FLOOD_ALL:
        this.#flood(portId, index, frames);
        return;
      case DROP_SAME_PLACE:
        drops.count("samePlace", frames);
        return;
      case DROP_SPLIT_HORIZON:
      case FLOOD_PORTS:
        drops.count("splitHorizon", frames);
    }
  }

  #flood(portId: number, index: number, frames: number): void {
    const state = this.#state;
    if (!state.storm.admit(portId, state.nowMs)) {
      state.drops.count("storm", frames);
      return;
    }
    let copies = 0;
    for (const port of state.ports) {
      if (port.id === portId) continue;
      this.#toPort(index, port.id, frames);
      copies++;
    }
    const set = state.members.floodSet;
    for (let i = 0; i < set.length; i++) this.#toNode(index, set[i] ?? 0, frames, true);
    copies += set.length;
    if (copies === 0) state.drops.count("noRoute", frames);
    else state.floodCopies += (copies - 1) * frames;
  }

  #toNode(index: number, node: number, frames: number, flooded: boolean = false): void {
    const state = this.#state;
    const { members } = state;
    const way = chooseWay(members, node, NO_NODE, NO_NODE);
    const next = way & WAY_NODE;
    if (next === NO_NODE) {
      if (members.awaitsTable(node)) this.#wait(index, node, node, frames, flooded);
      else state.drops.count("noRoute", frames);
      return;
    }
    const keypair = members.sendSlot[node] ?? -1;
    const hop = next === node ? -1 : (members.sendSlot[next] ?? -1);
    if (keypair < 0 || (next !== node && hop < 0) || members.addressed[next] === 0) {
      this.#wait(index, node, keypair < 0 ? node : next, frames, flooded);
      return;
    }
    if (this.#sends === MAX_SENDS) {
      state.engine.send(this.#sends);
      this.#sends = 0;
    }
    const sends = state.engine.sends;
    const at = this.#sends * SEND_WORDS;
    this.#sends++;
    sends[at + SEND_FRAME] = index;
    sends[at + SEND_KEYPAIR] = keypair;
    sends[at + SEND_HOP] = hop;
    sends[at + SEND_LINK] = members.link[next] ?? -1;
    sends[at + SEND_TTL] = members.ttl(node, state.defaultTtl);
    sends[at + SEND_MAX_FRAME] = members.maxFrame(node, next);
    sends[at + SEND_HOP_FLAGS] = (way & WAY_REPAIRED) !== 0 ? FLAG_REPAIRED : 0;
    state.activity.sent(node, state.nowMs, true);
    state.activity.framed[node] = state.nowMs;
    state.activity.carried[next] = 1;
    // The one that stands by must be known to live (DESIGN §7).
    state.activity.carried[members.backup[node] ?? NO_NODE] = 1;
  }

  #toPort(index: number, portId: number, frames: number): void {
    const state = this.#state;
    const port = findPort(state.ports, portId);
    if (port === undefined) {
      state.drops.count("noPort", frames);
      return;
    }
    if (port.deliver !== undefined) {
      this.deliver(port.deliver, FROM_PORT, index, frames);
      return;
    }
    if (this.#writes === MAX_WRITES) {
      state.engine.writePorts(this.#writes);
      this.#writes = 0;
    }
    const at = this.#writes * WRITE_WORDS;
    this.#writes++;
    state.engine.writes[at] = FROM_PORT;
    state.engine.writes[at + 1] = index;
    state.engine.writes[at + 2] = portId;
  }

  #wait(index: number, node: number, missing: number, frames: number, flooded: boolean): void {
    const state = this.#state;
    state.wantSession(missing);
    if (missing !== node && (state.members.sendSlot[node] ?? -1) < 0) state.wantSession(node);
    // A flow to a node that is away must not cost a copy for each of its frames.
    if (!state.waiting.hasRoom(node, flooded)) {
      state.drops.count("waitQueueFull", frames);
      return;
    }
    let kept = 0;
    for (const frame of this.#exported(FROM_PORT, index)) {
      if (!state.waiting.add(node, frame, state.nowMs, flooded)) break;
      kept++;
    }
    if (kept < frames) state.drops.count("waitQueueFull", frames - kept);
  }

  /** Gives the finished frames that a descriptor stands for to a port that lives in JavaScript. */
  deliver(take: (frame: Uint8Array) => boolean, source: number, index: number, frames: number): void {
    const { engine, drops } = this.#state;
    const finished = this.#exported(source, index);
    const taken = finished.filter((frame) => take(frame)).length;
    engine.counters[COUNTER_FRAMES_TO_PORTS] = (engine.counters[COUNTER_FRAMES_TO_PORTS] ?? 0) + taken;
    if (taken < finished.length) drops.count("portBacklog", finished.length - taken);
    if (finished.length < frames) drops.count("export", frames - finished.length);
  }

  /** Copies of the finished frames that a descriptor stands for: fewer than it says when they exceed the room. */
  #exported(source: number, index: number): Uint8Array[] {
    const used = this.#state.engine.exportFrames(source, index, this.#export);
    const view = new DataView(this.#export.buffer);
    const frames: Uint8Array[] = [];
    for (let at = 0; at + 4 <= used;) {
      const length = view.getUint32(at, true);
      frames.push(this.#export.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return frames;
  }
}
