/**
 * An edge's own row of the next-hop table as its supernode last said it, as the data plane wants it. Without a row, and
 * for members that the row does not name, links that are up are the way.
 */
import { applyDelta } from "../routing/row-delta.ts";
import type { Row, RowDelta } from "../routing/types.ts";
import type { RouteEntry } from "../dataplane/members.ts";

export class RowKeeper {
  #row: Row | undefined;

  get row(): Row | undefined {
    return this.#row;
  }

  /** Incarnation of the supernode whose ways these are; undefined: there are none. */
  get issuer(): number | undefined {
    return this.#row === undefined || this.#row.entries.length === 0 ? undefined : this.#row.incarnation;
  }

  take(row: Row): void {
    this.#row = row;
  }

  /** False when the delta does not follow from what is here: the row is to be fetched anew. */
  change(delta: RowDelta): boolean {
    if (this.#row === undefined) return false;
    const next = applyDelta(this.#row, delta);
    if (next === undefined) return false;
    this.#row = next;
    return true;
  }

  /** Routes to current members only: one that was removed takes its routes along. */
  routes(isMember: (nodeId: number) => boolean): RouteEntry[] {
    const routes: RouteEntry[] = [];
    for (const { destination, nextHop, backup, hops, size } of this.#row?.entries ?? []) {
      if (!isMember(destination) || !isMember(nextHop)) continue;
      const usable = backup !== null && isMember(backup) ? { backup } : {};
      routes.push({ destination, nextHop, hops, size, ...usable });
    }
    return routes;
  }
}
