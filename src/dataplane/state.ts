/** What the halves of the data plane share: the engine, the tables, and the time of the batch in hand. */
import type { Engine } from "../native/addon.ts";
import { Fib } from "../switch/fib.ts";
import { ReflectionGuard } from "../switch/reflection-guard.ts";
import { StormGuard } from "../switch/storm-guard.ts";
import { Activity } from "./activity.ts";
import { Drops } from "./drops.ts";
import { Members, NODE_IDS } from "./members.ts";
import type { WorkerSetup } from "./messages.ts";
import { ReadingLag } from "./reading-lag.ts";
import { Waiting } from "./waiting.ts";

/** Floods a second and burst per port, and ports counted (storm guard). */
const STORM_RATE = 20_000;
const STORM_BURST = 4_000;
const STORM_PORTS = 64;

export interface LocalPort {
  /** Port id, as in FIB owners; engine ports have the engine's number. */
  readonly id: number;
  /** Set for a port that lives in JavaScript: takes one finished frame. */
  readonly deliver?: (frame: Uint8Array) => boolean;
}

/** What the tables ask of the rest of the plane. */
export interface PlaneHooks {
  /** Frames dropped for want of a session are worth a handshake. */
  wantSession(node: number): void;
  /** First authentic record on a keypair. */
  confirmed(slot: number): void;
  /** An authentic record of `node` came from an address that is not its link's endpoint. */
  moved(node: number, receiveSlot: number): void;
}

export interface PlaneState extends PlaneHooks {
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
  /** One element: 1 = the engine may keep probes that can wait until something else wakes this thread up. */
  readonly patient: Uint8Array;
  /** Datagrams that each previous hop may send through this node before {@link Transit} is asked again. */
  readonly relayCredit: Uint32Array;
  readonly ports: LocalPort[];
  readonly lag: ReadingLag;
  /** ms of the raw clock, taken once a batch. */
  nowMs: number;
  /** Copies of flooded frames beyond the first, for the counter balance. */
  floodCopies: number;
}

/** The port with this id. A loop, because a closure would be one for every frame. */
export function findPort(ports: readonly LocalPort[], id: number): LocalPort | undefined {
  for (const port of ports) if (port.id === id) return port;
  return undefined;
}

/** Slots of keypairs that the flat arrays have room for. */
export const MAX_SLOTS = 65536;

/** Tables of a node that knows nobody yet. */
export function makeState(engine: Engine, setup: WorkerSetup, nowMs: number, hooks: PlaneHooks): PlaneState {
  return {
    engine,
    ownNodeId: setup.ownNodeId,
    defaultTtl: setup.defaultTtl,
    relay: setup.relay,
    members: new Members(setup.directFallback),
    activity: new Activity(),
    fib: new Fib({ timeoutMs: setup.fibTimeoutMs }),
    drops: new Drops(),
    waiting: new Waiting(),
    storm: new StormGuard(STORM_RATE, STORM_BURST, STORM_PORTS),
    reflections: new ReflectionGuard(),
    slotNode: new Uint16Array(MAX_SLOTS),
    slotConfirmed: new Uint8Array(MAX_SLOTS),
    patient: new Uint8Array(1),
    relayCredit: new Uint32Array(NODE_IDS),
    ports: [],
    lag: new ReadingLag(),
    nowMs,
    floodCopies: 0,
    ...hooks,
  };
}
