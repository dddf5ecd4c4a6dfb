/**
 * What the probes of one link tell: delays both ways, round trip, loss both ways, clock epochs. DESIGN §7.
 *
 * The delay towards here is measured here (arrival − departure, in two different clocks); the delay towards the
 * peer is measured there and comes back as "heard sequence, its arrival". Samples of different clock epochs never
 * meet in one estimator.
 */
import type { Probe } from "../wire/probe.ts";
import { DelayEstimator } from "./delay-estimator.ts";
import { lossFromBitmap, LossMeter } from "./loss-meter.ts";
import type { SentProbes } from "./sent-probes.ts";
import type { LinkTuning } from "./tuning.ts";
import { WindowedMinimum } from "./windowed-minimum.ts";

/** Clock epochs of the peer that are over, as many as are remembered. */
const FORMER_EPOCHS = 8;
/** A probe of one of them is a late one for so long; after that the peer has it again. */
const LATE_US = 10_000_000;

/**
 * The least round trip is looked for over so long, half-window, µs: an idle link is asked every five seconds, and of two
 * answers on a jittery way the lesser one may still be far above the sum of the two delays.
 */
const RTT_HALF_WINDOW_US = 30_000_000;

/** Delays in µs, losses 0..1; undefined = not known yet. */
export interface MeasuredDelays {
  /** Working delay peer → here, measured here; contains the clock offset, may be negative. */
  owdIn: number | undefined;
  owdInBase: number | undefined;
  /** Here → peer, measured there and reported back. */
  owdOut: number | undefined;
  owdOutBase: number | undefined;
  rtt: number | undefined;
  rttMin: number | undefined;
  /** Mean deviation of the incoming delay. */
  jitter: number;
  jitterP95: number;
  lossIn: number | undefined;
  /** Datagrams that `lossIn` was told from. */
  lossInOf: number | undefined;
  lossOut: number | undefined;
}

export class LinkMeasures {
  readonly owdIn: DelayEstimator = new DelayEstimator();
  readonly owdOut: DelayEstimator = new DelayEstimator();
  readonly rtt: DelayEstimator = new DelayEstimator();
  readonly loss: LossMeter = new LossMeter();
  readonly #rttMinimum: WindowedMinimum = new WindowedMinimum(RTT_HALF_WINDOW_US);
  lossOut: number | undefined;
  remoteEpoch: number | undefined;
  /** When the peer's present epoch was first seen, µs. */
  remoteEpochSinceUs: number = -Infinity;
  heardSequence = 0;
  heardArrivalUs = 0;
  /** Datagrams on this link, both wrapping at 2^32 on the wire only. */
  sentCount = 0;
  receivedCount = 0;
  readonly #tuning: Readonly<LinkTuning>;
  /** Oldest first. */
  #formerEpochs: number[] = [];
  /** Where the last probe of the peer's active path came from. */
  #incomingFrom: string | undefined;
  /** The newest own sequence whose arrival the peer has reported. */
  #reportedSequence = 0;

  constructor(tuning: Readonly<LinkTuning>) {
    this.#tuning = tuning;
  }

  /** Another clock here: neither old delays nor old arrival times mean anything in it. Round trips do. */
  beginEpoch(): void {
    this.owdIn.reset();
    this.owdOut.reset();
    this.heardSequence = 0;
    this.heardArrivalUs = 0;
  }

  /** Datagrams go another way from now on: nothing old is comparable but what comes towards here. */
  sendingMoved(): void {
    this.owdOut.reset();
    this.rtt.reset();
    this.#rttMinimum.reset();
  }

  /** Note the peer's epoch. "stale": a late probe of a former epoch, to be ignored. */
  noteEpoch(nowUs: number, epoch: number): "same" | "new" | "stale" {
    if (epoch === this.remoteEpoch) return "same";
    if (this.#formerEpochs.includes(epoch) && nowUs - this.remoteEpochSinceUs < LATE_US) return "stale";
    const former = this.#formerEpochs.filter((one) => one !== epoch);
    if (this.remoteEpoch !== undefined) former.push(this.remoteEpoch);
    this.#formerEpochs = former.slice(-FORMER_EPOCHS);
    this.remoteEpoch = epoch;
    this.remoteEpochSinceUs = nowUs;
    this.owdIn.reset();
    this.owdOut.reset();
    this.loss.reset();
    this.lossOut = undefined;
    this.heardSequence = 0;
    this.heardArrivalUs = 0;
    this.#reportedSequence = 0;
    return "new";
  }

  /**
   * A probe of the peer's active path. From another address than before it came another way: the delay begins anew.
   * @param isCounted what comes from there is in {@link receivedCount}
   */
  onIncoming(nowUs: number, from: string, isCounted: boolean, probe: Probe, arrivalUs: number): void {
    if (from !== this.#incomingFrom) this.owdIn.reset();
    this.#incomingFrom = from;
    this.owdIn.add(nowUs, arrivalUs - probe.sentUs);
    const receivedCount = isCounted ? this.receivedCount : undefined;
    this.loss.onProbe(nowUs, probe.sequence, probe.datagramsSent, receivedCount);
    if (probe.sequence > this.heardSequence) {
      this.heardSequence = probe.sequence;
      this.heardArrivalUs = arrivalUs;
    }
  }

  /**
   * What the peer reports of the probes it heard from here.
   * @param firstSequence the first sequence number that the peer could have heard
   */
  onReport(nowUs: number, probe: Probe, sent: SentProbes, firstSequence: number): void {
    const heard = probe.heardSequence;
    const ours = heard > this.#reportedSequence ? sent.bySequence(heard) : undefined;
    if (!ours) return;
    this.#reportedSequence = heard;
    this.owdOut.add(nowUs, probe.heardArrivalUs - ours.departureUs);
    this.lossOut = lossFromBitmap(probe.lossBitmap, heard - firstSequence + 1) ?? this.lossOut;
  }

  /** An echo: what was sent at `departureUs` was answered by what arrived at `arrivalUs`. */
  onEcho(nowUs: number, departureUs: number, arrivalUs: number): void {
    if (arrivalUs < departureUs) return;
    this.rtt.add(nowUs, arrivalUs - departureUs);
    this.#rttMinimum.add(nowUs, arrivalUs - departureUs);
  }

  delays(): MeasuredDelays {
    const loss = this.loss.measured();
    const rttMin = this.#rttMinimum.value;
    return {
      owdIn: this.owdIn.working,
      owdInBase: this.owdIn.base,
      owdOut: this.owdOut.working,
      owdOutBase: this.owdOut.base,
      rtt: this.rtt.working,
      rttMin: rttMin === Infinity ? undefined : rttMin,
      jitter: this.owdIn.jitter,
      jitterP95: this.owdIn.jitterP95,
      lossIn: loss?.share,
      lossInOf: loss?.of,
      lossOut: this.lossOut,
    };
  }

  /** How long an answer may take: RTT + 4 × jitter (but at least 20 ms above the RTT), µs. */
  get patienceUs(): number {
    const margin = Math.max(this.#tuning.lateFloorUs, 4 * this.rtt.jitter);
    return (this.rtt.working ?? this.#tuning.assumedRttUs) + margin;
  }

  /** How late a scheduled probe may be: 4 × jitter, at least 20 ms, µs. */
  get lateMarginUs(): number {
    return Math.max(this.#tuning.lateFloorUs, 4 * this.owdIn.jitter);
  }
}
