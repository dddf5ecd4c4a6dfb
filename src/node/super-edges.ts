/**
 * The edges that are connected to a supernode: what they say goes into the member book and the coordinator, and what
 * changes there is told to them, gathered for a few milliseconds.
 */
import type { EdgeMessage, Hello, Welcome } from "../control/messages.ts";
import type { EdgeConnection } from "../control/super-server.ts";
import type { Coordinator } from "../routing/coordinator.ts";
import { EdgeFeed } from "./edge-feed.ts";
import type { Logger } from "./log.ts";
import type { MemberBook } from "./member-book.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { RestartGrace } from "./restart-grace.ts";

/** Changes that come within this time are told together, ms … */
const GATHER_MS = 5;
/** … or within this for each connected edge since the last time: a change may concern the rows of all of them … */
const GATHER_EDGE_MS = 1;
/** … or within so many times what it took the last time: nobody can keep the supernode busy with changes. */
const GATHER_SHARE = 4;
const VERIFY_EVERY_MS = 60_000;
/** Paths in an answer to `why`, the best ones: a message has 64 KiB. */
const MAX_CANDIDATES = 100;

export interface SuperEdgesParts {
  readonly book: MemberBook;
  readonly coordinator: Coordinator;
  readonly grace: RestartGrace;
  readonly refusals: RefusalLog;
  readonly log: Logger;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** What every edge is greeted with. */
  readonly welcome: () => Omit<Welcome, "type" | "observed">;
}

export class SuperEdges {
  readonly #parts: SuperEdgesParts;
  readonly #feeds: Map<number, EdgeFeed> = new Map();
  #gather: NodeJS.Timeout | undefined;
  #verifiedMs: number;
  #toldMs = -Infinity;
  #tellTookMs = 0;
  #stopped = false;

  constructor(parts: SuperEdgesParts) {
    this.#parts = parts;
    this.#verifiedMs = parts.now();
  }

  /** Edges connected now. */
  get count(): number {
    return this.#feeds.size;
  }

  /** One was let in; it replaces an older connection of the same node. */
  arrived(connection: EdgeConnection): void {
    const { book, coordinator, grace, log, now } = this.#parts;
    const { nodeId, hello, remoteAddress, transport } = connection;
    const welcome = this.#parts.welcome();
    if (hello.rowOf !== undefined && hello.rowOf !== welcome.incarnation) grace.foundRow(now(), nodeId);
    const feed = new EdgeFeed(connection, book, coordinator);
    connection.onMessage = (message) => this.#onMessage(feed, message);
    connection.onClose = (reason) => this.#onClose(feed, reason);
    connection.onDrain = () => feed.sendMore();
    this.#feeds.set(nodeId, feed);
    log.info({ node: nodeId, from: remoteAddress, transport }, "edge connected");
    book.arrived(nodeId, hello);
    coordinator.setMembers(book.policies());
    coordinator.setPresence(this.#nowUs(), nodeId, true, hello.incarnation);
    const observed = book.observedOf(nodeId);
    connection.send({ type: "welcome", ...welcome, ...(observed !== undefined && { observed }) });
    feed.sendAllMembers(now());
    this.tellSoon();
  }

  /** The supernode's UDP socket sees this edge somewhere: everybody is told. */
  observed(nodeId: number, address: string): void {
    const { book } = this.#parts;
    if (!book.setObserved(nodeId, address)) return;
    // It tells the other supernodes.
    const known = book.observedOf(nodeId);
    if (known !== undefined) this.#feeds.get(nodeId)?.connection.send({ type: "observed", address: known });
    this.tellSoon();
  }

  /** The node is no member any more. */
  cutOff(nodeId: number): void {
    this.#feeds.get(nodeId)?.connection.close("removed", "removed from the supernode's file");
  }

  /** What this edge is told of the others is not what it was. */
  repeatMembers(nodeId: number): void {
    this.#feeds.get(nodeId)?.switchMembers();
  }

  /** Something has changed that edges are to hear of. */
  tellSoon(): void {
    if (this.#stopped || this.#gather !== undefined) return;
    const nextMs =
      this.#toldMs + Math.max(GATHER_EDGE_MS * this.#feeds.size, GATHER_SHARE * this.#tellTookMs);
    this.#gather = setTimeout(() => this.tell(), Math.max(GATHER_MS, nextMs - this.#parts.now()));
  }

  /** Tells every edge what has changed for it. */
  tell(): void {
    clearTimeout(this.#gather);
    this.#gather = undefined;
    const began = this.#parts.now();
    this.#tellAll();
    this.#toldMs = this.#parts.now();
    this.#tellTookMs = this.#toldMs - began;
  }

  #tellAll(): void {
    const { book, coordinator, grace, refusals, now } = this.#parts;
    const { changed, removed } = book.takeChanges();
    if (changed.length > 0 || removed.length > 0) {
      for (const feed of this.#feeds.values()) feed.sendMembers(changed, removed);
    }
    coordinator.compute();
    for (const accusation of coordinator.takeAccusations()) refusals.report(accusation, now());
    if (!grace.check(now(), () => book.nodeIds)) return;
    for (const feed of this.#feeds.values()) feed.sendRow();
  }

  /** Call once a second. @param reportTimeoutMs what an absent edge said is forgotten after that */
  tick(reportTimeoutMs: number): void {
    this.#parts.coordinator.expire(this.#nowUs(), reportTimeoutMs * 1000);
    for (const feed of this.#feeds.values()) {
      feed.repeatMembers(this.#parts.now());
      this.#noteEndpoints(feed);
    }
    this.tell();
    this.#verify();
    this.#parts.refusals.repeat(this.#parts.now());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#gather);
  }

  /** The tables, just computed, against ones made from scratch; where they differ, the latter are told. */
  #verify(): void {
    const { coordinator, log, now } = this.#parts;
    if (now() - this.#verifiedMs < VERIFY_EVERY_MS) return;
    this.#verifiedMs = now();
    if (coordinator.verify()) return;
    log.error("tables were not what they are when computed from scratch: mended");
    this.tell();
  }

  #noteEndpoints(feed: EdgeFeed): void {
    if (feed.places === undefined) return;
    this.#parts.book.setPlaces(feed.connection.nodeId, feed.places);
    feed.places = undefined;
  }

  #onClose(feed: EdgeFeed, reason: string): void {
    const { book, coordinator, log } = this.#parts;
    const { nodeId } = feed.connection;
    if (this.#feeds.get(nodeId) !== feed) return;
    this.#feeds.delete(nodeId);
    log.info({ node: nodeId }, `edge gone: ${reason}`);
    book.left(nodeId);
    coordinator.setPresence(this.#nowUs(), nodeId, false);
    this.tellSoon();
  }

  #onMessage(feed: EdgeFeed, message: Exclude<EdgeMessage, Hello>): void {
    const { coordinator, grace, refusals, now } = this.#parts;
    const { nodeId } = feed.connection;
    if (this.#feeds.get(nodeId) !== feed) return;
    switch (message.type) {
      case "report": {
        const { accepted, refused } = coordinator.report(this.#nowUs(), nodeId, message.report);
        refusals.reports(nodeId, refused, now());
        if (accepted) grace.reported(now(), nodeId, message.report.links);
        return this.tellSoon();
      }
      case "endpoints":
        // Everybody is told of them, so once a second is often enough.
        feed.places = message;
        return;
      case "row-request":
        feed.forgetRow();
        feed.forgetMembers();
        return this.tellSoon();
      case "ask":
        feed.connection.send({
          type: "answer",
          id: message.id,
          body: coordinator.candidates(nodeId, message.to).slice(0, MAX_CANDIDATES),
        });
        return;
      default:
        return;
    }
  }

  #nowUs(): number {
    return this.#parts.now() * 1000;
  }
}
