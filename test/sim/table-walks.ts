/** Packets through sets of tables as they stand, without time: where does each one go? */
import { LINK_DEAD, LINK_UP } from "../../src/dataplane/members.ts";
import { RowKeeper } from "../../src/node/row-keeper.ts";
import type { Coordinator } from "../../src/routing/coordinator.ts";
import type { Row } from "../../src/routing/types.ts";
import { Forwarding } from "./forwarding.ts";
import type { ForwardingNode } from "./forwarding.ts";
import { smallActivity, smallMembers } from "./tables.ts";

export interface Walk {
  visited: number[];
  /** "arrived", "lost" at a dead link or node, or why a node dropped it. */
  end: string;
  looped: boolean;
}

/** Tables need no time, but limits per second do: each step is a millisecond after the one before. */
const forwarding = new Forwarding();
let stepUs = 0;

/** Nodes with tables, and who can send to whom. */
export class Walker {
  readonly #nodes = new Map<number, ForwardingNode>();
  readonly #works: (from: number, to: number) => boolean;

  /** @param works whether a link carries anything; every node knows of its own */
  constructor(
    ids: readonly number[],
    rowOf: (nodeId: number) => Row,
    works: (from: number, to: number) => boolean,
  ) {
    this.#works = works;
    const size = Math.max(...ids) + 1;
    for (const nodeId of ids) {
      const members = smallMembers(size, ids);
      const keeper = new RowKeeper();
      keeper.take(rowOf(nodeId));
      members.setRoutes(
        keeper.routes(() => true),
        new Uint16Array(0),
      );
      for (const peer of ids) members.linkState[peer] = works(nodeId, peer) ? LINK_UP : LINK_DEAD;
      this.#nodes.set(nodeId, { nodeId, relay: "auto", members, activity: smallActivity(size) });
    }
  }

  walk(from: number, to: number): Walk {
    const visited = [from];
    let node = this.#node(from);
    const start = forwarding.originate(node, to);
    if (!start) return { visited, end: "noRoute", looped: false };
    const { header } = start;
    let { next } = start;
    let looped = false;
    for (;;) {
      if (!this.#works(node.nodeId, next)) return { visited, end: "lost", looped };
      looped ||= visited.includes(next);
      visited.push(next);
      if (next === to) return { visited, end: "arrived", looped };
      node = this.#node(next);
      const forwarded = forwarding.relay((stepUs += 1000), node, header);
      if ("dropped" in forwarded) return { visited, end: forwarded.dropped, looped };
      next = forwarded.next;
    }
  }

  /** From everybody to everybody of these. */
  walks(ids: readonly number[]): Walk[] {
    return ids.flatMap((from) => ids.flatMap((to) => (from === to ? [] : [this.walk(from, to)])));
  }

  #node(nodeId: number): ForwardingNode {
    const node = this.#nodes.get(nodeId);
    if (!node) throw new Error(`no node ${nodeId}`);
    return node;
  }
}

/** Everybody's row, by NodeID. */
export function rowsOf(coordinator: Coordinator, ids: readonly number[]): Map<number, Row> {
  return new Map(ids.map((id) => [id, coordinator.row(id)]));
}

/** What rows say, in one string; versions left out. */
export function fingerprint(coordinator: Coordinator, ids: readonly number[]): string {
  const relays = coordinator.nodes().filter(({ isRelay }) => isRelay);
  return `${relays.map(({ nodeId }) => nodeId).join()} ${ids.map((id) => coordinator.row(id).hash).join()}`;
}

/** Where next hops do not form trees, or costs do not add up, as text; empty = all is well. */
export function faultsOf(rows: ReadonlyMap<number, Row>): string[] {
  const faults: string[] = [];
  const next = new Map<number, Map<number, number>>();
  for (const [id, row] of rows)
    next.set(id, new Map(row.entries.map((entry) => [entry.destination, entry.nextHop])));
  for (const [from, row] of rows) {
    for (const { destination, nextHop, backup, hops } of row.entries) {
      if (backup === nextHop) faults.push(`${from}>${destination}: the backup is the next hop`);
      const way = [from];
      for (let at = from; at !== destination && way.length <= rows.size;) {
        const hop = next.get(at)?.get(destination);
        if (hop === undefined) break;
        way.push((at = hop));
      }
      if (way.at(-1) !== destination) faults.push(`${from}>${destination}: ends at ${way.join()}`);
      if (new Set(way).size !== way.length) faults.push(`${from}>${destination}: loops ${way.join()}`);
      if (hops < way.length - 1) faults.push(`${from}>${destination}: ${hops} hops for ${way.join()}`);
    }
  }
  return faults;
}
