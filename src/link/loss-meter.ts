/**
 * Loss of the incoming direction. DESIGN §7.
 *
 * Each probe says how many datagrams its sender has put on this link; the receiver compares with what it counted
 * itself, over the last five seconds: real traffic is what is measured. Where hardly anything but probes travels,
 * the probes' own sequence numbers are used: a bitmap of the last 128 (bit 0 = the newest). The bitmap is sent
 * back, so that the sender knows its own direction too.
 *
 * Both are long, so that a few losses by chance make no difference. When a short end of them has clearly lost more
 * than chance explains, that alone counts: a link that has just gone bad is seen at once.
 */
import { LOSS_BITMAP_BYTES } from "../wire/probe.ts";

const WINDOW_US = 5_000_000;
const SHORT_US = 2_000_000;
const SNAPSHOTS = 64;
/** Fewer datagrams than this in the window say less than the bitmap does. */
const MIN_COUNTED = 100;
/** The short end counts when it lost so many standard deviations more than is usual here, which is at least this. */
const DEVIATIONS = 5;
const USUAL_LOSS = 0.005;
/** What is usual follows the long window with this time constant. */
const USUAL_US = 30_000_000;
/** Sequence numbers of the bitmap that count for the loss of an idle link, and the short end of them. */
const PROBES_COUNTED = 128;
const PROBES_SHORT = 20;
const PROBES_SHORT_LOST = 3;

export interface LossFigure {
  /** Share that was lost, 0..1. */
  share: number;
  /** Datagrams it was told from. */
  of: number;
}

export class LossMeter {
  readonly #bitmap: Uint32Array = new Uint32Array(LOSS_BITMAP_BYTES / 4);
  #newest = 0;
  #known = 0;
  readonly #time: Float64Array = new Float64Array(SNAPSHOTS);
  readonly #sent: Float64Array = new Float64Array(SNAPSHOTS);
  readonly #received: Float64Array = new Float64Array(SNAPSHOTS);
  #next = 0;
  #stored = 0;
  #usual = USUAL_LOSS;
  /** What traffic told last, and the newest probe then. */
  #counted: LossFigure | undefined;
  #countedUpTo = 0;
  /** Probes after this one count. */
  #countFrom = 0;
  /** Nobody counts what comes: it comes from where nothing is sent to. */
  #uncounted = false;

  /** Forget everything: the sender began anew. */
  reset(): void {
    this.#bitmap.fill(0);
    this.#newest = this.#known = this.#next = this.#stored = this.#countFrom = 0;
    this.#usual = USUAL_LOSS;
    this.#counted = undefined;
  }

  /**
   * The link came up: what was lost while it was not is no loss of its, and would make it look bad for the two minutes
   * that an idle link's probes are remembered.
   */
  linkRose(): void {
    this.#countFrom = this.#newest;
    this.#next = this.#stored = 0;
    this.#usual = USUAL_LOSS;
    this.#counted = undefined;
  }

  /**
   * A probe arrived.
   * @param sentCount the sender's count (32 bits, wraps)
   * @param receivedCount the own count of everything received on this link, at this moment; undefined: the probe came from
   * another address than the one that is counted, and only the probes themselves tell
   */
  onProbe(nowUs: number, sequence: number, sentCount: number, receivedCount: number | undefined): void {
    if (!this.#mark(sequence)) return;
    this.#uncounted = receivedCount === undefined;
    if (receivedCount === undefined) {
      this.#next = this.#stored = 0;
      this.#counted = undefined;
      return;
    }
    const sinceUs = nowUs - (this.#time[this.#last] ?? 0);
    this.#time[this.#next] = nowUs;
    this.#sent[this.#next] = sentCount;
    this.#received[this.#next] = receivedCount;
    this.#next = (this.#next + 1) % SNAPSHOTS;
    this.#stored = Math.min(this.#stored + 1, SNAPSHOTS);
    const lost = this.#shareSince(WINDOW_US);
    if (lost === undefined) return;
    this.#usual += (lost - this.#usual) * Math.min(1, sinceUs / USUAL_US);
    const of = this.#sentBetween(this.#snapshotSince(WINDOW_US), this.#last);
    // A flow that ends leaves ever fewer datagrams in the window: what all of it told is worth more.
    const lately = this.#sentBetween(this.#snapshotSince(SHORT_US), this.#last);
    if ((lately * WINDOW_US) / SHORT_US < of / 2) return;
    this.#counted = { share: lost, of };
    this.#countedUpTo = sequence;
  }

  /** Loss on the way in, or undefined before two probes arrived. */
  measured(): LossFigure | undefined {
    if (this.#uncounted && this.#newest - this.#countFrom >= 2) return this.#probeLoss();
    if (this.#stored < 2) return undefined;
    const share = this.#shareSince(WINDOW_US);
    if (share === undefined) return this.#probeLoss();
    const lately = this.#shareSince(SHORT_US) ?? 0;
    const sentLately = this.#sentBetween(this.#snapshotSince(SHORT_US), this.#last);
    const expected = Math.max(this.#usual, USUAL_LOSS) * sentLately;
    const isWorse = lately > share && lately * sentLately > expected + DEVIATIONS * Math.sqrt(expected);
    if (isWorse) return { share: lately, of: sentLately };
    return { share, of: this.#sentBetween(this.#snapshotSince(WINDOW_US), this.#last) };
  }

  /** Write the bitmap for a probe to send. */
  writeBitmap(target: Uint8Array): void {
    for (let i = 0; i < LOSS_BITMAP_BYTES; i++) {
      target[LOSS_BITMAP_BYTES - 1 - i] = (this.#bitmap[i >> 2] ?? 0) >>> (8 * (i & 3));
    }
  }

  /** Share of the counted datagrams lost in the last `windowUs`, 0..1; undefined when there were too few. */
  #shareSince(windowUs: number): number | undefined {
    const first = this.#snapshotSince(windowUs);
    const sent = this.#sentBetween(first, this.#last);
    if (sent < MIN_COUNTED || sent >= 0x80000000) return undefined;
    const received = (this.#received[this.#last] ?? 0) - (this.#received[first] ?? 0);
    return Math.min(1, Math.max(0, 1 - received / sent));
  }

  #sentBetween(first: number, last: number): number {
    return ((this.#sent[last] ?? 0) - (this.#sent[first] ?? 0)) >>> 0;
  }

  /** The place of the newest snapshot. */
  get #last(): number {
    return (this.#next - 1 + SNAPSHOTS) % SNAPSHOTS;
  }

  /** The place of the oldest snapshot that is at most so old. */
  #snapshotSince(windowUs: number): number {
    const last = this.#last;
    let first = last;
    for (let i = 1; i < this.#stored; i++) {
      const at = (last - i + SNAPSHOTS) % SNAPSHOTS;
      if ((this.#time[last] ?? 0) - (this.#time[at] ?? 0) > windowUs) break;
      first = at;
    }
    return first;
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

  #probeLoss(): LossFigure {
    const counted = Math.min(this.#known, PROBES_COUNTED, this.#newest - this.#countFrom);
    // Traffic knew more of the time before it ceased than the probes of that time do.
    const told = this.#counted;
    const since = told ? Math.min(counted, this.#newest - this.#countedUpTo) : counted;
    let lost = 0;
    let lostLately = 0;
    for (let i = 0; i < counted; i++) {
      const isLost = 1 - (((this.#bitmap[i >> 5] ?? 0) >>> (i & 31)) & 1);
      if (i < PROBES_SHORT) lostLately += isLost;
      if (i < since) lost += isLost;
    }
    if (!told || since === counted) return probesLost(counted, lost, lostLately);
    const before = (counted - since) / counted;
    const figure = probesLost(counted, lost + (counted - since) * told.share, lostLately);
    return figure.of === PROBES_SHORT ? figure : { share: figure.share, of: since + before * told.of };
  }
}

/**
 * Loss of the outgoing direction as the peer's bitmap tells it, 0..1.
 * @param sequences how many sequence numbers were in use up to the newest one the peer heard
 */
export function lossFromBitmap(bitmap: Uint8Array, sequences: number): number | undefined {
  const counted = Math.min(sequences, PROBES_COUNTED);
  if (counted < 2) return undefined;
  let lost = 0;
  let lostLately = 0;
  for (let i = 0; i < counted; i++) {
    lost += 1 - (((bitmap[LOSS_BITMAP_BYTES - 1 - (i >> 3)] ?? 0) >> (i & 7)) & 1);
    if (i < PROBES_SHORT) lostLately = lost;
  }
  return probesLost(counted, lost, lostLately).share;
}

/** Loss of so many probes: of the newest twenty alone if three of them are missing and that is the worse figure. */
function probesLost(counted: number, lost: number, lostLately: number): LossFigure {
  const all = { share: counted === 0 ? 0 : lost / counted, of: counted };
  if (counted < PROBES_SHORT || lostLately < PROBES_SHORT_LOST) return all;
  const newest = { share: lostLately / PROBES_SHORT, of: PROBES_SHORT };
  return newest.share > all.share ? newest : all;
}
