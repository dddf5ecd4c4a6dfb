/**
 * What a supernode refuses, in its log: each kind of each member or stranger at once, its repetitions as a number once
 * a minute, so that nobody can fill the log. Strangers have less room and none of the members'.
 */
import { encodeKey } from "../config/key-text.ts";
import { sourcePrefix } from "../control/admission.ts";
import type { Refusal as RefusedConnection } from "../control/super-server.ts";
import type { Accusation } from "../routing/coordinator.ts";
import type { Refusal, RefusalReason } from "../routing/refusals.ts";
import type { Logger } from "./log.ts";
import { Repetitions } from "./repetitions.ts";

/** Kinds within a minute; more than these are counted in status only. */
const MAX_KINDS = 1000;
const MAX_STRANGERS = 200;
/** Keys of one source prefix with one code; who comes with yet another one is told of without it. */
const MAX_KEYS_OF_PREFIX = 8;
/** Links of one member with one finding; the others are told of without their other end. */
const MAX_LINKS_OF_MEMBER = 64;
/** The same of one report. */
const MAX_LINKS_OF_REPORT = 16;
/** How long the last refusal stays in `status` whatever is only repeated, and a member's whatever strangers do. */
const KEPT_MS = 60_000;

/** What is wrong about a link that was taken in; the others are refused with the report. */
const FINDINGS: Partial<Record<RefusalReason, string>> = {
  dishonest: "its delays or round trips contradict those that others measure: no hop for others",
  disputed:
    "its delays and round trips and the other end's contradict each other: neither is a hop for others by the other",
  narrow: "less fits the link than an IP packet of 552 bytes: no hop for others",
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

/** Refused connections and messages of one side, members or strangers. */
class Side {
  readonly told: Repetitions;
  last: LastRefusal | undefined;
  /** Monotonic, ms. */
  lastMs = -Infinity;
  #lastKind: string | undefined;

  constructor(log: Pick<Logger, "warn">, maxKinds: number) {
    this.told = new Repetitions(log, maxKinds);
  }

  note(kind: string, who: Record<string, unknown>, what: string, refusal: LastRefusal, nowMs: number): void {
    const { code, text, from } = refusal;
    const isNew = this.told.tell(kind, { from, code, ...who }, `${what} refused: ${text}`, nowMs);
    const isOld = nowMs - this.lastMs >= KEPT_MS;
    // What is said over and over must not hide what was said once.
    if (!isNew && !isOld && kind !== this.#lastKind) return;
    this.last = refusal;
    this.lastMs = nowMs;
    this.#lastKind = kind;
  }
}

export class RefusalLog {
  readonly #reports: Repetitions;
  readonly #members: Side;
  readonly #strangers: Side;

  constructor(log: Pick<Logger, "warn">) {
    this.#reports = new Repetitions(log, MAX_KINDS);
    this.#members = new Side(log, MAX_KINDS);
    this.#strangers = new Side(log, MAX_STRANGERS);
  }

  /** The connection or message that was refused last. */
  get last(): LastRefusal | undefined {
    const [member, stranger] = [this.#members, this.#strangers];
    if (member.last === undefined || stranger.last === undefined) return member.last ?? stranger.last;
    return stranger.lastMs - member.lastMs < KEPT_MS ? member.last : stranger.last;
  }

  /**
   * A connection, or (of one that is open) a message.
   * @param member whose key was proven
   * @param atMs wall clock, for people
   * @param nowMs monotonic
   */
  connection(refused: RefusedConnection, member: number | undefined, atMs: number, nowMs: number): void {
    const { code, text, from, pubKey, nodeId } = refused;
    const what = nodeId === undefined ? "connection" : "message";
    const last = { code, text, from, atMs };
    if (member !== undefined) {
      this.#members.note(`${member} ${what} ${code}`, { node: member }, what, last, nowMs);
      return;
    }
    const kind = `${sourcePrefix(from.replace(/:\d+$/, "").replaceAll(/[[\]]/g, ""))} ${code} `;
    const key = pubKey === undefined ? "" : encodeKey(pubKey);
    const isOneOfMany =
      key === "" ||
      (!this.#strangers.told.has(kind + key) && this.#strangers.told.count(kind) >= MAX_KEYS_OF_PREFIX);
    this.#strangers.note(isOneOfMany ? kind : kind + key, isOneOfMany ? {} : { key }, what, last, nowMs);
  }

  /** A report of a member, or links of it; there may be thousands. `nowMs`: monotonic. */
  reports(nodeId: number, refused: readonly Refusal[], nowMs: number): void {
    const counts = new Map<string, [Refusal, number]>();
    let links = 0;
    for (const refusal of refused) {
      const { reason, peer } = refusal;
      const isNamed = FINDINGS[reason] !== undefined && links < MAX_LINKS_OF_REPORT;
      const key = isNamed ? `${reason} ${peer}` : reason;
      const count = counts.get(key);
      if (count !== undefined) count[1]++;
      else counts.set(key, [FINDINGS[reason] === undefined || isNamed ? refusal : { reason }, 1]);
      if (isNamed) links++;
    }
    for (const [refusal, times] of counts.values()) this.report({ nodeId, ...refusal }, nowMs, times);
  }

  report({ nodeId, reason, peer }: Accusation, nowMs: number, times = 1): void {
    const finding = FINDINGS[reason];
    const text = `report refused: ${reason}${finding === undefined ? "" : ` (${finding})`}`;
    const kind = `${nodeId} ${reason}`;
    const tell = (ownKind: string, link: { peer?: number }): boolean =>
      this.#reports.tell(ownKind, { node: nodeId, ...link }, text, nowMs, times);
    const link = peer === undefined ? {} : { peer };
    // What is refused comes as often as the member likes; what was found is told once for each link, of so many.
    if (finding === undefined) tell(kind, link);
    else if (peer === undefined || this.#hasManyLinks(kind, peer)) tell(kind, {});
    else tell(`${kind} ${peer}`, link);
  }

  #hasManyLinks(kind: string, peer: number): boolean {
    return !this.#reports.has(`${kind} ${peer}`) && this.#reports.count(`${kind} `) >= MAX_LINKS_OF_MEMBER;
  }

  /** A message for a member was too long to be sent. */
  unsent(nodeId: number, type: string, nowMs: number): void {
    const text = `message not sent: ${type} is too long`;
    this.#reports.tell(`${nodeId} unsent ${type}`, { node: nodeId }, text, nowMs);
  }

  /** To be called every second or so: tells how often what was told a minute ago has come since. */
  repeat(nowMs: number): void {
    for (const told of [this.#reports, this.#members.told, this.#strangers.told]) told.repeat(nowMs);
  }
}
