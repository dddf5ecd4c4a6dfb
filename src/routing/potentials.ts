/**
 * Where each clock stands, roughly. DESIGN §7, §8.
 *
 * measured(i→j) = true(i→j) + offset(j) − offset(i). With potentials p ≈ offset, measured(i→j) − p(j) + p(i) is a small
 * number, whatever the clocks say, and no comparison of two paths with the same ends changes (Johnson 1977). The
 * kernel computes with these, so that its integers stay exact when clocks lie years apart.
 *
 * Clocks are compared along the tree of the shortest round trips, half of a round trip to each direction. For very
 * asymmetric links that is far off; where it matters, `feasible` moves the clocks until no link is faster than nothing.
 */

/** Enough for paths of so many links; what is still open then is a measurement error. */
const MAX_ROUNDS = 32;
/** For a link known in one direction only: taken when there is nothing better. */
const ONE_WAY_ONLY = 2 ** 52;

/**
 * Integers, one per node, a pure function of the costs.
 * @param cost of the link i→j at i·n + j, µs; Infinity = none
 */
export function potentials(n: number, cost: Float64Array): Float64Array {
  const potential = new Float64Array(n);
  const nearest = new Float64Array(n).fill(Infinity);
  const pending = Array.from({ length: n }, (_, i) => i);
  while (pending.length > 0) {
    let best = 0;
    for (let i = 1; i < pending.length; i++) {
      if ((nearest[pending[i] ?? 0] ?? 0) < (nearest[pending[best] ?? 0] ?? 0)) best = i;
    }
    const u = pending[best] ?? 0;
    pending.splice(best, 1);
    for (const v of pending) {
      const there = cost[u * n + v] ?? Infinity;
      const back = cost[v * n + u] ?? Infinity;
      if (there === Infinity && back === Infinity) continue;
      const bothWays = there + back;
      const distance = bothWays === Infinity ? ONE_WAY_ONLY : bothWays;
      if (distance >= (nearest[v] ?? 0)) continue;
      nearest[v] = distance;
      const difference = there === Infinity ? -back : back === Infinity ? there : (there - back) / 2;
      potential[v] = (potential[u] ?? 0) + Math.trunc(difference);
    }
  }
  return potential;
}

/**
 * The potentials nearest to these, roughly, under which every link takes at least no time: p(j) − p(i) ≤ cost(i→j).
 * A latency set by hand, which knows of no clocks, gets p(j) − p(i) added before it meets measured ones; so it can
 * never make a cycle that costs less than nothing.
 */
export function feasible(potential: Float64Array, cost: Float64Array): Float64Array {
  const n = potential.length;
  const lowered = potential.slice();
  const raised = potential.slice();
  for (let round = 0, open = true; open && round < MAX_ROUNDS; round++) {
    open = false;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const link = cost[i * n + j] ?? Infinity;
        if (link === Infinity) continue;
        const most = (lowered[i] ?? 0) + link;
        const least = (raised[j] ?? 0) - link;
        if (most < (lowered[j] ?? 0)) [lowered[j], open] = [most, true];
        if (least > (raised[i] ?? 0)) [raised[i], open] = [least, true];
      }
    }
  }
  // Both satisfy the condition, hence the middle does; rounded all one way, it still does.
  return lowered.map((low, i) => Math.floor((low + (raised[i] ?? 0)) / 2));
}
