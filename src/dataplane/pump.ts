/** The loop that turns readiness into batches: what can be read is read, decided on and sent on (DESIGN §4). */
import type { Addon, Engine } from "../native/addon.ts";
import { READY_UDP4 } from "./descriptors.ts";
import type { ForwardMeter } from "./forward-meter.ts";
import type { Inbound } from "./inbound.ts";
import type { Intake } from "./intake.ts";
import type { Outbound } from "./outbound.ts";
import type { ReadingLag } from "./reading-lag.ts";
import type { Transit } from "./transit.ts";

/** Batches a descriptor may take before others get their turn. */
const MAX_ROUNDS = 16;

export interface PumpParts {
  readonly addon: Pick<Addon, "now">;
  readonly engine: Engine;
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly transit: Transit;
  readonly intake: Intake;
  readonly forwarding: ForwardMeter;
  readonly lag: ReadingLag;
  /** Engine port whose answers are taken right after something was written to it; −1 = none. */
  readonly port: number;
}

export class Pump {
  readonly #parts: PumpParts;
  readonly #result: Float64Array = new Float64Array(6);

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  /** A port or (from {@link READY_UDP4} on) a socket can be read. */
  ready(id: number): void {
    if (id >= READY_UDP4) this.receive();
    else this.#drainPort(id);
  }

  #drainPort(port: number): void {
    const { engine, outbound } = this.#parts;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = engine.readPort(port);
      if (count === 0) return;
      outbound.forward(port, count);
    }
  }

  /**
   * Takes what has come from the network.
   * @param unasked nobody has said that there is something: look
   */
  receive(unasked: boolean = false): void {
    const { addon, engine, outbound, inbound, transit, intake, forwarding, lag, port } = this.#parts;
    const result = this.#result;
    let readUs = 0;
    let waitedUs = 0;
    let waitedBeforeUs = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const datagrams = engine.receive(result, unasked && round === 0);
      if (datagrams === 0) return lag.note(readUs, 0);
      // The sockets take turns in being the first.
      waitedBeforeUs = waitedUs;
      readUs = result[3] ?? 0;
      const firstWaitedUs = result[5] ?? -1;
      waitedUs = Math.max(0, firstWaitedUs);
      if (firstWaitedUs >= 0) forwarding.waited(readUs, waitedUs);
      const frames = result[0] ?? 0;
      const runs = result[1] ?? 0;
      const messages = result[2] ?? 0;
      const wrote = frames > 0 ? inbound.deliver(frames) : 0;
      if (runs > 0) {
        transit.forward(runs);
        forwarding.add(addon.now() - readUs);
      }
      for (let i = 0; i < messages; i++) intake.message(i);
      // What was written often has its answer in the port already: taking it now saves a turn of the loop.
      if (wrote > 0 && port >= 0) {
        const count = engine.readPort(port);
        if (count > 0) outbound.forward(port, count);
      }
      if ((result[4] ?? 0) === 0) return lag.note(readUs, 0);
    }
    lag.note(readUs, Math.max(waitedUs, waitedBeforeUs));
  }
}
