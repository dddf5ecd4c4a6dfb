/** One link as the link room would measure it, on virtual time: probes with a delay, records that get lost. */
import { DelayEstimator } from "../../src/link/delay-estimator.ts";
import { LossMeter } from "../../src/link/loss-meter.ts";
import type { LinkSample } from "../../src/routing/reporter.ts";
import { epochOf } from "./networks.ts";

export interface LinkTruth {
  /** One way, µs. */
  delayUs: (random: () => number) => number;
  /** 0..1. */
  loss: number;
  /** Data records a second besides the probes. */
  recordsPerSecond: number;
  probesPerSecond: number;
  up: boolean;
}

export class MeasuredLink {
  readonly truth: LinkTruth = {
    delayUs: () => 20_000,
    loss: 0,
    recordsPerSecond: 0,
    probesPerSecond: 5,
    up: true,
  };
  readonly #random: () => number;
  readonly #from: number;
  readonly #to: number;
  readonly #owd = new DelayEstimator();
  readonly #meter = new LossMeter();
  #nextUs = 0;
  #sequence = 0;
  #sent = 0;
  #received = 0;

  constructor(from: number, to: number, random: () => number) {
    this.#from = from;
    this.#to = to;
    this.#random = random;
    this.#nextUs = random() * 200_000;
  }

  /** Send and receive what is due until then. */
  runUntil(nowUs: number): void {
    for (; this.#nextUs <= nowUs; this.#nextUs += this.#gap()) {
      const { truth } = this;
      const records = Math.round(truth.recordsPerSecond / truth.probesPerSecond);
      for (let i = 0; i < records; i++) if (this.#random() >= truth.loss) this.#received++;
      this.#sent += records + 1;
      this.#sequence++;
      if (this.#random() < truth.loss) continue;
      this.#received++;
      this.#owd.add(this.#nextUs, truth.delayUs(this.#random));
      this.#meter.onProbe(this.#nextUs, this.#sequence, this.#sent, this.#received);
    }
  }

  sample(): LinkSample {
    const loss = this.#meter.measured();
    return {
      from: this.#from,
      up: this.truth.up && this.#owd.count > 0,
      sendDead: false,
      owdUs: this.#owd.working ?? 0,
      owdBaseUs: this.#owd.base ?? 0,
      jitterUs: this.#owd.jitter,
      loss: loss?.share,
      lossOf: loss?.of,
      rttMinUs: null,
      mtu: 1452,
      localEpoch: epochOf(this.#to),
      remoteEpoch: epochOf(this.#from),
    };
  }

  #gap(): number {
    return (1e6 / this.truth.probesPerSecond) * (0.8 + 0.4 * this.#random());
  }
}
