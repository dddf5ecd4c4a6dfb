/**
 * Which nodes may stand inside a path. DESIGN §8.
 *
 * Up to 200 nodes: all that are willing. Above, those set to `always` and the best-connected of the others, up to 50 in
 * all. Well connected is who has links both ways with many, and short round trips with them. Both are compared in
 * coarse classes, so that no single link that dies and no millisecond makes the set change; within a class the
 * lowest NodeID wins. The same graph always gives the same set.
 */
import type { RelayPolicy } from "./types.ts";

export const ALL_RELAY_UP_TO = 200;
export const MAX_CHOSEN = 50;
/** Classes of the share of nodes reached. */
const DEGREE_CLASSES = 20;
/** Each class of round trips is so much longer than the one before. Ratios are fine here: no clock is involved. */
const ROUND_TRIP_RATIO = 1.5;

/**
 * Indices of the relays, ascending.
 * @param cost of the link i→j at i·n + j, µs; Infinity = none
 */
export function chooseRelays(policies: readonly RelayPolicy[], cost: Float64Array): number[] {
  const n = policies.length;
  const willing = policies.flatMap((policy, i) => (policy === "never" ? [] : [i]));
  if (n <= ALL_RELAY_UP_TO) return willing;
  const always = willing.filter((i) => policies[i] === "always");
  const ranked = willing
    .filter((i) => policies[i] === "auto")
    .map((i) => ({ i, ...connectedness(i, n, cost) }))
    .sort((a, b) => b.degreeClass - a.degreeClass || a.roundTripClass - b.roundTripClass || a.i - b.i);
  const chosen = ranked.slice(0, Math.max(0, MAX_CHOSEN - always.length)).map(({ i }) => i);
  return [...always, ...chosen].sort((a, b) => a - b);
}

function connectedness(
  i: number,
  n: number,
  cost: Float64Array,
): { degreeClass: number; roundTripClass: number } {
  let degree = 0;
  let sum = 0;
  for (let j = 0; j < n; j++) {
    const roundTrip = (cost[i * n + j] ?? Infinity) + (cost[j * n + i] ?? Infinity);
    if (roundTrip === Infinity) continue;
    degree++;
    sum += roundTrip;
  }
  const mean = Math.max(1000, degree === 0 ? Infinity : sum / degree);
  return {
    // Rounded up: a few dead links leave a node in the best class.
    degreeClass: Math.ceil((DEGREE_CLASSES * degree) / (n - 1)),
    roundTripClass: Math.floor(Math.log(mean) / Math.log(ROUND_TRIP_RATIO)),
  };
}
