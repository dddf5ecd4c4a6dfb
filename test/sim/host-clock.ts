/** A host's clocks: its crystal, which is off and runs wrong, and the mesh clock made from it. */
import { MeshClock } from "../../src/link/mesh-clock.ts";
import type { ClockExchange } from "../../src/link/mesh-clock.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Random } from "./random.ts";

export interface Crystal {
  /** What it shows at true time 0, µs. */
  startUs: number;
  driftPpm: number;
}

const DAY_US = 86_400e6;

/** Up to ten days and 100 ppm off, either way. */
export function randomCrystal(random: Random): Crystal {
  // Clocks count from the start of their machine: never below zero.
  const startUs = Math.round(random.between(10 * DAY_US, 30 * DAY_US));
  return { startUs, driftPpm: random.between(-100, 100) };
}

export class HostClock {
  readonly mesh: MeshClock;
  readonly #time: EventQueue;
  readonly #crystal: Crystal;

  constructor(time: EventQueue, crystal: Crystal, epoch: number, hasParent: boolean) {
    this.#time = time;
    this.#crystal = crystal;
    this.mesh = new MeshClock({ epoch, hasParent });
  }

  get epoch(): number {
    return this.mesh.epoch;
  }

  rawUs(): number {
    return this.#crystal.startUs + this.#time.nowUs * (1 + this.#crystal.driftPpm * 1e-6);
  }

  meshUs(): number {
    return this.mesh.read(this.rawUs());
  }

  /** True when a new epoch began with it. */
  exchange(stamps: Readonly<ClockExchange>, bits32: () => number): boolean {
    const rawUs = this.rawUs();
    if (this.mesh.exchange(rawUs, stamps) === "none") return false;
    this.mesh.beginEpoch(rawUs, bits32());
    return true;
  }
}
