/**
 * The clock that a node measures with. DESIGN §7.
 *
 * ```
 *   mesh time = raw time × (1 + rate) + offset, in µs, a line of many straight pieces:
 *
 *                      ___--- piece 3, rate from a fit
 *           ___---- '''       piece 2
 *      ---''                  piece 1: offset set, rate kept from before
 * ```
 *
 * Raw time is CLOCK_MONOTONIC_RAW. The rate follows the clock parent's mesh clock ({@link RateFit}); only differences
 * of rate spoil one-way measurements that are compared a while later. The offset is set once, so that numbers are
 * easy to read, and means nothing otherwise: it is wrong by half the difference of the two ways to the parent, and
 * nobody cares. Within an epoch the clock never steps. A slow hold takes back what wrong rates have added up to.
 */
import { MAX_RATE, RateFit } from "./rate-fit.ts";

/** The four stamps of a question to the parent and what came back, µs. */
export interface ClockExchange {
  /** Own departure, in own mesh time of the present epoch. */
  departureUs: number;
  /** The parent's mesh time and epoch. */
  remoteArrivalUs: number;
  remoteDepartureUs: number;
  /** Own arrival, in own mesh time of the present epoch. */
  arrivalUs: number;
  remoteEpoch: number;
}

export interface MeshClockStatus {
  /** Present correction of the raw clock's rate. */
  ratePpm: number;
  /** Mesh time minus raw time at the start of this epoch. */
  offsetUs: number;
  parentEpoch: number | undefined;
  /** Exchanges taken since the program's start. */
  exchanges: number;
  /** The rate comes from a fit over a minute and more. */
  disciplined: boolean;
  /** Time that the present fit is over. */
  spanSeconds: number;
}

/** The offset is taken from the best of so many exchanges, or of two after this long. */
const START_EXCHANGES = 4;
const START_US = 1_000_000;
const FIT_EVERY_US = 1_000_000;
/** The rate changes by no more than this at a fit, so that a first bad one is corrected before it is reached. */
const SLEW = 5e-6;
/** A fit over less than this says too little to be called one. */
const FIT_SPAN_US = 60_000_000;
/** The phase is worth holding only when it is known better than that. */
const PHASE_SPAN_US = 120_000_000;
/** An exchange that took longer is of no use; nor is one that the past pieces do not cover. */
const LONGEST_US = 5_000_000;
const PIECES = 8;
const ROUNDING_US = 100;
/** The phase is held with this time constant; what is off by more than the reach is a new path, not an error. */
const HOLD_US = 150_000_000;
const HOLD_REACH_US = 2_000;
/**
 * Delays are positive, so a corridor that is closed by more than this is no matter of the path: a clock stood still or
 * jumped, as when a virtual machine is paused and all its clocks with it. A crystal that changes by 100 ppm from one
 * moment to the next closes it by 4 ms at most.
 */
const JUMP_US = 5_000;

interface Piece {
  readonly rawUs: number;
  readonly meshUs: number;
  readonly rate: number;
}

export class MeshClock {
  readonly #hasParent: boolean;
  readonly #fit: RateFit = new RateFit();
  #epoch: number;
  /** Newest last; never empty. */
  #pieces: Piece[];
  #newest: Piece;
  /** As fitted, without what holds the phase. */
  #rate = 0;
  #parentEpoch: number | undefined;
  #exchanges = 0;
  #disciplined = false;
  #fittedUs = -Infinity;
  /** Parent's mesh time minus own that is to be held; undefined until the rate is known. */
  #phaseUs: number | undefined;
  #offsetSet: boolean;
  #offsetUs = 0;
  /** The exchange with the shortest way so far, for the offset. */
  #startDelayUs = Infinity;
  #startOffsetUs = 0;
  #startCount = 0;
  #startedUs = 0;
  /** "offset" has been said and the epoch that takes it has not begun. */
  #offsetFound = false;

  /** `epoch`: 32 random bits. Mesh time is raw time until there is more to say. */
  constructor(options: { epoch: number; hasParent: boolean }) {
    this.#epoch = options.epoch;
    this.#hasParent = options.hasParent;
    this.#offsetSet = !options.hasParent;
    this.#newest = { rawUs: 0, meshUs: 0, rate: 0 };
    this.#pieces = [this.#newest];
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Mesh time for a reading of CLOCK_MONOTONIC_RAW of the last seconds, µs. */
  read(rawUs: number): number {
    const piece = rawUs >= this.#newest.rawUs ? this.#newest : this.#pieceOfRaw(rawUs);
    return piece.meshUs + (rawUs - piece.rawUs) * (1 + piece.rate);
  }

  /**
   * A two-way exchange with the clock parent. Ones that cannot be are ignored.
   * @param rawUs now
   * @returns "offset" when the start offset is known, "jump" when this clock or the parent's did not run on evenly: the
   * caller begins a new epoch with {@link beginEpoch}
   */
  exchange(rawUs: number, e: Readonly<ClockExchange>): "none" | "offset" | "jump" {
    if (!this.#hasParent || !isPossible(e)) return "none";
    const departureUs = this.#toRaw(e.departureUs);
    const arrivalUs = this.#toRaw(e.arrivalUs);
    // Stamps are rounded, and may have been taken by another piece than they are read with.
    if (arrivalUs > rawUs + ROUNDING_US || rawUs - departureUs > LONGEST_US) return "none";
    if (e.remoteEpoch !== this.#parentEpoch) {
      this.#parentEpoch = e.remoteEpoch;
      this.#forgetParent();
    }
    this.#exchanges++;
    this.#fit.add(departureUs, e.remoteArrivalUs, e.remoteDepartureUs, arrivalUs);
    if (!this.#offsetSet) {
      this.#offsetFound = this.#seekOffset(rawUs, departureUs, arrivalUs, e);
      return this.#offsetFound ? "offset" : "none";
    }
    if (rawUs - this.#fittedUs < FIT_EVERY_US) return "none";
    return this.#discipline(rawUs) ? "none" : "jump";
  }

  /**
   * Begin a new epoch: after {@link exchange} has said "offset", with that offset; otherwise (the machine was
   * suspended or paused, a clock jumped) the offset is sought anew.
   * @param epoch 32 random bits
   * @param keepRate false when the raw clock may be another one
   */
  beginEpoch(rawUs: number, epoch: number, keepRate = true): void {
    const found = this.#offsetFound;
    const meshUs = found ? rawUs + this.#startOffsetUs : this.read(rawUs);
    this.#epoch = epoch;
    this.#offsetUs = meshUs - rawUs;
    if (!keepRate) {
      this.#rate = 0;
      this.#disciplined = false;
    }
    this.#newest = { rawUs, meshUs, rate: this.#rate };
    this.#pieces = [this.#newest];
    this.#phaseUs = undefined;
    // Exchanges are remembered in raw time, which an offset does not change but a suspended machine does.
    if (!found) this.#forgetParent();
    this.#offsetSet = found || !this.#hasParent;
    this.#offsetFound = false;
  }

  status(): MeshClockStatus {
    return {
      ratePpm: this.#newest.rate * 1e6,
      offsetUs: this.#offsetUs,
      parentEpoch: this.#parentEpoch,
      exchanges: this.#exchanges,
      disciplined: this.#disciplined,
      spanSeconds: this.#fit.spanUs / 1e6,
    };
  }

  /** Nothing measured before is comparable; the rate stays. */
  #forgetParent(): void {
    this.#fit.reset();
    this.#phaseUs = undefined;
    this.#offsetFound = false;
    this.#startDelayUs = Infinity;
    this.#startCount = 0;
  }

  #seekOffset(rawUs: number, departureUs: number, arrivalUs: number, e: Readonly<ClockExchange>): boolean {
    if (this.#startCount++ === 0) this.#startedUs = rawUs;
    const delayUs = arrivalUs - departureUs - (e.remoteDepartureUs - e.remoteArrivalUs);
    if (delayUs < this.#startDelayUs) {
      this.#startDelayUs = delayUs;
      this.#startOffsetUs = (e.remoteArrivalUs - departureUs + e.remoteDepartureUs - arrivalUs) / 2;
    }
    if (this.#startCount >= START_EXCHANGES) return true;
    return this.#startCount >= 2 && rawUs - this.#startedUs >= START_US;
  }

  /** False when no rate explains what was measured. */
  #discipline(rawUs: number): boolean {
    this.#fittedUs = rawUs;
    const corridor = this.#fit.fit(this.#rate, this.#disciplined);
    if (corridor.widthUs < -JUMP_US) return false;
    const change = Math.min(SLEW, Math.max(-SLEW, corridor.rate - this.#rate));
    this.#rate += change;
    this.#turn(rawUs, this.#rate + this.#hold(rawUs, corridor.offsetUs));
    if (this.#fit.spanUs >= FIT_SPAN_US) this.#disciplined = true;
    return true;
  }

  /** The addition to the rate that takes the phase back to where it was. */
  #hold(rawUs: number, offsetUs: number): number {
    if (this.#fit.spanUs < PHASE_SPAN_US) return 0;
    const phaseUs = rawUs + offsetUs - this.read(rawUs);
    const errorUs = phaseUs - (this.#phaseUs ?? phaseUs);
    if (this.#phaseUs === undefined || errorUs > HOLD_REACH_US || errorUs < -HOLD_REACH_US) {
      this.#phaseUs = phaseUs;
      return 0;
    }
    return errorUs / HOLD_US;
  }

  /** Go on from here at another rate. */
  #turn(rawUs: number, rate: number): void {
    const bounded = Math.min(MAX_RATE, Math.max(-MAX_RATE, rate));
    this.#newest = { rawUs, meshUs: this.read(rawUs), rate: bounded };
    this.#pieces.push(this.#newest);
    if (this.#pieces.length > PIECES) this.#pieces.shift();
  }

  #pieceOfRaw(rawUs: number): Piece {
    return this.#pieces.findLast((piece) => piece.rawUs <= rawUs) ?? this.#pieces[0] ?? this.#newest;
  }

  #toRaw(meshUs: number): number {
    const piece =
      this.#pieces.findLast((candidate) => candidate.meshUs <= meshUs) ?? this.#pieces[0] ?? this.#newest;
    return piece.rawUs + (meshUs - piece.meshUs) / (1 + piece.rate);
  }
}

/** Whether the stamps can be of one exchange. */
function isPossible(e: Readonly<ClockExchange>): boolean {
  const taken = e.arrivalUs - e.departureUs;
  const dwelt = e.remoteDepartureUs - e.remoteArrivalUs;
  // Also false for NaN. The two clocks may differ by their greatest correction while the exchange lasts.
  return (
    taken >= 0 &&
    taken <= LONGEST_US &&
    dwelt >= 0 &&
    taken - dwelt >= -2 * MAX_RATE * LONGEST_US &&
    Number.isFinite(e.departureUs) &&
    Number.isFinite(e.remoteArrivalUs)
  );
}
