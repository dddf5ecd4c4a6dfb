/**
 * The clocks of the worker (DESIGN §7):
 *
 *   CLOCK_MONOTONIC_RAW ─ RawClock ─┬─▶ timers, and all that is measured in one place
 *                                   └─ MeshClock ─▶ departures and arrivals of probes
 *
 * A new epoch begins when the mesh clock's offset is known, and when the raw clock cannot be trusted to have run on.
 */
import type { Addon } from "../native/addon.ts";
import { MeshClock, type ClockExchange } from "../link/mesh-clock.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { ClockReport } from "./messages.ts";
import { RawClock } from "./raw-clock.ts";

/** Readings that took longer are not compared. */
const ONE_MOMENT_US = 2000;

export interface PlaneClockOptions {
  readonly epoch: number;
  readonly parent: number | null;
  readonly driftPpm: number;
  /** A new epoch has begun. */
  readonly onEpoch: () => void;
}

export class PlaneClock {
  readonly #raw: RawClock;
  readonly #mesh: MeshClock;
  readonly #watch: ClockWatch = new ClockWatch();
  readonly #addon: Pick<Addon, "now" | "boottime">;
  readonly #parent: number | null;
  readonly #onEpoch: () => void;
  readonly #random32: () => number;
  #epochs = 1;

  constructor(addon: Pick<Addon, "now" | "boottime">, options: PlaneClockOptions, random32: () => number) {
    this.#addon = addon;
    this.#parent = options.parent;
    this.#onEpoch = options.onEpoch;
    this.#random32 = random32;
    this.#raw = new RawClock(() => addon.now(), options.driftPpm);
    this.#mesh = new MeshClock({ epoch: options.epoch, hasParent: options.parent !== null });
    this.check();
  }

  get epoch(): number {
    return this.#mesh.epoch;
  }

  /** Raw time, µs. */
  rawUs(): number {
    return this.#raw.now();
  }

  /** Mesh time, µs. */
  meshUs(): number {
    return this.#mesh.read(this.#raw.now());
  }

  /** Raw time of a moment that the engine stamped, µs. */
  cameUs(stampUs: number): number {
    return this.#raw.of(stampUs);
  }

  /** Mesh time of a moment that the engine stamped, µs. */
  arrivalUs(stampUs: number): number {
    return this.#mesh.read(this.#raw.of(stampUs));
  }

  /** A two-way exchange with the clock parent. */
  exchange(exchange: Readonly<ClockExchange>): void {
    const rawUs = this.#raw.now();
    if (this.#mesh.exchange(rawUs, exchange) !== "none") this.#begin(rawUs, true);
  }

  /** About once a second: has the machine slept, or a clock jumped? */
  check(): void {
    const rawUs = this.#addon.now();
    const monotonicUs = performance.now() * 1000;
    const boottimeUs = this.#addon.boottime();
    // This thread was held up in between: the three are not of one moment.
    if (this.#addon.now() - rawUs > ONE_MOMENT_US) return;
    if (this.#watch.broke(rawUs, monotonicUs, boottimeUs)) this.#begin(this.#raw.now(), false);
  }

  report(): ClockReport {
    const { ratePpm, offsetUs, disciplined, exchanges, spanSeconds } = this.#mesh.status();
    return {
      epoch: this.#mesh.epoch,
      parent: this.#parent,
      ratePpm,
      offsetUs,
      disciplined,
      exchanges,
      spanSeconds,
      epochs: this.#epochs,
    };
  }

  #begin(rawUs: number, keepRate: boolean): void {
    this.#mesh.beginEpoch(rawUs, this.#random32(), keepRate);
    this.#epochs++;
    this.#onEpoch();
  }
}
