/**
 * How many connections may be open that have not proven anything yet: so many in all, and so many from one source
 * prefix, so that one site cannot take every place. DESIGN §9.
 */
import { isIPv4, isIPv6 } from "node:net";

/** Unproven connections in all. */
export const MAX_UNPROVEN = 64;
/** Unproven connections from one /24 (IPv4) or /56 (IPv6): half, so that no prefix shuts the others out. */
export const MAX_UNPROVEN_PER_PREFIX = 32;

/** The /24 or /56 of an address, as a key; an IPv4-mapped address counts as IPv4. */
export function sourcePrefix(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const v4 = mapped ?? address;
  if (isIPv4(v4)) return v4.slice(0, v4.lastIndexOf("."));
  if (!isIPv6(address)) return "";
  const [head, tail] = address.split("%")[0]!.split("::");
  const left = head === "" ? [] : head!.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? left
      : [...left, ...new Array<string>(8 - left.length - right.length).fill("0"), ...right];
  const first = groups.slice(0, 4).map((group) => Number.parseInt(group, 16));
  return [...first.slice(0, 3), first[3]! & 0xff00].map((group) => group.toString(16)).join(":");
}

export class Admission {
  readonly #perPrefix = new Map<string, number>();
  readonly #max: number;
  readonly #maxPerPrefix: number;
  #count = 0;

  constructor(max: number = MAX_UNPROVEN, maxPerPrefix: number = MAX_UNPROVEN_PER_PREFIX) {
    this.#max = max;
    this.#maxPerPrefix = maxPerPrefix;
  }

  /** Places taken. */
  get count(): number {
    return this.#count;
  }

  /** Take a place: the function that gives it back (once), or undefined if there is none. */
  enter(address: string): (() => void) | undefined {
    const prefix = sourcePrefix(address);
    const here = this.#perPrefix.get(prefix) ?? 0;
    if (this.#count >= this.#max || here >= this.#maxPerPrefix) return undefined;
    this.#count += 1;
    this.#perPrefix.set(prefix, here + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#count -= 1;
      const left = this.#perPrefix.get(prefix)! - 1;
      if (left === 0) this.#perPrefix.delete(prefix);
      else this.#perPrefix.set(prefix, left);
    };
  }
}
