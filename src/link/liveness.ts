/**
 * Whether frames may be sent on a link. DESIGN §7.
 *
 * ```
 *          first echo, or 2 s × 2^(deaths−1) of echoes with loss below 30 %
 *   down ---------------------------------------------------------------> up, calm
 *     ^                                                                    |    ^
 *     | no echo within RTT + 4·jitter of the last           a probe late   |    | an echo
 *     | of three questions 50 ms apart                      or unanswered  v    |
 *     +------------------------------------------------------------------ up, suspected
 * ```
 */
import type { LinkTuning } from "./tuning.ts";

/** What {@link Liveness.judge} found. */
export type Verdict = "none" | "suspect" | "dead";

export class Liveness {
  readonly #tuning: Readonly<LinkTuning>;
  #up = false;
  #deaths = 0;
  #sinceUs = 0;
  /** The next echo is enough: the link was never up, or what died was the process behind it. */
  #trusting = true;
  #suspected = false;
  #lateUs = Infinity;
  #verdictUs = Infinity;
  #excused = false;
  #calmedUs = -Infinity;
  #recoveringFromUs: number | undefined;
  #asked = 0;
  #answered = 0;
  #lastAnswerUs = -Infinity;

  constructor(tuning: Readonly<LinkTuning>) {
    this.#tuning = tuning;
  }

  get up(): boolean {
    return this.#up;
  }

  get suspected(): boolean {
    return this.#suspected;
  }

  /** Deaths not forgotten yet. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Since when the present state holds, µs. */
  get sinceUs(): number {
    return this.#sinceUs;
  }

  /** Is a dead link being watched for recovery, so that probing fast is worth while? */
  recovering(nowUs: number): boolean {
    return !this.#up && nowUs - this.#lastAnswerUs < this.#tuning.idleIntervalUs;
  }

  /** When the last suspicion was cleared, µs. */
  get calmedUs(): number {
    return this.#calmedUs;
  }

  /** The peer's next scheduled probe must be here by then. */
  expectBy(us: number): void {
    this.#lateUs = us;
  }

  /** Begin a suspicion; the caller sends three quick questions. False when there is one, or nothing to suspect. */
  suspect(): boolean {
    if (!this.#up || this.#suspected) return false;
    this.#suspected = true;
    this.#excused = false;
    this.#verdictUs = Infinity;
    return true;
  }

  /** The questions of a suspicion are void: it waits for new ones. False when there is none. */
  askAgain(): boolean {
    if (this.#suspected) this.#verdictUs = Infinity;
    return this.#suspected;
  }

  /** The last of the quick questions is out: an answer must come within `patienceUs`. */
  questionsSent(nowUs: number, patienceUs: number): void {
    if (this.#suspected) this.#verdictUs = nowUs + patienceUs;
  }

  /** While down: a question was asked on the active path. */
  asked(): void {
    if (this.#recoveringFromUs !== undefined) this.#asked++;
  }

  /**
   * Something sent lately on the active path was answered.
   * @param nextLateUs when to become suspicious again unless a probe arrives
   * @param inFlight questions that are too young to be answered; they do not count as lost
   * @returns true when the link comes up by this
   */
  answered(nowUs: number, nextLateUs: number, inFlight = 0): boolean {
    this.#lastAnswerUs = nowUs;
    if (this.#up) {
      if (this.#suspected) {
        this.#suspected = false;
        this.#verdictUs = Infinity;
        this.#calmedUs = nowUs;
        this.#lateUs = Math.max(nextLateUs, this.#lateUs === Infinity ? nextLateUs : this.#lateUs);
      }
      return false;
    }
    if (this.#trusting) return this.#rise(nowUs, nextLateUs);
    if (this.#recoveringFromUs === undefined) {
      this.#recoveringFromUs = nowUs;
      this.#asked = this.#answered = 0;
      return false;
    }
    this.#answered++;
    if (nowUs - this.#recoveringFromUs < this.recoveryUs) return false;
    const loss = 1 - this.#answered / Math.max(1, this.#asked - inFlight, this.#answered);
    if (loss < this.#tuning.recoveryLoss) return this.#rise(nowUs, nextLateUs);
    this.#recoveringFromUs = undefined;
    return false;
  }

  /** How long a dead link must do well before it is used again, µs. */
  get recoveryUs(): number {
    const doubled = this.#tuning.recoveryUs * 2 ** Math.max(0, this.#deaths - 1);
    return Math.min(this.#tuning.recoveryMaxUs, doubled);
  }

  /** Another address was proven and is the endpoint now: this path has no bad past. True when the link comes up. */
  pathProven(nowUs: number, nextLateUs: number): boolean {
    this.#suspected = false;
    this.#verdictUs = Infinity;
    this.#lastAnswerUs = nowUs;
    return this.#up ? false : this.#rise(nowUs, nextLateUs);
  }

  /** The peer began a new clock epoch: what died was a process, and the next echo is enough. */
  peerRestarted(): void {
    this.#trusting = true;
  }

  /** There is no session any more. True when the link goes down by this. */
  sessionLost(nowUs: number): boolean {
    const wasUp = this.#up;
    this.#fall(nowUs);
    this.#trusting = true;
    return wasUp;
  }

  /** Look at the clock. */
  judge(nowUs: number): Verdict {
    if (!this.#up) {
      // A gap in the answers ends an attempt to recover.
      if (nowUs - this.#lastAnswerUs > 2 * this.#tuning.idleIntervalUs) this.#recoveringFromUs = undefined;
      return "none";
    }
    if (!this.#suspected) return nowUs >= this.#lateUs ? "suspect" : "none";
    if (nowUs < this.#verdictUs) return "none";
    if (nowUs - this.#verdictUs > this.#tuning.ownStallUs && !this.#excused) {
      // This process slept through the deadline, and answers may lie unread in its socket: ask once more.
      this.#suspected = false;
      this.suspect();
      this.#excused = true;
      return "suspect";
    }
    const aliveUs = nowUs - this.#sinceUs;
    this.#deaths = Math.max(0, this.#deaths - Math.floor(aliveUs / this.#tuning.forgetDeathUs)) + 1;
    this.#fall(nowUs);
    this.#trusting = false;
    return "dead";
  }

  nextDeadline(): number {
    if (!this.#up) return Infinity;
    return this.#suspected ? this.#verdictUs : this.#lateUs;
  }

  #rise(nowUs: number, nextLateUs: number): boolean {
    this.#up = true;
    this.#trusting = false;
    this.#sinceUs = nowUs;
    this.#suspected = false;
    this.#verdictUs = Infinity;
    this.#lateUs = nextLateUs;
    return true;
  }

  #fall(nowUs: number): void {
    if (this.#up) this.#sinceUs = nowUs;
    this.#up = this.#suspected = false;
    this.#lateUs = this.#verdictUs = Infinity;
    this.#recoveringFromUs = undefined;
  }
}
