/**
 * What a member may ask of its supernode, over all its connections: whoever connects anew goes on with what is left.
 * DESIGN §13.
 */
import { TokenBucket } from "../link/token-bucket.ts";
import { MESSAGE_LIMIT } from "./messages.ts";
import type { EdgeMessage } from "./messages.ts";

/** Messages: so many a second, and so many at once (the first reports of a large network). */
const MESSAGES_PER_SECOND = 100;
const MESSAGE_BURST = 500;
/** A member that comes is told of all others, and all others of it. */
const HELLOS_PER_SECOND = 1;
const HELLO_BURST = 5;
/** Entries of a report that are as much work as a message. */
const ENTRIES_PER_MESSAGE = 64;
/** The same of those whom it cannot send to: every report names all of them, mostly as the one before. */
const DEAD_PER_MESSAGE = 1024;
/** Members remembered: all that may be connected, and as many that were. */
const MAX_MEMBERS = 8192;

export class Allowance {
  readonly #hellos = new TokenBucket(HELLOS_PER_SECOND, HELLO_BURST);
  readonly #messages = new TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);

  /** Whether it may come in. */
  hello(nowUs: number): boolean {
    return this.#hellos.take(nowUs);
  }

  /** Whether bytes may be read as a message; a snapshot counts as the messages that would be as long. */
  bytes(nowUs: number, length: number): boolean {
    return this.#messages.take(nowUs, 0, Math.ceil(length / MESSAGE_LIMIT));
  }

  /** Whether what was read may be done: short entries cost as much as long ones. */
  message(nowUs: number, message: EdgeMessage): boolean {
    if (message.type !== "report") return true;
    const { links, gone, dead } = message.report;
    const entries = (links.length + gone.length) / ENTRIES_PER_MESSAGE;
    return this.#messages.take(nowUs, 0, entries + dead.length / DEAD_PER_MESSAGE);
  }
}

/** By NodeID. Those who came longest ago are forgotten first; a connection that is open keeps what it has. */
export class Allowances {
  readonly #byNode = new Map<number, Allowance>();

  of(nodeId: number): Allowance {
    const allowance = this.#byNode.get(nodeId) ?? new Allowance();
    this.#byNode.delete(nodeId);
    this.#byNode.set(nodeId, allowance);
    if (this.#byNode.size > MAX_MEMBERS) this.#byNode.delete(this.#byNode.keys().next().value!);
    return allowance;
  }
}
