/**
 * What one connected edge has been told, so that the supernode tells it the rest: members with generations, the own row
 * as a snapshot first and as deltas from then on.
 */
import type { EdgeConnection } from "../control/super-server.ts";
import type { Coordinator } from "../routing/coordinator.ts";
import type { MemberBook } from "./member-book.ts";

export class EdgeFeed {
  readonly connection: EdgeConnection;
  readonly #book: MemberBook;
  readonly #coordinator: Coordinator;
  #generation = 0;
  /** The row that it has. */
  #row: { incarnation: number; counter: number } | undefined;

  constructor(connection: EdgeConnection, book: MemberBook, coordinator: Coordinator) {
    this.connection = connection;
    this.#book = book;
    this.#coordinator = coordinator;
  }

  sendAllMembers(): void {
    const { nodeId } = this.connection;
    this.connection.send(this.#book.message(nodeId, this.#generation++, true, this.#book.nodeIds, []));
  }

  sendMembers(changed: readonly number[], removed: readonly number[]): void {
    const { nodeId } = this.connection;
    // Removed first: a member whose key has changed is in both lists.
    if (removed.some((id) => id !== nodeId)) {
      this.connection.send(this.#book.message(nodeId, this.#generation++, false, [], removed));
    }
    if (changed.some((id) => id !== nodeId)) {
      this.connection.send(this.#book.message(nodeId, this.#generation++, false, changed, []));
    }
  }

  /** The edge asks for its whole row. */
  forgetRow(): void {
    this.#row = undefined;
  }

  /** What has changed of its row, or all of it. */
  sendRow(): void {
    const { nodeId } = this.connection;
    const known = this.#coordinator.rowVersion(nodeId);
    if (this.#row?.incarnation === known.incarnation && this.#row.counter === known.counter) return;
    const next =
      this.#row === undefined ? this.#coordinator.row(nodeId) : this.#coordinator.delta(nodeId, this.#row);
    const { incarnation, counter } = next;
    const sent =
      "entries" in next
        ? this.connection.send({ type: "row", row: next })
        : this.connection.send({ type: "row-delta", delta: next });
    if (sent) this.#row = { incarnation, counter };
  }
}
