/**
 * Loss of the incoming direction. DESIGN §7.
 *
 * Each probe says how many datagrams its sender has put on this link; the receiver compares with what it counted
 * itself, over the last five seconds: real traffic is what is measured. Where hardly anything but probes travels,
 * the probes' own sequence numbers are used: a bitmap of the last 128 (bit 0 = the newest). The bitmap is sent
 * back, so that the sender knows its own direction too.
 */
import { LOSS_BITMAP_BYTES } from "../wire/probe.ts";

const WINDOW_US = 5_000_000;
const SNAPSHOTS = 64;
/** Fewer datagrams than this in the window say less than the bitmap does. */
const MIN_COUNTED = 100;
/** Sequence numbers of the bitmap that count for the loss of an idle link. */
const PROBES_COUNTED = 64;

export class LossMeter {
  readonly #bitmap: Uint32Array = new Uint32Array(LOSS_BITMAP_BYTES / 4);
  #newest = 0;
  #known = 0;
  readonly #time: Float64Array = new Float64Array(SNAPSHOTS);
  readonly #sent: Float64Array = new Float64Array(SNAPSHOTS);
  readonly #received: Float64Array = new Float64Array(SNAPSHOTS);
  #next = 0;
  #stored = 0;

  /** Forget everything: the sender began anew. */
  reset(): void {
    this.#bitmap.fill(0);
    this.#newest = this.#known = this.#next = this.#stored = 0;
  }

  /**
   * A probe arrived.
   * @param sentCount the sender's count (32 bits, wraps)
   * @param receivedCount the own count of everything received on this link, at this moment
   */
  onProbe(nowUs: number, sequence: number, sentCount: number, receivedCount: number): void {
    if (!this.#mark(sequence)) return;
    this.#time[this.#next] = nowUs;
    this.#sent[this.#next] = sentCount;
    this.#received[this.#next] = receivedCount;
    this.#next = (this.#next + 1) % SNAPSHOTS;
    this.#stored = Math.min(this.#stored + 1, SNAPSHOTS);
  }

  /** Share of datagrams lost on the way in, 0..1, or undefined before two probes arrived. */
  loss(): number | undefined {
    if (this.#stored < 2) return undefined;
    const last = (this.#next - 1 + SNAPSHOTS) % SNAPSHOTS;
    let first = last;
    for (let i = 1; i < this.#stored; i++) {
      const at = (last - i + SNAPSHOTS) % SNAPSHOTS;
      if ((this.#time[last] ?? 0) - (this.#time[at] ?? 0) > WINDOW_US) break;
      first = at;
    }
    const sent = ((this.#sent[last] ?? 0) - (this.#sent[first] ?? 0)) >>> 0;
    const received = (this.#received[last] ?? 0) - (this.#received[first] ?? 0);
    if (sent >= MIN_COUNTED && sent < 0x80000000) return Math.min(1, Math.max(0, 1 - received / sent));
    return this.#probeLoss();
  }

  /** Write the bitmap for a probe to send. */
  writeBitmap(target: Uint8Array): void {
    for (let i = 0; i < LOSS_BITMAP_BYTES; i++) {
      target[LOSS_BITMAP_BYTES - 1 - i] = (this.#bitmap[i >> 2] ?? 0) >>> (8 * (i & 3));
    }
  }

  /** Note a sequence number; true when it is the newest so far. */
  #mark(sequence: number): boolean {
    if (this.#known > 0 && sequence <= this.#newest) {
      const back = this.#newest - sequence;
      if (back < 128) this.#bitmap[back >> 5] = (this.#bitmap[back >> 5] ?? 0) | (1 << (back & 31));
      return false;
    }
    const step = this.#known === 0 ? 128 : sequence - this.#newest;
    this.#shift(Math.min(step, 128));
    this.#bitmap[0] = (this.#bitmap[0] ?? 0) | 1;
    this.#known = this.#known === 0 ? 1 : Math.min(128, this.#known + step);
    this.#newest = sequence;
    return true;
  }

  #shift(by: number): void {
    const words = by >> 5;
    const bits = by & 31;
    for (let i = 3; i >= 0; i--) {
      const high = this.#bitmap[i - words] ?? 0;
      const low = this.#bitmap[i - words - 1] ?? 0;
      this.#bitmap[i] = bits === 0 ? high : (high << bits) | (low >>> (32 - bits));
    }
  }

  #probeLoss(): number {
    const counted = Math.min(this.#known, PROBES_COUNTED);
    let arrived = 0;
    for (let i = 0; i < counted; i++) arrived += ((this.#bitmap[i >> 5] ?? 0) >>> (i & 31)) & 1;
    return counted === 0 ? 0 : 1 - arrived / counted;
  }
}

/**
 * Loss of the outgoing direction as the peer's bitmap tells it, 0..1.
 * @param sequences how many sequence numbers were in use up to the newest one the peer heard
 */
export function lossFromBitmap(bitmap: Uint8Array, sequences: number): number | undefined {
  const counted = Math.min(sequences, PROBES_COUNTED);
  if (counted < 2) return undefined;
  let arrived = 0;
  for (let i = 0; i < counted; i++) {
    arrived += ((bitmap[LOSS_BITMAP_BYTES - 1 - (i >> 3)] ?? 0) >> (i & 7)) & 1;
  }
  return 1 - arrived / counted;
}
