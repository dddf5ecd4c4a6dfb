/**
 * How much faster the parent's clock runs than the own raw one, from two-way exchanges. DESIGN §7.
 *
 * ```
 *   parent's time minus own                 forward: its arrival − own departure = offset + delay there
 *    |   o    o   o         o    o
 *    |    o ......o.....................o...   the corridor between the lowest forward and the highest backward
 *    |  ......................................   points; delays are positive, so the offset's line is inside
 *    |      x .........x.................x..
 *    |  x      x   x        x     x            backward: its departure − own arrival = offset − delay back
 *    +-------------------------------------> own raw time
 * ```
 *
 * Delay only ever pushes points outwards, so the slope sought is that of the widest straight corridor (the linear
 * programme of Zhang, Liu and Xia, for both directions at once). Queueing moves points that do not count. When a path
 * becomes longer or shorter, the tight place of the corridor is short in time, and a place that is short says little
 * about a slope: the estimate before is then preferred.
 */

/**
 * Exchanges count this long. The slope of a corridor over T seconds, with one exchange a second of a round trip that
 * varies by J µs, is uncertain by about 4·J/T² ppm: T is chosen to make that 1 ppm, so that a crystal that changes is
 * followed quickly where the path is quiet.
 */
const WINDOW_MIN_US = 60_000_000;
const WINDOW_MAX_US = 150_000_000;
const WANTED_PPM = 1;
/** To leave the estimate before by some slope must widen the corridor by more than the slope times this share of T. */
const TRUST = 0.2;
/** More than this rate is not needed. */
const GAP_US = 300_000;
const PLACES = 512;
/** That share of the shortest time worth a fit, as long as there has been no fit. */
const TRUST_FIRST_US = 10_000_000;
/** Crystals differ by 100 ppm at most; this is the bound of any correction. */
export const MAX_RATE = 500e-6;
/** Halvings of ±500 ppm by two thirds: to below 0.001 ppm. */
const STEPS = 36;

export interface Corridor {
  /** Parent's rate minus own raw rate; 1e-6 is 1 ppm. */
  rate: number;
  /** The corridor's middle at the newest exchange: parent's time minus own raw time, µs. */
  offsetUs: number;
  /** Below zero: no straight line fits, so one of the clocks did not run on evenly. */
  widthUs: number;
}

export class RateFit {
  /** A ring; per exchange: own departure, parent's arrival minus it; own arrival, parent's departure minus it. */
  readonly #departure: Float64Array = new Float64Array(PLACES);
  readonly #forward: Float64Array = new Float64Array(PLACES);
  readonly #arrival: Float64Array = new Float64Array(PLACES);
  readonly #backward: Float64Array = new Float64Array(PLACES);
  #first = 0;
  #count = 0;
  /** How many of the newest count. */
  #used = 0;

  reset(): void {
    this.#count = 0;
  }

  /** Time from the oldest exchange to the newest, µs. */
  get spanUs(): number {
    if (this.#count === 0) return 0;
    return (this.#arrival[this.#last] ?? 0) - (this.#arrival[this.#first] ?? 0);
  }

  /** Own departure and arrival in raw time, the parent's in its mesh time, µs. */
  add(departureUs: number, remoteArrivalUs: number, remoteDepartureUs: number, arrivalUs: number): void {
    if (this.#count > 0 && arrivalUs - (this.#arrival[this.#last] ?? 0) < GAP_US) return;
    while (this.#count > 0 && arrivalUs - (this.#arrival[this.#first] ?? 0) > WINDOW_MAX_US)
      this.#dropFirst();
    if (this.#count === PLACES) this.#dropFirst();
    this.#count++;
    const at = this.#last;
    this.#departure[at] = departureUs;
    this.#forward[at] = remoteArrivalUs - departureUs;
    this.#arrival[at] = arrivalUs;
    this.#backward[at] = remoteDepartureUs - arrivalUs;
  }

  /**
   * The widest corridor.
   * @param prior the estimate before
   * @param trusted whether that was fitted itself
   */
  fit(prior: number, trusted: boolean): Corridor {
    const windowUs = this.#window();
    const trustUs = trusted ? windowUs * TRUST : TRUST_FIRST_US;
    const newestUs = this.#arrival[this.#last] ?? 0;
    this.#used = 0;
    while (this.#used < this.#count && newestUs - (this.#arrival[this.#back(this.#used)] ?? 0) <= windowUs)
      this.#used++;
    let low = -MAX_RATE;
    let high = MAX_RATE;
    // The width is concave in the rate, and so is the cost of leaving the estimate before.
    for (let i = 0; i < STEPS; i++) {
      const third = (high - low) / 3;
      const worthLow = this.#width(low + third) - Math.abs(low + third - prior) * trustUs;
      const worthHigh = this.#width(high - third) - Math.abs(high - third - prior) * trustUs;
      if (worthLow < worthHigh) low += third;
      else high -= third;
    }
    const rate = (low + high) / 2;
    const originUs = this.#arrival[this.#last] ?? 0;
    const { floor, ceiling } = this.#edges(rate, originUs);
    return { rate, offsetUs: (floor + ceiling) / 2, widthUs: ceiling - floor };
  }

  #width(rate: number): number {
    const { floor, ceiling } = this.#edges(rate, this.#arrival[this.#last] ?? 0);
    return ceiling - floor;
  }

  /** Where the lines of this slope that touch the points cross `originUs`, µs. */
  #edges(rate: number, originUs: number): { floor: number; ceiling: number } {
    let floor = -Infinity;
    let ceiling = Infinity;
    for (let i = 0; i < this.#used; i++) {
      const at = this.#back(i);
      const above = (this.#forward[at] ?? 0) - rate * ((this.#departure[at] ?? 0) - originUs);
      const below = (this.#backward[at] ?? 0) - rate * ((this.#arrival[at] ?? 0) - originUs);
      if (above < ceiling) ceiling = above;
      if (below > floor) floor = below;
    }
    return { floor, ceiling };
  }

  /** How long exchanges count now, by how much their round trips vary. */
  #window(): number {
    let sum = 0;
    let shortest = Infinity;
    for (let i = 0; i < this.#count; i++) {
      const at = this.#back(i);
      const delayUs = (this.#forward[at] ?? 0) - (this.#backward[at] ?? 0);
      sum += delayUs;
      shortest = Math.min(shortest, delayUs);
    }
    const seconds = Math.sqrt((4 * Math.max(0, sum / this.#count - shortest)) / WANTED_PPM);
    return Math.min(WINDOW_MAX_US, Math.max(WINDOW_MIN_US, seconds * 1e6));
  }

  /** The place of the i-th newest. */
  #back(i: number): number {
    return (this.#first + this.#count - 1 - i + PLACES) % PLACES;
  }

  get #last(): number {
    return (this.#first + this.#count - 1) % PLACES;
  }

  #dropFirst(): void {
    this.#first = (this.#first + 1) % PLACES;
    this.#count--;
  }
}
