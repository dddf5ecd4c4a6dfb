// The data plane's tables around an engine that moves nothing: it notes what it was told to seal, forward and write.

import type { Engine } from "../../src/native/addon.ts";
import { Activity } from "../../src/dataplane/activity.ts";
import {
  FORWARD_WORDS,
  FRAME_COUNT,
  FRAME_FLAGS,
  FRAME_KEYPAIR,
  FRAME_LENGTH,
  FRAME_OFFSET,
  FRAME_SLOT,
  FRAME_WORDS,
  FROM_MESH,
  MAX_SENDS,
  MAX_WRITES,
  PORT_FRAME_COUNT,
  PORT_FRAME_LENGTH,
  PORT_FRAME_OFFSET,
  PORT_FRAME_WORDS,
  RUN_DESTINATION,
  RUN_ITEMS,
  RUN_KEYPAIR,
  RUN_KIND,
  RUN_SOURCE,
  RUN_TTL,
  RUN_WORDS,
  SEND_FRAME,
  SEND_HOP,
  SEND_HOP_FLAGS,
  SEND_KEYPAIR,
  SEND_LINK,
  SEND_MAX_FRAME,
  SEND_TTL,
  SEND_WORDS,
  WRITE_WORDS,
} from "../../src/dataplane/descriptors.ts";
import { Drops } from "../../src/dataplane/drops.ts";
import { Members } from "../../src/dataplane/members.ts";
import type { LocalPort, PlaneState } from "../../src/dataplane/state.ts";
import { ReadingLag } from "../../src/dataplane/reading-lag.ts";
import { Waiting } from "../../src/dataplane/waiting.ts";
import { Fib } from "../../src/switch/fib.ts";
import { ReflectionGuard } from "../../src/switch/reflection-guard.ts";
import { StormGuard } from "../../src/switch/storm-guard.ts";

export interface Sent {
  frame: Buffer;
  /** frames that the descriptor stands for */
  frames: number;
  keypair: number;
  hop: number;
  link: number;
  ttl: number;
  maxFrame: number;
  hopFlags: number;
}
/** What is no frame: a record, a handshake in transit (`kind` undefined), or a datagram as it is (`keypair` too). */
export interface Message {
  kind: number | undefined;
  keypair: number | undefined;
  hop: number;
  link: number;
  to: Uint8Array | null;
  payload: Uint8Array;
  hopFlags: number;
}
export interface Written {
  source: number;
  frame: Buffer;
  frames: number;
  port: number;
}
export interface Forwarded {
  run: number;
  items: number;
  hop: number;
  link: number;
  ttl: number;
  kind: number;
}
export interface Run {
  items?: number;
  keypair: number;
  destination: number;
  source: number;
  ttl?: number;
  kind?: number;
}

const ARENA = 1 << 20;
const DESCRIPTORS = 4096;
const LONGEST = 65536;

/** What the data plane uses of an engine; frames given with a count stand for as many equal ones. */
export class FakeEngine {
  readonly portArena: Uint8Array = new Uint8Array(ARENA);
  readonly receiveArena: Uint8Array = new Uint8Array(ARENA);
  readonly portFrames: Int32Array = new Int32Array(DESCRIPTORS * PORT_FRAME_WORDS);
  readonly sends: Int32Array = new Int32Array(MAX_SENDS * SEND_WORDS);
  readonly frames: Int32Array = new Int32Array(DESCRIPTORS * FRAME_WORDS);
  readonly runs: Int32Array = new Int32Array(DESCRIPTORS * RUN_WORDS);
  readonly forwards: Int32Array = new Int32Array(DESCRIPTORS * FORWARD_WORDS);
  readonly writes: Int32Array = new Int32Array(MAX_WRITES * WRITE_WORDS);
  readonly counters: Float64Array = new Float64Array(2);
  readonly sent: Sent[] = [];
  readonly written: Written[] = [];
  readonly forwarded: Forwarded[] = [];
  readonly messages: Message[] = [];
  /** Calls of send, writePorts and forward: how often the batch was handed over. */
  calls = 0;

  /** Lays frames into the port arena, as readPort does. */
  read(frames: readonly (readonly [Uint8Array, number])[]): number {
    this.#lay(frames, this.portArena, this.portFrames, PORT_FRAME_WORDS, (at, offset, length, count) => {
      this.portFrames[at + PORT_FRAME_OFFSET] = offset;
      this.portFrames[at + PORT_FRAME_LENGTH] = length;
      this.portFrames[at + PORT_FRAME_COUNT] = count;
      this.counters[0] = (this.counters[0] ?? 0) + count;
    });
    return frames.length;
  }

  /** Lays frames into the receive arena, as receive does. */
  opened(frames: readonly (readonly [Uint8Array, number])[], keypair: number, flags: number = 0): number {
    this.#lay(frames, this.receiveArena, this.frames, FRAME_WORDS, (at, offset, length, count) => {
      this.frames[at + FRAME_OFFSET] = offset;
      this.frames[at + FRAME_LENGTH] = length;
      this.frames[at + FRAME_KEYPAIR] = keypair;
      this.frames[at + FRAME_FLAGS] = flags;
      this.frames[at + FRAME_COUNT] = count;
      this.frames[at + FRAME_SLOT] = 7;
    });
    return frames.length;
  }

  transit(runs: readonly Run[]): number {
    for (const [i, run] of runs.entries()) {
      const at = i * RUN_WORDS;
      this.runs[at + RUN_ITEMS] = run.items ?? 1;
      this.runs[at + RUN_KEYPAIR] = run.keypair;
      this.runs[at + RUN_DESTINATION] = run.destination;
      this.runs[at + RUN_SOURCE] = run.source;
      this.runs[at + RUN_TTL] = run.ttl ?? 64;
      this.runs[at + RUN_KIND] = run.kind ?? 4;
    }
    return runs.length;
  }

  send(count: number): void {
    this.calls++;
    for (let i = 0; i < count; i++) {
      const word = (field: number): number => this.sends[i * SEND_WORDS + field] ?? NaN;
      const [frame, frames] = this.#portFrame(word(SEND_FRAME));
      const [keypair, hop, link] = [word(SEND_KEYPAIR), word(SEND_HOP), word(SEND_LINK)];
      this.sent.push({
        frame,
        frames,
        keypair,
        hop,
        link,
        ttl: word(SEND_TTL),
        maxFrame: word(SEND_MAX_FRAME),
        hopFlags: word(SEND_HOP_FLAGS),
      });
    }
  }

  writePorts(count: number): void {
    this.calls++;
    for (let i = 0; i < count; i++) {
      const [source = NaN, index = NaN, port = NaN] = this.writes.subarray(i * WRITE_WORDS);
      const [frame, frames] = source === FROM_MESH ? this.#meshFrame(index) : this.#portFrame(index);
      this.written.push({ source, frame, frames, port });
      this.counters[1] = (this.counters[1] ?? 0) + frames;
    }
  }

  forward(count: number): void {
    this.calls++;
    for (let i = 0; i < count; i++) {
      const [run = NaN, hop = NaN, link = NaN, ttl = NaN, kind = NaN] = this.forwards.subarray(
        i * FORWARD_WORDS,
      );
      this.forwarded.push({
        run,
        items: this.runs[run * RUN_WORDS + RUN_ITEMS] ?? NaN,
        hop,
        link,
        ttl,
        kind,
      });
    }
  }

  sendRecord(
    kind: number,
    keypair: number,
    hop: number,
    link: number,
    to: Uint8Array | null,
    _ttl: number,
    payload: Uint8Array,
    hopFlags: number = 0,
  ): boolean {
    this.messages.push({ kind, keypair, hop, link, to, payload, hopFlags });
    return true;
  }

  sendDatagram(payload: Uint8Array, link: number, to: Uint8Array | null): boolean {
    this.messages.push({ kind: undefined, keypair: undefined, hop: -1, link, to, payload, hopFlags: 0 });
    return true;
  }

  sendTransit(
    payload: Uint8Array,
    hop: number,
    link: number,
    destination: number,
    _ttl: number,
    hopFlags: number = 0,
  ): boolean {
    this.messages.push({ kind: undefined, keypair: destination, hop, link, to: null, payload, hopFlags });
    return true;
  }

  inject(frame: Uint8Array): boolean {
    if (frame.length > LONGEST) return false;
    this.read([[frame, 1]]);
    return true;
  }

  exportFrames(source: number, index: number, out: Uint8Array): number {
    const [frame, frames] = source === FROM_MESH ? this.#meshFrame(index) : this.#portFrame(index);
    const view = new DataView(out.buffer, out.byteOffset);
    let used = 0;
    for (let i = 0; i < frames && used + 4 + frame.length <= out.length; i++) {
      view.setUint32(used, frame.length, true);
      out.set(frame, used + 4);
      used += 4 + frame.length;
    }
    return used;
  }

  #lay(
    frames: readonly (readonly [Uint8Array, number])[],
    arena: Uint8Array,
    table: Int32Array,
    words: number,
    describe: (at: number, offset: number, length: number, count: number) => void,
  ): void {
    arena.fill(0xaa);
    table.fill(-1);
    let offset = 64;
    for (const [i, [frame, count]] of frames.entries()) {
      arena.set(frame, offset);
      describe(i * words, offset, frame.length, count);
      offset += frame.length + 10;
    }
  }

  #portFrame(index: number): [Buffer, number] {
    const at = index * PORT_FRAME_WORDS;
    const offset = this.portFrames[at + PORT_FRAME_OFFSET] ?? -1;
    if (offset < 0) throw new Error(`no frame ${index} in the port arena`);
    const length = this.portFrames[at + PORT_FRAME_LENGTH] ?? 0;
    return [
      Buffer.from(this.portArena.slice(offset, offset + length)),
      this.portFrames[at + PORT_FRAME_COUNT] ?? 0,
    ];
  }

  #meshFrame(index: number): [Buffer, number] {
    const at = index * FRAME_WORDS;
    const offset = this.frames[at + FRAME_OFFSET] ?? -1;
    if (offset < 0) throw new Error(`no frame ${index} in the receive arena`);
    const length = this.frames[at + FRAME_LENGTH] ?? 0;
    return [
      Buffer.from(this.receiveArena.slice(offset, offset + length)),
      this.frames[at + FRAME_COUNT] ?? 0,
    ];
  }
}

export const OWN = 1;

/** What the data plane told the rest of the node. */
export interface Told {
  wanted: number[];
  confirmed: number[];
  moved: [number, number][];
}

/** A node with tables but no members; `told` notes what it asks for. */
export function makeState(
  ports: LocalPort[] = [{ id: 0 }],
  relay: PlaneState["relay"] = "auto",
  directFallback: boolean = false,
): { state: PlaneState; engine: FakeEngine; told: Told } {
  const engine = new FakeEngine();
  const told: Told = { wanted: [], confirmed: [], moved: [] };
  const state: PlaneState = {
    engine: engine as unknown as Engine,
    ownNodeId: OWN,
    defaultTtl: 200,
    relay,
    members: new Members(directFallback),
    activity: new Activity(),
    fib: new Fib(),
    drops: new Drops(),
    waiting: new Waiting(),
    storm: new StormGuard(1000, 100, 64),
    reflections: new ReflectionGuard(),
    slotNode: new Uint16Array(65536),
    slotConfirmed: new Uint8Array(65536).fill(1),
    patient: new Uint8Array(1),
    relayCredit: new Uint32Array(65536),
    ports,
    lag: new ReadingLag(),
    nowMs: 1000,
    floodCopies: 0,
    wantSession: (node) => told.wanted.push(node),
    confirmed: (slot) => told.confirmed.push(slot),
    moved: (node, slot) => told.moved.push([node, slot]),
  };
  return { state, engine, told };
}

/** Keypair slots are the NodeID + 100, links the NodeID + 200. */
export const slotOf = (node: number): number => node + 100;
export const linkOf = (node: number): number => node + 200;

/** A member with a route over `nextHop` and a session; a neighbour (its own next hop) has a link and an address. */
export function addMember(state: PlaneState, node: number, nextHop: number = node, hops: number = 0): void {
  const { members, slotNode } = state;
  members.nextHop[node] = nextHop;
  members.hops[node] = hops;
  members.known[node] = 1;
  members.sendSlot[node] = slotOf(node);
  slotNode[slotOf(node)] = node;
  if (nextHop === node) {
    members.link[node] = linkOf(node);
    members.addressed[node] = 1;
  }
  members.floodSet = Uint16Array.from([...members.floodSet, node]).sort();
}

/** Drop reasons with a count, as `status` names them. */
export function dropsOf(state: PlaneState): Record<string, number> {
  return Object.fromEntries(Object.entries(state.drops.report()).filter(([, count]) => count > 0));
}

export const mac = (station: number): Buffer => Buffer.from([2, 0, 0, 0, station >> 8, station & 0xff]);
export const BROADCAST: Buffer = Buffer.alloc(6, 0xff);

/** A frame of type 0x88b5; `tag`: outer VLAN. */
export function frameOf(to: Buffer, from: Buffer, payload: string = "", tag?: number): Buffer {
  const tags = tag === undefined ? Buffer.alloc(0) : Buffer.from([0x81, 0, tag >> 8, tag & 0xff]);
  return Buffer.concat([to, from, tags, Buffer.from("88b5", "hex"), Buffer.from(payload)]);
}
