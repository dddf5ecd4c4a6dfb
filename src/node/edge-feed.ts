/**
 * What one connected edge has been told, so that the supernode tells it the rest: members with generations, the own row
 * as a snapshot first and as deltas from then on.
 */
import { MESSAGE_LIMIT, SNAPSHOT_LIMIT } from "../control/messages.ts";
import type { Member, Members, ToldPlaces } from "../control/messages.ts";
import type { EdgeConnection } from "../control/super-server.ts";
import type { Coordinator } from "../routing/coordinator.ts";
import type { MemberBook } from "./member-book.ts";

/** Of a message, for what it says besides members; bytes. */
const ENVELOPE = 1024;
/** Of members more is said only while less than this waits for the edge, bytes: all of them may be many megabytes. */
const ROOM = 256 * 1024;
/** A list in portions goes again at most so often, ms, to an edge that asks for it all the time. */
const PORTIONS_EVERY_MS = 30_000;

/** What it needs of an edge's connection. */
export type FedConnection = Pick<EdgeConnection, "nodeId" | "send" | "queued">;

export class EdgeFeed<Connection extends FedConnection = EdgeConnection> {
  readonly connection: Connection;
  /** What it said of its own addresses, and nobody was told yet. */
  places: ToldPlaces | undefined;
  readonly #book: MemberBook;
  readonly #coordinator: Coordinator;
  #generation = 0;
  /** Members of whom it is to be told, as they are when their turn comes. */
  readonly #untold: Set<number> = new Set();
  /** All members are being told in portions. */
  #list: "begins" | "goes on" | undefined;
  /** When that began last. */
  #listMs = -Infinity;
  /** All members are to be told again, and why. */
  #repeat: "asked" | "switched" | undefined;
  /** The row that it has. */
  #row: { incarnation: number; counter: number } | undefined;

  constructor(connection: Connection, book: MemberBook, coordinator: Coordinator) {
    this.connection = connection;
    this.#book = book;
    this.#coordinator = coordinator;
  }

  /** `nowMs`: monotonic. */
  sendAllMembers(nowMs: number): void {
    const { nodeId } = this.connection;
    this.#list = this.#repeat = undefined;
    this.#tellOf(this.#book.nodeIds);
    const set = this.#take(SNAPSHOT_LIMIT - ENVELOPE);
    if (this.#untold.size === 0) {
      const whole = this.#book.message(nodeId, this.#generation++, true, [], []);
      this.connection.send({ ...whole, set });
      return;
    }
    this.#tellOf(set.map((member) => member.nodeId));
    this.#list = "begins";
    this.#listMs = nowMs;
    this.sendMore();
  }

  sendMembers(changed: readonly number[], removed: readonly number[]): void {
    const { nodeId } = this.connection;
    for (const id of removed) this.#untold.delete(id);
    // Removed first: a member whose key has changed is in both lists.
    if (removed.some((id) => id !== nodeId)) {
      this.connection.send(this.#book.message(nodeId, this.#generation++, false, [], removed));
    }
    this.#tellOf(changed);
    this.sendMore();
  }

  /** The edge has read what was sent: says what is left to be said of members. */
  sendMore(): void {
    while (this.connection.queued < ROOM) {
      const set = this.#take(MESSAGE_LIMIT - ENVELOPE);
      const part = this.#nextPart();
      if (set.length === 0 && part === undefined) return;
      const message = this.#book.message(this.connection.nodeId, this.#generation++, false, [], []);
      if (!this.connection.send({ ...message, set, ...(part !== undefined && { part }) })) return;
    }
  }

  /** The edge asks for its whole row. */
  forgetRow(): void {
    this.#row = undefined;
  }

  /**
   * The edge has missed what was said of members: `repeatMembers` says it all again. Not while it is being said: what
   * it lacks is coming, and if not it asks again.
   */
  forgetMembers(): void {
    if (this.#list !== "goes on") this.#repeat ??= "asked";
  }

  /** It is to know something else of the others than it was told. */
  switchMembers(): void {
    this.#repeat = "switched";
  }

  /** Members are many, so whoever asks for them often gets them as often as this is called, or once in 30 s. */
  repeatMembers(nowMs: number): void {
    if (this.#repeat === undefined) return;
    if (this.#repeat === "asked" && nowMs - this.#listMs < PORTIONS_EVERY_MS) return;
    this.sendAllMembers(nowMs);
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

  #tellOf(nodeIds: Iterable<number>): void {
    for (const id of nodeIds) this.#untold.add(id);
  }

  /** As many of those whom it is to be told of as fit. */
  #take(bytes: number): Member[] {
    const set: Member[] = [];
    let room = bytes;
    for (const id of this.#untold) {
      const member = this.#book.member(this.connection.nodeId, id);
      if (member !== undefined) {
        room -= Buffer.byteLength(JSON.stringify(member)) + 1;
        if (room < 0) break;
        set.push(member);
      }
      this.#untold.delete(id);
    }
    return set;
  }

  #nextPart(): Members["part"] {
    if (this.#list === undefined) return undefined;
    const part = this.#list === "begins" ? "first" : this.#untold.size > 0 ? "more" : "last";
    this.#list = part === "last" ? undefined : "goes on";
    return part;
  }
}
