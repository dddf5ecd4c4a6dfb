/**
 * When to probe the active path: five a second while either end carries traffic, else one, each interval ± 20 %;
 * three quick ones after idleness, a miss or a change of address. DESIGN §7.
 *
 * A frame now and then is no traffic: each broadcast crosses every link of its sender, and a large mesh always has one.
 */
import type { LinkTuning } from "./tuning.ts";

export class ProbeSchedule {
  readonly #tuning: Readonly<LinkTuning>;
  readonly #slowestUs: number;
  #idleIntervalUs: number;
  #regularUs = Infinity;
  #quickUs = Infinity;
  #quickLeft = 0;
  #sinceReply = 0;
  #lastReplyTurnUs = -Infinity;
  /** The last three times at which frames were carried, apart from each other. */
  #lastCarriedUs = -Infinity;
  #carriedBeforeUs = -Infinity;
  #carriedFirstUs = -Infinity;
  #lastBusyUs = -Infinity;
  #remoteActiveUntilUs = -Infinity;

  /** `slowestUs`: the own probes are never further apart on average, whatever the peer does. */
  constructor(tuning: Readonly<LinkTuning>, slowestUs: number = Infinity) {
    this.#tuning = tuning;
    this.#slowestUs = slowestUs;
    this.#idleIntervalUs = tuning.idleIntervalUs;
  }

  /** Share of 50 probes/s among many neighbours, set by the caller. */
  set idleIntervalUs(us: number) {
    this.#idleIntervalUs = us;
  }

  get idleIntervalUs(): number {
    return this.#idleIntervalUs;
  }

  /** Nothing can be sent: no session or no endpoint. */
  stop(): void {
    this.#regularUs = this.#quickUs = Infinity;
    this.#quickLeft = 0;
  }

  /** The next scheduled probe is due then. */
  start(atUs: number): void {
    this.#regularUs = atUs;
  }

  /** Frames were carried. True when the link was idle before. */
  carried(nowUs: number): boolean {
    const { activeForUs, burstUs, activeWithinUs } = this.#tuning;
    const sinceUs = nowUs - this.#lastCarriedUs;
    if (sinceUs >= burstUs) {
      this.#carriedFirstUs = this.#carriedBeforeUs;
      this.#carriedBeforeUs = this.#lastCarriedUs;
      this.#lastCarriedUs = nowUs;
    }
    if (nowUs - this.#carriedFirstUs < activeWithinUs) this.#lastBusyUs = nowUs;
    return sinceUs >= activeForUs;
  }

  /** Did this node carry traffic on the link lately? */
  locallyActive(nowUs: number): boolean {
    return nowUs - this.#lastBusyUs < this.#tuning.activeForUs;
  }

  /** The peer said whether it carries frames on the link. */
  heardActivity(nowUs: number, active: boolean): void {
    this.#remoteActiveUntilUs = active ? nowUs + this.#tuning.remoteActiveForUs : -Infinity;
  }

  /** Does either end carry traffic? */
  active(nowUs: number): boolean {
    return this.locallyActive(nowUs) || nowUs < this.#remoteActiveUntilUs;
  }

  /** A row of quick probes from now on. A row that is under way is not prolonged. */
  burst(nowUs: number, count: number = this.#tuning.quickCount): void {
    if (this.#quickLeft > 0) return;
    this.#quickLeft = count;
    this.#quickUs = nowUs;
  }

  /** Quick probes still to come. */
  get quickLeft(): number {
    return this.#quickLeft;
  }

  /** True when a quick probe is due; it counts as sent. */
  takeQuick(nowUs: number): boolean {
    if (this.#quickLeft === 0 || nowUs < this.#quickUs) return false;
    this.#quickLeft--;
    this.#quickUs = this.#quickLeft > 0 ? nowUs + this.#tuning.quickGapUs : Infinity;
    return true;
  }

  /**
   * True when a scheduled probe is due; it counts as sent and the next one is put on the calendar.
   * @param aheadUs it may leave so much earlier
   */
  takeRegular(nowUs: number, fast: boolean, random: number, aheadUs: number = 0): boolean {
    if (nowUs + aheadUs < this.#regularUs) return false;
    this.#regularUs = nowUs + this.#interval(fast, random);
    return true;
  }

  /** Bring the next scheduled probe forward to what the fast rate allows. */
  hasten(nowUs: number, random: number): void {
    if (this.#regularUs === Infinity) return;
    this.#regularUs = Math.min(this.#regularUs, nowUs + this.#interval(true, random));
  }

  /** One scheduled probe in five asks for a reply, and each one where they are far apart: round trips grow old. */
  takeReplyTurn(nowUs: number): boolean {
    this.#sinceReply = (this.#sinceReply + 1) % this.#tuning.replyEvery;
    const asks = this.#sinceReply === 1 || nowUs - this.#lastReplyTurnUs >= this.#tuning.replyWithinUs;
    if (asks) this.#lastReplyTurnUs = nowUs;
    return asks;
  }

  /** How long after one scheduled probe of the peer the next may take, µs. */
  longestInterval(fast: boolean): number {
    return (fast ? this.#tuning.activeIntervalUs : this.#idleIntervalUs) * (1 + this.#tuning.intervalSpread);
  }

  nextDeadline(): number {
    return Math.min(this.#regularUs, this.#quickUs);
  }

  /** @param random 32 random bits */
  #interval(fast: boolean, random: number): number {
    const idleUs = Math.min(this.#idleIntervalUs, this.#slowestUs);
    const middle = fast ? this.#tuning.activeIntervalUs : idleUs;
    return middle * (1 + this.#tuning.intervalSpread * (random / 0x80000000 - 1));
  }
}
