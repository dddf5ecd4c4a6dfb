/**
 * The Internet of the simulator: a way from every host to every other one, each direction for itself, changeable at any
 * time.
 */
import type { Random } from "./random.ts";

export interface Way {
  delayUs: number;
  /** Each datagram takes delay ± this, evenly, whatever the one before it took. */
  jitterUs: number;
  /** 0..1. */
  loss: number;
  cut: boolean;
}

export class Underlay {
  readonly #ways = new Map<number, Way>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The way from one host to another; there is none (it is cut) until a delay is set. */
  way(from: number, to: number): Way {
    const key = from * 65536 + to;
    let way = this.#ways.get(key);
    if (!way) {
      way = { delayUs: 0, jitterUs: 0, loss: 0, cut: true };
      this.#ways.set(key, way);
    }
    return way;
  }

  set(from: number, to: number, delayUs: number, jitterUs = 0): void {
    Object.assign(this.way(from, to), { delayUs, jitterUs, cut: false });
  }

  cut(from: number, to: number, isCut = true): void {
    this.way(from, to).cut = isCut;
  }

  cutBoth(one: number, other: number, isCut = true): void {
    this.cut(one, other, isCut);
    this.cut(other, one, isCut);
  }

  /** How long a datagram that leaves now takes, µs; undefined when it does not arrive. */
  travel(from: number, to: number): number | undefined {
    const { delayUs, jitterUs, loss, cut } = this.way(from, to);
    if (cut || (loss > 0 && this.#random.uniform() < loss)) return undefined;
    return jitterUs === 0 ? delayUs : Math.max(0, delayUs + this.#random.between(-jitterUs, jitterUs));
  }
}
