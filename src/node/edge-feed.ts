/**
 * What one connected edge has been told, so that the supernode tells it the rest: members with generations, the own row
 * as a snapshot first and as deltas from then on.
 */
import { MESSAGE_LIMIT, type Member, type ToldPlaces } from "../control/messages.ts";
import type { EdgeConnection } from "../control/super-server.ts";
import type { Coordinator } from "../routing/coordinator.ts";
import type { MemberBook } from "./member-book.ts";

/** Of a message, for what it says besides members; bytes. */
const ENVELOPE = 1024;

/** What it needs of an edge's connection. */
export type FedConnection = Pick<EdgeConnection, "nodeId" | "send">;

export class EdgeFeed<Connection extends FedConnection = EdgeConnection> {
  readonly connection: Connection;
  /** What it said of its own addresses, and nobody was told yet. */
  places: ToldPlaces | undefined;
  readonly #book: MemberBook;
  readonly #coordinator: Coordinator;
  #generation = 0;
  /** All members are to be told again. */
  #repeat = false;
  /** The row that it has. */
  #row: { incarnation: number; counter: number } | undefined;

  constructor(connection: Connection, book: MemberBook, coordinator: Coordinator) {
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
    const { set, ...envelope } = this.#book.message(nodeId, 0, false, changed, []);
    for (const portion of portions(set)) {
      this.connection.send({ ...envelope, generation: this.#generation++, set: portion });
    }
  }

  /** The edge asks for its whole row. */
  forgetRow(): void {
    this.#row = undefined;
  }

  /** The edge has missed what was said of members: the next `repeatMembers` says it all again. */
  forgetMembers(): void {
    this.#repeat = true;
  }

  /** Members are many, so whoever asks for them often gets them once a second. */
  repeatMembers(): void {
    if (!this.#repeat) return;
    this.#repeat = false;
    this.sendAllMembers();
  }

  /** What has changed of its row, or all of it. */
  sendRow(): void {
    const { nodeId } = this.connection;
    const known = this.#coordinator.rowVersion(nodeId);
    if (this.#row?.incarnation === known.incarnation && this.#row.counter === known.counter) return;
    const next =
      this.#row === undefined ? this.#coordinator.row(nodeId) : this.#coordinator.delta(nodeId, this.#row);
    const { incarnation, counter } = next;
    // A delta may be too long for a message, a whole row is not.
    const sent =
      (!("entries" in next) && this.connection.send({ type: "row-delta", delta: next })) ||
      this.connection.send({ type: "row", row: "entries" in next ? next : this.#coordinator.row(nodeId) });
    if (sent) this.#row = { incarnation, counter };
  }
}

/** As many members together as fit a message. */
function portions(members: readonly Member[]): Member[][] {
  const all: Member[][] = [];
  let room = 0;
  for (const member of members) {
    const size = Buffer.byteLength(JSON.stringify(member)) + 1;
    if (size > room) {
      all.push([]);
      room = MESSAGE_LIMIT - ENVELOPE;
    }
    all.at(-1)?.push(member);
    room -= size;
  }
  return all;
}
