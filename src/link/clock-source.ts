/**
 * The link with the clock parent as a source of two-way exchanges for the mesh clock. DESIGN §7.
 *
 * ```
 *   here     --- own probe: departure --------.                        .--> arrival of the peer's probe
 *   parent                                     `--> its arrival ... departure of the peer's probe
 * ```
 *
 * Each probe of the parent says when the newest one from here arrived there; together with the departure that is
 * remembered here it closes an exchange. At the start of an epoch, of either clock, a few are made quickly.
 */
import type { Probe } from "../wire/probe.ts";
import type { ClockExchange } from "./mesh-clock.ts";
import type { LinkTuning } from "./tuning.ts";

export class ClockSource {
  readonly #tuning: Readonly<LinkTuning>;
  #left = 0;
  #untilUs = -Infinity;

  constructor(tuning: Readonly<LinkTuning>) {
    this.#tuning = tuning;
  }

  /** There is a way to the parent, or a clock began a new epoch. */
  begin(nowUs: number): void {
    this.#left = this.#tuning.clockQuickCount;
    this.#untilUs = nowUs + this.#tuning.clockQuickUs;
  }

  /** Should exchanges be made quickly now? */
  hurried(nowUs: number): boolean {
    return this.#left > 0 && nowUs < this.#untilUs;
  }

  /** The exchange that a probe of the parent closes, with the departure of what it heard. */
  close(probe: Probe, departureUs: number, arrivalUs: number): ClockExchange {
    this.#left--;
    return {
      departureUs,
      remoteArrivalUs: probe.heardArrivalUs,
      remoteDepartureUs: probe.sentUs,
      arrivalUs,
      remoteEpoch: probe.epoch,
    };
  }
}
