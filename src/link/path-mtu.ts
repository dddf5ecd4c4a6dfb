/**
 * The largest packet that passes a link, found by trying. DESIGN §7; after RFC 8899.
 *
 * ```
 *   link up ──▶ search: the route's MTU first, then halving what is left; ──▶ rest
 *                 ▲     three questions a size                                │ ▲
 *                 └── three times no answer ◀── confirm the size in use ◀─────┘ └─ answer
 *                                                every 30 s
 * ```
 *
 * While something larger than what is in use might pass, the search is repeated every ten minutes. No clock, sockets or
 * randomness: sizes to try come out, answers go in.
 */
import { LARGEST_MTU, LEAST_MTU } from "../wire/sizes.ts";

/** What the links of this world carry: Ethernet, PPPoE, tunnels in one another. */
const SIZES: readonly number[] = [
  1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1452, 1460, 1472, 1480, 1492,
];
const TRIES = 3;
const ANSWER_US = 400_000;
const RAISE_US = 600_000_000;
/** A link that carries nothing need not be confirmed. */
export const CONFIRM_US = 30_000_000;

type Phase = "down" | "search" | "rest" | "confirm";

export class PathMtu {
  readonly #spread: number;
  #phase: Phase = "down";
  #ceiling = LARGEST_MTU;
  #proven = LEAST_MTU;
  /** The smallest size that did not pass in this search. */
  #failed = Infinity;
  #generation = 1;
  #trying = 0;
  #tries = 0;
  #nextUs = Infinity;
  #searchedUs = 0;

  /** @param spread factor of all times, about 1: links that came up together shall not ask together for ever */
  constructor(spread: number = 1) {
    this.#spread = spread;
  }

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

  /** What is due next serves traffic to come, and can wait for it. */
  get resting(): boolean {
    return this.#phase === "rest";
  }

  /** The link came up, or is dead. What passed before a death may not pass after it. */
  turn(nowUs: number, up: boolean): void {
    if (up) this.#forget(nowUs);
    else this.#plan("down", Infinity);
  }

  /** The link has another endpoint: what passed to the old one says nothing. */
  move(nowUs: number): void {
    if (this.#phase === "down") this.#proven = LEAST_MTU;
    else this.#forget(nowUs);
  }

  /** The route takes packets of this size; 0 = not known. */
  limit(nowUs: number, routeMtu: number): void {
    const before = this.#ceiling;
    this.#ceiling = routeMtu === 0 ? LARGEST_MTU : Math.min(routeMtu, LARGEST_MTU);
    this.#proven = Math.max(LEAST_MTU, this.size);
    if (this.#phase === "down") return;
    const isBeyond = this.#trying > this.#ceiling;
    if (this.#ceiling > before) this.#search(nowUs);
    else if (isBeyond && this.#phase === "search") this.#next(nowUs);
    else if (isBeyond && this.#phase === "confirm") this.#confirm(nowUs);
  }

  /** An answer. */
  answered(nowUs: number, generation: number, size: number): void {
    if (generation !== this.#generation || size > this.#ceiling || this.#phase === "down") return;
    this.#proven = Math.max(this.#proven, size);
    if (size >= this.#failed) this.#failed = Infinity;
    if (this.#phase === "search") {
      if (size >= this.#trying) this.#next(nowUs);
    } else if (this.#raiseUs <= nowUs) this.#search(nowUs);
    else this.#rest(nowUs);
  }

  /** The size to ask for now, bytes of IP packet; call when {@link nextUs} has come. Undefined: nothing any more. */
  tick(nowUs: number): number | undefined {
    if (nowUs < this.#nextUs) return undefined;
    if (this.#phase === "rest") {
      // What is in use comes first: frames depend on it.
      if (this.#proven > LEAST_MTU) this.#confirm(nowUs);
      else this.#search(nowUs);
    } else if (this.#tries === TRIES) this.#giveUp(nowUs);
    if (this.#phase !== "search" && this.#phase !== "confirm") return undefined;
    this.#tries++;
    this.#nextUs = nowUs + ANSWER_US * this.#spread;
    return this.#trying;
  }

  #confirm(nowUs: number): void {
    this.#plan("confirm", nowUs);
    this.#trying = this.#proven;
  }

  /** Nobody answers to this size. */
  #giveUp(nowUs: number): void {
    if (this.#phase === "confirm") return this.#forget(nowUs);
    this.#failed = this.#trying;
    this.#next(nowUs);
  }

  #forget(nowUs: number): void {
    this.#proven = LEAST_MTU;
    this.#generation = (this.#generation + 1) >>> 0;
    this.#search(nowUs);
  }

  #search(nowUs: number): void {
    this.#failed = Infinity;
    this.#next(nowUs);
  }

  /** The next size of the search: the route's, or else the middle one of those that may pass. */
  #next(nowUs: number): void {
    const left = SIZES.filter((size) => size > this.#proven && size < Math.min(this.#failed, this.#ceiling));
    const whole = this.#failed > this.#ceiling && this.#ceiling > this.#proven;
    const size = whole ? this.#ceiling : left[left.length >> 1];
    if (size === undefined) {
      this.#searchedUs = nowUs;
      return this.#rest(nowUs);
    }
    this.#plan("search", nowUs);
    this.#trying = size;
  }

  #rest(nowUs: number): void {
    const confirmUs = this.#proven > LEAST_MTU ? nowUs + CONFIRM_US * this.#spread : Infinity;
    this.#plan("rest", Math.min(confirmUs, this.#raiseUs));
  }

  /** When something larger is to be tried again. */
  get #raiseUs(): number {
    return this.#ceiling > this.#proven ? this.#searchedUs + RAISE_US * this.#spread : Infinity;
  }

  #plan(phase: Phase, nextUs: number): void {
    this.#phase = phase;
    this.#nextUs = nextUs;
    this.#tries = 0;
  }
}
