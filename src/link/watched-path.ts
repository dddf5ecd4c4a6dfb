/**
 * One relayed path, from here through a next hop to a destination: is it passable, how long does it take. DESIGN §7.
 *
 * ```
 *             3 questions in a row unanswered             hold over
 *   passable --------------------------------> held, 10 s ----------> tried
 *      ^                                        ^  × 2 each, ≤ 60 s     |
 *      |            an answer                   |   3 unanswered        |
 *      +----------------------------------------+-----------------------+
 * ```
 *
 * A path that is held or tried is not used. Links cannot see this: each of them may be well while a relay in between
 * drops what it should forward.
 */
import type { PathProbe } from "../wire/path-probe.ts";
import { readPathProbeSent } from "../wire/path-probe.ts";
import { DelayEstimator } from "./delay-estimator.ts";

/** Between questions, each ± 20 %. */
const INTERVAL_US = 1_000_000;
const SPREAD = 0.2;
/** The first question after idleness comes within this. */
const FIRST_US = 300_000;
/** A question not answered by then counts as missed; an answer that comes later still ends a row of misses. */
const ANSWER_US = 1_000_000;
const MISSES = 3;
const HOLD_US = 10_000_000;
const HOLD_MAX_US = 60_000_000;
/** Passable for so long: its past is forgotten. */
const FORGET_US = 60_000_000;
/** A path that carried nothing for so long is not asked about. */
const IN_USE_US = 10_000_000;
/** Questions remembered: a second apart, so answers up to four seconds late are known. */
const REMEMBERED = 4;

interface Question {
  readonly sequence: number;
  readonly nonce: bigint;
  readonly epoch: number;
  readonly payload: Uint8Array;
  /** When it counts as missed, µs; Infinity when it has been counted. */
  dueUs: number;
}

export class WatchedPath {
  readonly destination: number;
  readonly nextHop: number;
  /** PATH_PRIMARY or PATH_BACKUP. */
  path: number;
  down = false;
  /** Times in a row that it was held. */
  deaths = 0;
  lastUseUs: number;
  lastAnswerUs: number | undefined;
  remoteEpoch: number | undefined;
  readonly owdOut: DelayEstimator = new DelayEstimator();
  readonly owdBack: DelayEstimator = new DelayEstimator();
  readonly rtt: DelayEstimator = new DelayEstimator();
  #sequence = 0;
  #missed = 0;
  #passableSinceUs: number;
  #nextUs: number;
  #questions: Question[] = [];

  /** @param random 32 random bits */
  constructor(nowUs: number, destination: number, nextHop: number, path: number, random: number) {
    this.destination = destination;
    this.nextHop = nextHop;
    this.path = path;
    this.lastUseUs = nowUs;
    this.#passableSinceUs = nowUs;
    this.#nextUs = nowUs + (FIRST_US * random) / 2 ** 32;
  }

  /** It carried traffic. Misses from before a time of idleness say nothing. */
  used(nowUs: number, path: number, random: number): void {
    this.path = path;
    if (!this.down && !this.#inUse(nowUs)) {
      this.#missed = 0;
      this.#questions = [];
      this.#nextUs = nowUs + (FIRST_US * random) / 2 ** 32;
    }
    this.lastUseUs = nowUs;
  }

  /** Whether nothing would be lost by forgetting it. */
  isIdle(nowUs: number): boolean {
    return !this.down && nowUs - this.lastUseUs > (this.deaths === 0 ? IN_USE_US : FORGET_US);
  }

  /** This process was held up: answers may lie unread, so nothing counts as missed before `untilUs`. */
  excuse(untilUs: number): void {
    for (const question of this.#questions) {
      if (question.dueUs < untilUs) question.dueUs = untilUs;
    }
  }

  /**
   * The link to the next hop does not work, so that nothing sent there says anything about the rest of the path: looked
   * at again in a second.
   */
  suspend(nowUs: number): void {
    this.#missed = 0;
    this.#questions = [];
    this.#nextUs = Math.min(this.#nextUs, nowUs + INTERVAL_US);
  }

  /** Count what was missed. True when the path goes down by this. */
  judge(nowUs: number): boolean {
    for (const question of this.#questions) {
      if (nowUs < question.dueUs) continue;
      question.dueUs = Infinity;
      this.#missed++;
    }
    if (this.#missed < MISSES) return false;
    this.#missed = 0;
    for (const question of this.#questions) question.dueUs = Infinity;
    if (!this.down && nowUs - this.#passableSinceUs >= FORGET_US) this.deaths = 0;
    this.deaths++;
    this.#nextUs = nowUs + Math.min(HOLD_MAX_US, HOLD_US * 2 ** (this.deaths - 1));
    const fell = !this.down;
    this.down = true;
    return fell;
  }

  /** True when a question is due; the next one is put on the calendar. */
  takeQuestion(nowUs: number, random: number): boolean {
    if (nowUs < this.#nextUs || !(this.down || this.#inUse(nowUs))) return false;
    this.#nextUs = nowUs + INTERVAL_US * (1 + SPREAD * (random / 0x80000000 - 1));
    return true;
  }

  /** The sequence number for a new question. */
  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /** A question goes out; its departure is read from `payload` later. */
  asked(nowUs: number, sequence: number, nonce: bigint, epoch: number, payload: Uint8Array): void {
    if (this.#questions.length === REMEMBERED) this.#questions.shift();
    this.#questions.push({ sequence, nonce, epoch, payload, dueUs: nowUs + ANSWER_US });
  }

  /**
   * A reply came from the destination.
   * @param epoch the present epoch of the own clock
   * @returns undefined when nothing of the kind was asked; else whether the path is passable again by this
   */
  answered(nowUs: number, reply: PathProbe, arrivalUs: number, epoch: number): boolean | undefined {
    const at = this.#questions.findIndex((question) => question.nonce === reply.nonce);
    const question = this.#questions[at];
    if (question?.sequence !== reply.sequence) return undefined;
    this.#questions.splice(at, 1);
    this.#missed = 0;
    this.lastAnswerUs = nowUs;
    if (question.epoch === epoch) this.#measure(nowUs, readPathProbeSent(question.payload), reply, arrivalUs);
    if (!this.down) return false;
    this.down = false;
    this.#passableSinceUs = nowUs;
    this.#nextUs = Math.min(this.#nextUs, nowUs + INTERVAL_US);
    return true;
  }

  /** Either clock began a new epoch. */
  forgetDelays(): void {
    this.owdOut.reset();
    this.owdBack.reset();
    this.rtt.reset();
  }

  nextDeadline(nowUs: number): number {
    let next = this.down || this.#inUse(nowUs) ? this.#nextUs : Infinity;
    for (const question of this.#questions) next = Math.min(next, question.dueUs);
    return next;
  }

  #measure(nowUs: number, departureUs: number, reply: PathProbe, arrivalUs: number): void {
    if (reply.farEpoch !== this.remoteEpoch) {
      this.remoteEpoch = reply.farEpoch;
      this.forgetDelays();
    }
    this.owdOut.add(nowUs, reply.arrivalUs - departureUs);
    // The far end answers at once, so its arrival is its departure too.
    this.owdBack.add(nowUs, arrivalUs - reply.arrivalUs);
    if (arrivalUs >= departureUs) this.rtt.add(nowUs, arrivalUs - departureUs);
  }

  #inUse(nowUs: number): boolean {
    return nowUs - this.lastUseUs <= IN_USE_US;
  }
}
