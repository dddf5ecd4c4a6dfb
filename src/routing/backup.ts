/**
 * Loop-free backups. DESIGN §8.
 *
 * At s, with the next hop h towards t, a relay n (or t itself) may stand in if its own way to t
 *
 *     D(n,t) < D(n,s) + w(s) + D(s,t)      does not come back through s, and preferably
 *     D(n,t) < D(n,h) + w(h) + D(h,t)      does not pass h either: then n needs no repair of its own when h dies
 *
 * (w: what it costs to go through a node.) Both sides of each test contain the same clock offsets, so raw one-way
 * values may be compared. On keys the tests are exact: equal cost over more hops counts as longer.
 */
import type { RelayTable } from "./relay-table.ts";
import type { Ways } from "./ways.ts";

/**
 * Turn the second best ways from s to the nodes first ≤ t < end into backups: the cheapest that avoids the next hop;
 * if there is none, the cheapest that does not come back.
 */
export function chooseBackups(table: RelayTable, s: number, first: number, end: number, ways: Ways): void {
  for (let t = first; t < end; t++) {
    const second = ways.backup[t] ?? -1;
    // Mostly the second best way will do; only where not, all relays are tried.
    if (second < 0 || second === t || mayStandIn(table, s, t, second, ways, true)) continue;
    search(table, s, t, ways, true);
    if (ways.backup[t] === -1) search(table, s, t, ways, false);
  }
}

function search(table: RelayTable, s: number, t: number, ways: Ways, protect: boolean): void {
  const { n, link, relays, weight } = table.graph;
  const direct = ways.next[t] === t ? Infinity : (link[s * n + t] ?? Infinity);
  let spare = direct;
  let backup = direct === Infinity ? -1 : t;
  for (let r = 0; r < relays.length; r++) {
    const relay = relays[r] ?? 0;
    if (relay === s || relay === ways.next[t]) continue;
    const key =
      (link[s * n + relay] ?? Infinity) + (weight[relay] ?? 0) + (table.distance[r * n + t] ?? Infinity);
    if (!(key < spare) || !mayStandIn(table, s, t, relay, ways, protect)) continue;
    spare = key;
    backup = relay;
  }
  ways.spare[t] = spare;
  ways.backup[t] = backup;
}

/** Whether a relay's own way to t keeps away from s, and, to protect, from the next hop. */
function mayStandIn(
  table: RelayTable,
  s: number,
  t: number,
  relay: number,
  ways: Ways,
  protect: boolean,
): boolean {
  const { n, link, weight } = table.graph;
  const { distance, rowOf } = table;
  const row = (rowOf[relay] ?? 0) * n;
  const rest = distance[row + t] ?? Infinity;
  const way = ways.best[t] ?? 0;
  // A node that is no relay is never passed.
  if ((rowOf[s] ?? -1) >= 0 && rest >= (distance[row + s] ?? Infinity) + (weight[s] ?? 0) + way) return false;
  const hop = ways.next[t] ?? -1;
  if (!protect || hop === t) return true;
  return rest < (distance[row + hop] ?? Infinity) + way - (link[s * n + hop] ?? 0);
}
