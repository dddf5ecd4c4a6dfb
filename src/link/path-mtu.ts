/**
 * The largest packet that passes a link, found by trying. DESIGN §7; search and timers after RFC 8899.
 *
 * ```
 *   link up ──▶ largest alone ──no answer──▶ every size, three rounds ──┐
 *                    └──────────answer──────────────▶ rest ◀────────────┘
 *                                                     │  ▲
 *                 the size in use, every 30 s: ───────┘  └── answer
 *                 three times no answer: the floor from then on, and every size
 * ```
 *
 * While something larger than what is in use might pass, the search is repeated every ten minutes. No clock, sockets or
 * randomness: sizes to try come out, answers go in.
 */

/** Passes everywhere: IPv6's least MTU. In use until more is proven. */
export const FLOOR_MTU = 1280;
/** The data plane makes no larger packets. */
export const LARGEST_MTU = 1500;

/** What the links of this world carry: Ethernet, PPPoE, tunnels in one another. */
const SIZES: readonly number[] = [
  1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1452, 1460, 1472, 1480, 1492, 1500,
];
const ROUNDS = 3;
const ROUND_US = 500_000;
const CONFIRM_US = 30_000_000;
const RAISE_US = 600_000_000;

type Phase = "down" | "largest" | "every" | "rest" | "confirm";

export class PathMtu {
  #phase: Phase = "down";
  #ceiling = LARGEST_MTU;
  #proven = FLOOR_MTU;
  #generation = 1;
  #rounds = 0;
  #nextUs = Infinity;
  #searchedUs = 0;

  /** Bytes of the largest IP packet that may be sent. */
  get size(): number {
    return Math.min(this.#proven, this.#ceiling);
  }

  /** What questions carry now; answers to others do not count. */
  get generation(): number {
    return this.#generation;
  }

  /** When {@link tick} has something to do, µs; Infinity = nothing is planned. */
  get nextUs(): number {
    return this.#nextUs;
  }

  /** The link came up, or is dead. */
  turn(nowUs: number, up: boolean): void {
    if (!up) this.#plan("down", Infinity);
    else this.#plan(this.#proven > FLOOR_MTU ? "confirm" : "largest", nowUs);
  }

  /** The link has another endpoint: what passed to the old one says nothing. */
  move(nowUs: number): void {
    this.#forget();
    if (this.#phase !== "down") this.#plan("largest", nowUs);
  }

  /** The route takes packets of this size; 0 = not known. */
  limit(nowUs: number, routeMtu: number): void {
    const before = this.#ceiling;
    this.#ceiling = routeMtu === 0 ? LARGEST_MTU : Math.min(routeMtu, LARGEST_MTU);
    this.#proven = Math.max(FLOOR_MTU, this.size);
    if (this.#ceiling > before && this.#phase !== "down") this.#plan("largest", nowUs);
  }

  answered(nowUs: number, generation: number, size: number): void {
    if (generation !== this.#generation || size > this.#ceiling) return;
    this.#proven = Math.max(this.#proven, size);
    if (this.#phase === "down") return;
    const searching = this.#phase === "largest" || this.#phase === "every";
    if (!searching || this.#proven >= this.#ceiling) this.#rest(nowUs, searching);
  }

  /** The sizes to try now, bytes of IP packet. Call when {@link nextUs} has come. */
  tick(nowUs: number): readonly number[] {
    if (nowUs < this.#nextUs) return [];
    switch (this.#phase) {
      case "down":
        return [];
      case "largest":
        this.#plan("every", nowUs + ROUND_US);
        return this.#larger().slice(-1);
      case "every":
        if (this.#rounds === ROUNDS) return this.#rest(nowUs, true);
        this.#nextUs = nowUs + ROUND_US;
        this.#rounds++;
        return this.#larger();
      case "rest":
        if (nowUs - this.#searchedUs >= RAISE_US && this.#larger().length > 0) {
          this.#plan("largest", nowUs);
          return this.tick(nowUs);
        }
        this.#plan("confirm", nowUs);
        return this.tick(nowUs);
      case "confirm":
        if (this.#rounds === ROUNDS) {
          this.#forget();
          this.#plan("every", nowUs);
          return this.tick(nowUs);
        }
        this.#nextUs = nowUs + ROUND_US;
        this.#rounds++;
        return [this.#proven];
    }
  }

  /** Sizes above the one in use that the route takes, the largest last. */
  #larger(): number[] {
    const below = SIZES.filter((size) => size > this.#proven && size < this.#ceiling);
    return this.#ceiling > this.#proven ? [...below, this.#ceiling] : below;
  }

  #rest(nowUs: number, searched: boolean): [] {
    if (searched) this.#searchedUs = nowUs;
    const confirmUs = this.#proven > FLOOR_MTU ? nowUs + CONFIRM_US : Infinity;
    const raiseUs = this.#larger().length > 0 ? this.#searchedUs + RAISE_US : Infinity;
    this.#plan("rest", Math.min(confirmUs, raiseUs));
    return [];
  }

  #forget(): void {
    this.#proven = FLOOR_MTU;
    this.#generation = (this.#generation + 1) >>> 0;
  }

  #plan(phase: Phase, nextUs: number): void {
    this.#phase = phase;
    this.#nextUs = nextUs;
    this.#rounds = 0;
  }
}
