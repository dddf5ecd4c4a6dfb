/** Composes the probes of one link: sequence numbers, fresh nonces, and what is reported to the peer. */
import {
  encodeProbe,
  LOSS_BITMAP_BYTES,
  PROBE_BYTES,
  PROBE_REPLY_WANTED,
  PROBE_SIDE_PATH,
} from "../wire/probe.ts";
import type { LinkMeasures } from "./measures.ts";
import { SentProbes } from "./sent-probes.ts";

export class ProbeWriter {
  readonly sent: SentProbes;
  readonly #measures: LinkMeasures;
  readonly #bitmap: Uint8Array = new Uint8Array(LOSS_BITMAP_BYTES);
  /** Made once: memory of this size costs the engine and its collector a detour each time. */
  readonly #payloads: Uint8Array[] = [];
  #used = 0;
  #epoch: number;
  #sequence: number;
  #firstSequence: number;

  /** @param sequence the last one that was in use before */
  constructor(measures: LinkMeasures, epoch: number, nonceLifetimeUs: number, sequence: number = 0) {
    this.#measures = measures;
    this.#epoch = epoch;
    this.#sequence = sequence;
    this.#firstSequence = sequence + 1;
    this.sent = new SentProbes(nonceLifetimeUs);
  }

  /** Own clock epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The newest sequence number in use; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The first sequence number of this epoch. */
  get firstSequence(): number {
    return this.#firstSequence;
  }

  /** What was written has been sent by now: its departures are taken over and its payloads used again. */
  settle(): void {
    this.sent.settle();
    this.#used = 0;
  }

  /** A new epoch of the own clock: what was sent before tells nothing any more. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#firstSequence = this.#sequence + 1;
    this.sent.clear();
  }

  /**
   * Compose a probe and remember it. One on the active path takes the next sequence number; one beside it repeats
   * the last, so that the peer's count of missing numbers stays about the active path.
   * @param to where it will go
   * @param echoedNonce nonce of the probe it answers, or 0
   * @returns valid until {@link settle}
   */
  write(nowUs: number, flags: number, echoedNonce: bigint, to: string, random32: () => number): Uint8Array {
    const measures = this.#measures;
    const onPath = (flags & PROBE_SIDE_PATH) === 0;
    if (onPath) this.#sequence++;
    // Zero means "none", so the lowest bit is set; 63 random bits remain.
    const asks = (flags & PROBE_REPLY_WANTED) !== 0;
    const nonce = asks ? (BigInt(random32() >>> 0) << 32n) | BigInt(random32() >>> 0) | 1n : 0n;
    measures.loss.writeBitmap(this.#bitmap);
    const payload = (this.#payloads[this.#used++] ??= new Uint8Array(PROBE_BYTES));
    encodeProbe(
      {
        flags,
        sequence: this.#sequence,
        epoch: this.#epoch,
        sentUs: Math.round(nowUs),
        nonce,
        echoedNonce,
        heardSequence: measures.heardSequence,
        heardArrivalUs: Math.round(measures.heardArrivalUs),
        heardEpoch: measures.heardSequence === 0 ? 0 : (measures.remoteEpoch ?? 0),
        datagramsSent: measures.sentCount % 2 ** 32,
        lossBitmap: this.#bitmap,
      },
      payload,
    );
    this.sent.add(nonce, onPath ? this.#sequence : 0, to, nowUs, payload);
    return payload;
  }
}
