/** The own row of a next-hop table, as the data plane wants it. */
import type { RouteEntry } from "../dataplane/members.ts";
import { floodSet } from "../switch/flood-set.ts";

export type NextHopTable = ReadonlyMap<number, ReadonlyMap<number, number>>;

export interface StaticRoutes {
  readonly routes: RouteEntry[];
  readonly floodSet: number[];
  /** Every NodeID that the table or the peer list names. */
  readonly members: number[];
}

/** `table` is source → destination → next hop; other rows than the own one serve to count hops only. */
export function staticRoutes(table: NextHopTable, ownNodeId: number, peers: Iterable<number>): StaticRoutes {
  const row = table.get(ownNodeId) ?? new Map<number, number>();
  const routes = [...row].map(([destination, nextHop]) => ({
    destination,
    nextHop,
    hops: countHops(table, ownNodeId, destination),
  }));
  const members = new Set<number>([ownNodeId, ...peers, ...row.keys(), ...row.values()]);
  return { routes, floodSet: [...floodSet(row.keys(), ownNodeId)], members: [...members] };
}

/** Links from `from` to `to` along the table; 0 when a row is missing or the table goes in circles. */
function countHops(table: NextHopTable, from: number, to: number): number {
  let at = from;
  for (let hops = 1; hops <= table.size + 1; hops++) {
    const next = table.get(at)?.get(to);
    if (next === undefined) return 0;
    if (next === to) return hops;
    at = next;
  }
  return 0;
}
