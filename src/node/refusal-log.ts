/**
 * What a supernode refuses, in its log. Reports: each kind of each member at once, its repetitions as a number once a
 * minute, so that no member can fill the log.
 */
import { encodeKey } from "../config/key-text.ts";
import type { Refusal as RefusedConnection } from "../control/super-server.ts";
import type { Accusation } from "../routing/coordinator.ts";
import type { RefusalReason } from "../routing/refusals.ts";
import type { Logger } from "./log.ts";
import { Repetitions } from "./repetitions.ts";

/** Kinds within a minute; more than these are counted in status only. */
const MAX_KINDS = 1000;

/** What is wrong about a link that was taken in; the others are refused with the report. */
const FINDINGS: Partial<Record<RefusalReason, string>> = {
  dishonest: "its delays or round trips contradict those that others measure: no hop for others",
  disputed:
    "its delays and round trips and the other end's contradict each other: neither is a hop for others by the other",
  narrow: "less fits the link than an IP packet of 1280 bytes: no hop for others",
  implausible: "its delay is far from what all other clocks say: no hop for others",
  "negative-cycle": "of all delays, the one between the two makes a way back in time: no hop for others",
  unconfirmed: "of a link between the two, one receives over it and the other gets no answer: not used",
};

export interface LastRefusal {
  code: string;
  text: string;
  from: string;
  /** Wall clock, ms. */
  atMs: number;
}

export class RefusalLog {
  readonly #log: Pick<Logger, "warn">;
  readonly #reports: Repetitions;
  #last: LastRefusal | undefined;

  constructor(log: Pick<Logger, "warn">) {
    this.#log = log;
    this.#reports = new Repetitions(log, MAX_KINDS);
  }

  /** The last connection that was refused. */
  get last(): LastRefusal | undefined {
    return this.#last;
  }

  /**
   * A connection, or (of one that is open) a message; the control server tells of no more than a few a second.
   * @param atMs wall clock, for people
   */
  connection({ code, text, from, pubKey, nodeId }: RefusedConnection, atMs: number): void {
    this.#last = { code, text, from, atMs };
    const who = nodeId !== undefined ? { node: nodeId } : pubKey !== undefined && { key: encodeKey(pubKey) };
    const what = nodeId === undefined ? "connection" : "message";
    this.#log.warn({ from, code, ...who }, `${what} refused: ${text}`);
  }

  /** A report of a member, or links of it. `nowMs`: monotonic. */
  report({ nodeId, reason, peer }: Accusation, nowMs: number, times = 1): void {
    const finding = FINDINGS[reason];
    const text = `report refused: ${reason}${finding === undefined ? "" : ` (${finding})`}`;
    // What was found is told once for each link; what is refused comes as often as the member likes.
    const kind = finding === undefined ? `${nodeId} ${reason}` : `${nodeId} ${reason} ${peer}`;
    const fields = { node: nodeId, ...(peer !== undefined && { peer }) };
    this.#reports.tell(kind, fields, text, nowMs, times);
  }

  /** A message for a member was too long to be sent. */
  unsent(nodeId: number, type: string, nowMs: number): void {
    const text = `message not sent: ${type} is too long`;
    this.#reports.tell(`${nodeId} unsent ${type}`, { node: nodeId }, text, nowMs);
  }

  /** To be called every second or so: tells how often what was told a minute ago has come since. */
  repeat(nowMs: number): void {
    this.#reports.repeat(nowMs);
  }
}
