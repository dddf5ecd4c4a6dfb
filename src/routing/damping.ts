/**
 * Damping of one link's advertised cost. DESIGN §8.
 *
 *            true cost                 three evaluations in a row beyond the margin
 *                 ______________          ↓
 *     ___________/              \____________________
 *     ‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|_______________________|‾‾‾‾‾‾  advertised
 *                      ↑ worse: at once        ↑ better: not before the hold is over
 *
 * - A change passes when the true cost was off by more than margin = max(3 ms, 2 · jitter), to the same side, in three
 *   consecutive evaluations. An estimator that is still on its way is then followed for 5 s, in that direction only, and
 *   already where it is off by more than max(1 ms, jitter): upwards itself, downwards its mean since the change.
 * - After a change the link is not advertised as better for 10 s. Worse is never held back: a link that swings can
 *   be advertised twice a hold at most, and nobody is kept on a bad path.
 * - More than four changes in a minute double margin, hold and that minute, up to three times; 200 s of peace halve them.
 * - Down, up and a rise of the loss term by more than 50 ms pass at once.
 * - The first values of a link are guesses: the 2nd, 5th and 10th evaluation replace them, and a rise among these is
 *   followed like a change. Later, where the mean of about the last 20 evaluations is off by more than max(1 ms, jitter)
 *   ten times in a row, it is corrected, so that margins do not add up along a path.
 * - What is advertised is that mean, if the true cost is within the margin of it and not followed upwards: who looks at
 *   the moment when a jittery link strays farthest must not take that for the link.
 */

const MARGIN_US = 3000;
const CONFIRMATIONS = 3;
const HOLD_US = 10_000_000;
const FOLLOW_US = 5_000_000;
const LOSS_JUMP_US = 50_000;
const SETTLING: readonly number[] = [2, 5, 10];
const SMALL_US = 1000;
const SMALL_CONFIRMATIONS = 10;
const MEAN_OVER = 20;
/** The first evaluations are not worth remembering. */
const MEAN_AFTER = 2;
const RESTLESS_CHANGES = 4;
const RESTLESS_WINDOW_US = 60_000_000;
const MAX_LEVEL = 3;
const PEACE_US = 200_000_000;

/** A link as it is measured now. */
export interface TrueCost {
  /** Integer µs; null = down. */
  costUs: number | null;
  /** The part of it that stands for loss. */
  lossTermUs: number;
  jitterUs: number;
}

export class LinkDamping {
  #advertised: number | null = null;
  #advertisedLossUs = 0;
  #evaluations = 0;
  /** Consecutive evaluations on one side of the advertised value; the sign tells the side. */
  #beyond = 0;
  #slightlyBeyond = 0;
  #mean = 0;
  #meanOf = 0;
  #heldUntilUs = -Infinity;
  #followUntilUs = -Infinity;
  /** +1 = the last change was for the worse. */
  #direction = 0;
  #level = 0;
  #levelSinceUs = 0;
  #changesUs: number[] = [];

  /** Integer µs; null = down. */
  get advertised(): number | null {
    return this.#advertised;
  }

  /** How often margin and hold are doubled: 0..3. */
  get level(): number {
    return this.#level;
  }

  /** Nothing before is comparable: the next value is taken as it comes. */
  reset(): void {
    this.#advertised = null;
  }

  /**
   * Look at the link.
   * @param regular false: between evaluations; only what is urgent passes
   * @returns whether the advertised value changed
   */
  update(nowUs: number, truth: TrueCost, regular: boolean): boolean {
    const { costUs, lossTermUs } = truth;
    const advertised = this.#advertised;
    if (costUs === null) {
      this.#advertised = null;
      return advertised !== null;
    }
    if (advertised === null) {
      this.#evaluations = 0;
      return this.#advertise(costUs, lossTermUs);
    }
    if (lossTermUs - this.#advertisedLossUs > LOSS_JUMP_US) {
      this.#noteChange(nowUs, 1);
      return this.#advertise(costUs, lossTermUs);
    }
    return regular && this.#evaluate(nowUs, advertised, costUs, truth);
  }

  #evaluate(nowUs: number, advertised: number, costUs: number, truth: TrueCost): boolean {
    this.#calmDown(nowUs);
    const margin = Math.max(MARGIN_US, 2 * truth.jitterUs) * 2 ** this.#level;
    this.#mean += (costUs - this.#mean) / Math.min(++this.#meanOf, MEAN_OVER);
    const begins = ++this.#evaluations <= MEAN_AFTER;
    const settled = begins || Math.abs(costUs - this.#mean) > margin ? costUs : Math.round(this.#mean);
    const direction = Math.sign(costUs - advertised);
    const isBeyond = Math.abs(costUs - advertised) > margin;
    const small = Math.max(SMALL_US, truth.jitterUs);
    const isSlightlyBeyond = Math.abs(settled - advertised) > small;
    if (SETTLING.includes(this.#evaluations)) {
      // A rise that is under way would have to be confirmed from the beginning.
      if (isSlightlyBeyond && direction > 0) this.#follow(nowUs, direction);
      return this.#advertise(settled, truth.lossTermUs);
    }
    this.#beyond = isBeyond ? countOn(this.#beyond, direction) : 0;
    this.#slightlyBeyond = isSlightlyBeyond ? countOn(this.#slightlyBeyond, direction) : 0;
    const follows = nowUs < this.#followUntilUs && direction === this.#direction;
    // The mean lags behind a rise, and nobody is to be kept on a bad path.
    const next = direction > 0 ? costUs : settled;
    if (follows && Math.abs(next - advertised) > small) return this.#advertise(next, truth.lossTermUs);
    if (direction < 0 && nowUs < this.#heldUntilUs) return false;
    if (Math.abs(this.#beyond) >= CONFIRMATIONS) {
      this.#noteChange(nowUs, direction);
      return this.#advertise(settled, truth.lossTermUs);
    }
    return (
      Math.abs(this.#slightlyBeyond) >= SMALL_CONFIRMATIONS && this.#advertise(settled, truth.lossTermUs)
    );
  }

  /** @param costUs the true cost, or its mean: after a jump the mean begins anew */
  #advertise(costUs: number, lossTermUs: number): boolean {
    const changed = this.#advertised !== costUs;
    this.#advertised = costUs;
    this.#advertisedLossUs = lossTermUs;
    this.#beyond = this.#slightlyBeyond = 0;
    if (costUs !== Math.round(this.#mean)) {
      this.#mean = costUs;
      this.#meanOf = 1;
    }
    return changed;
  }

  #noteChange(nowUs: number, direction: number): void {
    const window = RESTLESS_WINDOW_US * 2 ** this.#level;
    this.#changesUs = this.#changesUs.filter((at) => nowUs - at < window);
    this.#changesUs.push(nowUs);
    if (this.#changesUs.length > RESTLESS_CHANGES) {
      this.#level = Math.min(MAX_LEVEL, this.#level + 1);
      this.#levelSinceUs = nowUs;
      this.#changesUs.length = 0;
    }
    this.#heldUntilUs = nowUs + HOLD_US * 2 ** this.#level;
    this.#follow(nowUs, direction);
  }

  #follow(nowUs: number, direction: number): void {
    this.#direction = direction;
    this.#followUntilUs = nowUs + FOLLOW_US;
  }

  #calmDown(nowUs: number): void {
    if (this.#level === 0 || nowUs - this.#levelSinceUs < PEACE_US) return;
    this.#level--;
    this.#levelSinceUs = nowUs;
  }
}

function countOn(count: number, direction: number): number {
  return Math.sign(count) === direction ? count + direction : direction;
}
