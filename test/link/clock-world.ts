/** One node with a drifting crystal and its clock parent, in virtual time, over a path with delay, jitter and loss. */
import { MeshClock } from "../../src/link/mesh-clock.ts";
import { seeded } from "./link-pair.ts";

const SECOND = 1_000_000;

export interface ClockWorldOptions {
  seed?: number;
  /** Crystal's error at a true time, ppm. */
  driftPpm: (seconds: number) => number;
  /** Extra one-way delay, µs, at a true time (seconds), to and from the parent. */
  there?: (seconds: number) => number;
  back?: (seconds: number) => number;
  /** Uniform, µs, each way. */
  jitterUs?: number;
  loss?: number;
  /** What the node's raw clock shows at true time 0. */
  rawStartUs?: number;
  hasParent?: boolean;
}

/** Steps of 1 ms would be slow over hours of virtual time; the crystal is integrated over this, s. */
const CRYSTAL_STEP = 0.05;

export class ClockWorld {
  readonly clock: MeshClock;
  readonly random: () => number;
  readonly #options: ClockWorldOptions;
  parentEpoch = 0x9a9a;
  parentOffsetUs = 1e9;
  /** Exchanges are made while true. */
  connected = true;
  seconds = 0;
  epochs: { seconds: number; epoch: number }[] = [];
  #crystalSeconds = 0;
  #rawUs: number;

  constructor(options: ClockWorldOptions) {
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
    this.#rawUs = options.rawStartUs ?? 0;
    this.clock = new MeshClock({ epoch: 1, hasParent: options.hasParent ?? true });
  }

  /** The raw clock at true time `seconds`, near the present. */
  rawAt(seconds: number): number {
    const ppm = this.#options.driftPpm(this.#crystalSeconds);
    return this.#rawUs + (seconds - this.#crystalSeconds) * SECOND * (1 + ppm * 1e-6);
  }

  parentAt(seconds: number): number {
    return this.parentOffsetUs + seconds * SECOND;
  }

  /** Own mesh time minus true time now, µs. Only its changes matter. */
  errorUs(): number {
    return this.clock.read(this.rawAt(this.seconds)) - this.seconds * SECOND;
  }

  /** The clock's present rate error, ppm. */
  rateErrorPpm(): number {
    const raw = this.rawAt(this.seconds);
    const step = 1e6 / (1 + this.#options.driftPpm(this.#crystalSeconds) * 1e-6);
    return this.clock.read(raw + SECOND) - this.clock.read(raw) - step;
  }

  /** Let time pass; five exchanges in the first second, then one a second. */
  run(seconds: number, each: (world: ClockWorld) => void = () => {}): void {
    const end = this.seconds + seconds;
    while (this.seconds < end - 1e-9) {
      const gap = this.seconds < 1 ? 0.2 : 0.8 + 0.4 * this.#uniform();
      this.#advance(Math.min(end, this.seconds + gap));
      if (this.connected) this.#exchange();
      each(this);
    }
  }

  /** All clocks of this machine stand still for so long; the parent's do not. */
  pause(seconds: number): void {
    this.#rawUs = this.rawAt(this.seconds);
    this.seconds += seconds;
    this.#crystalSeconds = this.seconds;
  }

  #exchange(): void {
    const { there, back, jitterUs = 0, loss = 0 } = this.#options;
    if (this.#uniform() < 1 - (1 - loss) ** 2) return;
    const left = this.seconds;
    const leftMesh = this.clock.read(this.rawAt(left));
    const arrived = left + ((there?.(left) ?? 10_000) + this.#uniform() * jitterUs) / SECOND;
    const answered = arrived + 0.0002;
    const returned = answered + ((back?.(left) ?? 10_000) + this.#uniform() * jitterUs) / SECOND;
    this.#advance(returned);
    const raw = this.rawAt(returned);
    const done = this.clock.exchange(raw, {
      departureUs: Math.round(leftMesh),
      remoteArrivalUs: Math.round(this.parentAt(arrived)),
      remoteDepartureUs: Math.round(this.parentAt(answered)),
      arrivalUs: Math.round(this.clock.read(raw)),
      remoteEpoch: this.parentEpoch,
    });
    if (done !== "none") {
      this.epochs.push({ seconds: this.seconds, epoch: this.random() });
      this.clock.beginEpoch(raw, this.epochs.at(-1)?.epoch ?? 0);
    }
  }

  #advance(to: number): void {
    while (this.#crystalSeconds + CRYSTAL_STEP <= to) {
      const next = this.#crystalSeconds + CRYSTAL_STEP;
      this.#rawUs = this.rawAt(next);
      this.#crystalSeconds = next;
    }
    this.seconds = to;
  }

  #uniform(): number {
    return this.random() / 2 ** 32;
  }
}
