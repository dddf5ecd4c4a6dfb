/**
 * Hash of a row, for noticing that two ends do not hold the same. It guards against lost or misapplied changes, not
 * against forgery (the control connection does that), so 64 bits of FNV-1a style mixing are enough.
 *
 *     over each entry, ascending by destination:  destination · next hop · backup + 1 · hops · size · cost (high, low)
 */
import type { RowEntry } from "./types.ts";

export function rowHash(entries: Iterable<RowEntry>): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  const mix = (word: number): void => {
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x85ebca6b);
    b ^= b >>> 13;
  };
  for (const { destination, nextHop, backup, hops, size, costUs } of entries) {
    mix(destination);
    mix(nextHop);
    mix(backup === null ? 0 : backup + 1);
    mix(hops);
    mix(size);
    mix(Math.floor(costUs / 2 ** 32));
    mix((costUs % 2 ** 32) | 0);
  }
  return hex(a) + hex(b);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
