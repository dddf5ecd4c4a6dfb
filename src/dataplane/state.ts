/** What the halves of the data plane share: the engine, the tables, and the time of the batch in hand. */
import type { Engine } from "../native/addon.ts";
import type { Fib } from "../switch/fib.ts";
import type { ReflectionGuard } from "../switch/reflection-guard.ts";
import type { StormGuard } from "../switch/storm-guard.ts";
import type { Activity } from "./activity.ts";
import type { Drops } from "./drops.ts";
import type { Members } from "./members.ts";
import type { Waiting } from "./waiting.ts";

export interface LocalPort {
  /** Port id, as in FIB owners; engine ports have the engine's number. */
  readonly id: number;
  /** Set for a port that lives in JavaScript: takes one finished frame. */
  readonly deliver?: (frame: Uint8Array) => void;
}

export interface PlaneState {
  readonly engine: Engine;
  readonly ownNodeId: number;
  readonly defaultTtl: number;
  readonly relay: "auto" | "never" | "always";
  readonly members: Members;
  readonly activity: Activity;
  readonly fib: Fib;
  readonly drops: Drops;
  readonly waiting: Waiting;
  readonly storm: StormGuard;
  readonly reflections: ReflectionGuard;
  /** NodeID of each keypair slot. */
  readonly slotNode: Uint16Array;
  /** 1 = a record has arrived on this slot. */
  readonly slotConfirmed: Uint8Array;
  readonly ports: LocalPort[];
  /** ms of the mesh clock, taken once a batch. */
  nowMs: number;
  /** Copies of flooded frames beyond the first, for the counter balance. */
  floodCopies: number;
  /** Frames dropped for want of a session are worth a handshake. */
  wantSession(node: number): void;
  /** First authentic record on a keypair. */
  confirmed(slot: number): void;
  /** An authentic record of `node` came from an address that is not its link's endpoint. */
  moved(node: number, receiveSlot: number): void;
}

/** The port with this id. A loop, because a closure would be one for every frame. */
export function findPort(ports: readonly LocalPort[], id: number): LocalPort | undefined {
  for (const port of ports) if (port.id === id) return port;
  return undefined;
}

/** Slots of keypairs that the flat arrays have room for. */
export const MAX_SLOTS = 65536;
