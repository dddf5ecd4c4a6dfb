/** The static next-hop table of a file: source → destination → next hop. */

import type { Path, Problems } from "./problems.ts";

export type NextHopTable = Map<number, Map<number, number>>;

/**
 * Checks the table and completes it: without a row of one's own, every peer is its own next hop.
 * `peers` are the NodeIDs of the file's peers.
 */
export function buildNextHopTable(
  raw: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined,
  ownId: number,
  peers: readonly number[],
  problems: Problems,
): NextHopTable {
  const table: NextHopTable = new Map();
  for (const [source, rawRow] of Object.entries(raw ?? {})) {
    const row = new Map<number, number>();
    for (const [destination, next] of Object.entries(rawRow ?? {})) {
      if (source === destination || next === undefined) continue;
      row.set(Number(destination), next);
      const fault = nextHopFault(Number(source), next, ownId, peers);
      if (fault !== undefined) problems.at(["nextHopTable", source, destination], fault);
    }
    table.set(Number(source), row);
  }
  const own = table.get(ownId);
  if (own === undefined) {
    if (table.size > 0) {
      problems.warn(["nextHopTable"], `no row for the own NodeID ${ownId}; every peer is its own next hop`);
    }
    table.set(ownId, new Map(peers.map((peer) => [peer, peer])));
  } else {
    for (const destination of own.keys()) {
      const loop = findLoop(table, ownId, destination);
      if (loop !== undefined) {
        const path = ["nextHopTable", String(ownId), String(destination)];
        problems.at(path, loopFault(loop, destination));
      }
    }
  }
  return table;
}

/**
 * The table of a whole network, for a supernode that is told not to compute one: every member needs a way to every
 * other one. `members` are the NodeIDs of the file's peers.
 */
export function buildFullTable(
  raw: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined,
  members: readonly number[],
  problems: Problems,
): NextHopTable {
  const table: NextHopTable = new Map();
  const known = new Set(members);
  const check = (id: number, path: Path): void => {
    if (!known.has(id)) problems.at(path, `node ${id} is not among the peers, expected one of them`);
  };
  for (const [source, rawRow] of Object.entries(raw ?? {})) {
    if (rawRow === undefined) continue;
    const from = Number(source);
    check(from, ["nextHopTable", source]);
    const row = new Map<number, number>();
    for (const [destination, next] of Object.entries(rawRow)) {
      if (source === destination || next === undefined) continue;
      const path = ["nextHopTable", source, destination];
      check(Number(destination), path);
      if (next === from) problems.at(path, ownHop(next));
      else check(next, path);
      row.set(Number(destination), next);
    }
    table.set(from, row);
  }
  for (const from of members) {
    const row = raw?.[from];
    // What is there and undefined was refused before.
    if (row === undefined && raw !== undefined && from in raw) continue;
    const missing = members.filter((to) => to !== from && !(to in (row ?? {})));
    if (missing.length > 0) {
      const path = ["nextHopTable", String(from)];
      problems.at(
        path,
        `node ${from} has no next hop for ${missing.join(", ")}, expected one for every peer`,
      );
    }
    for (const to of table.get(from)?.keys() ?? []) {
      const loop = findLoop(table, from, to);
      // Every node of a loop, and every node before it, finds the same one; a node and itself was reported above.
      if (loop === undefined || loop.length === 2 || loop.at(-1) !== from || Math.min(...loop) !== from)
        continue;
      problems.at(["nextHopTable", String(from), String(to)], loopFault(loop, to));
    }
  }
  return table;
}

const ownHop = (next: number): string =>
  `next hop ${next} is the row's own node, expected one of its neighbours`;

const loopFault = (loop: readonly number[], destination: number): string =>
  `the route loops (${loop.join(" → ")}), expected one that ends at ${destination}`;

function nextHopFault(
  source: number,
  next: number,
  ownId: number,
  peers: readonly number[],
): string | undefined {
  if (next === source) return ownHop(next);
  if (source === ownId && !peers.includes(next)) {
    const known = peers.length === 0 ? "there are no peers" : `expected one of ${peers.join(", ")}`;
    return `next hop ${next} is not among the peers, ${known}`;
  }
  return undefined;
}

/** Follows the table as far as the file knows it; the nodes passed if one comes twice. */
function findLoop(table: NextHopTable, source: number, destination: number): number[] | undefined {
  const passed = [source];
  for (let at = source; at !== destination;) {
    const next = table.get(at)?.get(destination);
    if (next === undefined) return undefined;
    passed.push(next);
    if (passed.indexOf(next) < passed.length - 1) return passed;
    at = next;
  }
  return undefined;
}

/** Whether any route of or through this node passes a relay. */
export function usesRelays(table: NextHopTable): boolean {
  for (const row of table.values()) {
    for (const [destination, next] of row) if (destination !== next) return true;
  }
  return false;
}
