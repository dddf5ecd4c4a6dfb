/**
 * One neighbour: where it is, whether it can be reached there, how long that takes. DESIGN §6, §7.
 *
 * A state machine without clock, sockets or randomness: events in, actions out. The parts:
 *
 * - {@link EndpointChoice} where to send;           {@link Liveness} whether to send
 * - {@link ProbeSchedule} when to probe;            {@link ProbeWriter} what a probe says, {@link ProbeSender} if
 * - {@link LinkMeasures} what the probes that arrive tell; {@link Directions} which way works; {@link PeerPace} how
 *   often the peer probes
 * - {@link ClockSource} if the peer is the clock parent: exchanges for the mesh clock
 */
import {
  decodeProbe,
  PROBE_FAST_SCHEDULE,
  PROBE_IS_REPLY,
  PROBE_LINK_ACTIVE,
  PROBE_REPLY_WANTED,
  PROBE_SIDE_PATH,
} from "../wire/probe.ts";
import type { Probe } from "../wire/probe.ts";
import { ClockSource } from "./clock-source.ts";
import { Directions } from "./directions.ts";
import { EndpointChoice } from "./endpoint-choice.ts";
import type { EndpointPolicy } from "./endpoint-choice.ts";
import type { LinkAction, LinkEvent, LinkSnapshot, ProbeEvent } from "./link-events.ts";
import { Liveness } from "./liveness.ts";
import { LinkMeasures } from "./measures.ts";
import { PeerPace } from "./peer-pace.ts";
import { ProbeSender } from "./probe-sender.ts";
import { ProbeSchedule } from "./probe-schedule.ts";
import { ProbeWriter } from "./probe-writer.ts";
import { TokenBucket } from "./token-bucket.ts";
import { LINK_TUNING } from "./tuning.ts";
import type { LinkTuning } from "./tuning.ts";
import { CHALLENGE_RESERVE } from "./unproven-budget.ts";
import type { UnprovenBudget } from "./unproven-budget.ts";

export interface LinkOptions extends Omit<EndpointPolicy, "leads"> {
  readonly localNodeId: number;
  readonly remoteNodeId: number;
  /** Own clock epoch: 32 random bits. */
  readonly epoch: number;
  /** Shared by all links of the node. */
  readonly budget: UnprovenBudget;
  /** The peer is the clock parent: "exchange" actions are wanted. */
  readonly clockParent?: boolean;
  /**
   * The last sequence number that a link to the same peer used in this epoch, if there was one: the peer takes lower
   * ones for old. Default 0.
   */
  readonly lastSequence?: number;
  readonly tuning?: Partial<LinkTuning>;
}

const SAMPLE_GAP_US = 1_000_000;

export class LinkCore {
  readonly #options: LinkOptions;
  readonly #tuning: Readonly<LinkTuning>;
  readonly #choice: EndpointChoice;
  readonly #schedule: ProbeSchedule;
  readonly #liveness: Liveness;
  readonly #measures: LinkMeasures;
  readonly #writer: ProbeWriter;
  readonly #sender: ProbeSender;
  readonly #replies: TokenBucket;
  readonly #strangeReplies: TokenBucket;
  readonly #directions: Directions;
  readonly #clock: ClockSource | undefined;
  readonly #pace: PeerPace = new PeerPace();
  #session = false;
  #lastHeardUs: number | undefined;
  #lastUnansweredUs = -Infinity;
  #lastSampleUs = -Infinity;
  #actions: LinkAction[] = [];
  /** An exchange may begin a new epoch, so it comes last: the probes before it are of the present one. */
  #exchange: LinkAction | undefined;
  #random32: () => number = () => 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#tuning = { ...LINK_TUNING, ...options.tuning };
    this.#choice = new EndpointChoice(
      { ...options, leads: options.localNodeId < options.remoteNodeId },
      this.#tuning,
    );
    this.#clock = options.clockParent === true ? new ClockSource(this.#tuning) : undefined;
    this.#schedule = new ProbeSchedule(this.#tuning, this.#clock && this.#tuning.clockIntervalUs);
    this.#directions = new Directions(this.#tuning.unreachableUs);
    this.#liveness = new Liveness(this.#tuning);
    this.#measures = new LinkMeasures(this.#tuning);
    const { epoch, lastSequence } = options;
    this.#writer = new ProbeWriter(this.#measures, epoch, this.#tuning.nonceLifetimeUs, lastSequence);
    this.#sender = new ProbeSender(this.#choice, this.#writer, options.budget, this.#tuning);
    const { repliesPerSecond, replyBurst, strangeRepliesPerSecond, strangeReplyBurst } = this.#tuning;
    this.#replies = new TokenBucket(repliesPerSecond, replyBurst);
    this.#strangeReplies = new TokenBucket(strangeRepliesPerSecond, strangeReplyBurst);
  }

  /** The address that frames, and probes with `to: null`, go to. */
  get endpoint(): string | undefined {
    return this.#choice.endpoint;
  }

  get up(): boolean {
    return this.#liveness.up;
  }

  /** The newest sequence number in use. */
  get sequence(): number {
    return this.#writer.sequence;
  }

  /** Time between probes on an idle link, µs; raised where many neighbours share 50 probes/s. */
  set idleIntervalUs(us: number) {
    this.#schedule.idleIntervalUs = us;
  }

  /** Addresses to which a handshake should go, at most `max`: several as long as none is known to work. */
  handshakeTargets(nowUs: number, max: number): string[] {
    return this.#choice.handshakeTargets(nowUs, max, this.up);
  }

  /**
   * Tell the link something.
   * @param nowUs a clock for timers, which never steps; departures and arrivals are of the mesh clock, which does at
   * the start of an epoch (where there is no such step the two may be one)
   * @param random32 gives 32 fresh random bits at each call; nonces are made of it, so a cryptographic source
   */
  handle(nowUs: number, event: LinkEvent, random32: () => number): LinkAction[] {
    this.#actions = [];
    this.#random32 = random32;
    this.#writer.settle();
    switch (event.type) {
      case "start":
        break;
      case "endpoint":
        if (this.#choice.tell(nowUs, event.address, event.source, this.up)) this.#onMove(nowUs);
        break;
      case "candidate":
        this.#choice.suggest(nowUs, event.address);
        break;
      case "forget-candidates":
        this.#choice.candidates.keepTold(event.keep ?? [], this.endpoint);
        break;
      case "session":
        this.#onSession(nowUs, event.up);
        break;
      case "probe":
        this.#onProbe(nowUs, event);
        break;
      case "authentic":
        if (this.#consider(nowUs, event.from, true)) this.#sendSide(nowUs, event.from, true, 0n, 0);
        break;
      case "traffic":
        this.#measures.sentCount += event.sentCount;
        this.#measures.receivedCount += event.receivedCount;
        if (event.carried && this.#schedule.carried(nowUs) && this.#session) this.#question(nowUs);
        break;
      case "unanswered":
        this.#onUnanswered(nowUs, event.sinceUs);
        break;
      case "epoch":
        this.#writer.beginEpoch(event.epoch);
        this.#measures.beginEpoch();
        this.#clock?.begin(nowUs);
        // Answers to what was asked before cannot be told any more.
        if (this.#liveness.askAgain()) this.#question(nowUs);
        break;
      case "tick":
        this.#judge(nowUs - (event.unreadUs ?? 0), nowUs);
        break;
    }
    const aheadUs = event.type === "tick" ? (event.aheadUs ?? 0) : 0;
    if (this.#session) this.#sendDue(nowUs, aheadUs);
    if (this.#exchange) this.#actions.push(this.#exchange);
    this.#exchange = undefined;
    return this.#actions;
  }

  /** When the next tick is wanted, µs; Infinity when nothing is planned. */
  nextDeadline(): number {
    if (!this.#session) return Infinity;
    return Math.min(
      this.endpoint === undefined ? Infinity : this.#schedule.nextDeadline(),
      this.#liveness.nextDeadline(),
      this.#choice.candidates.nextDeadline(this.endpoint),
    );
  }

  snapshot(nowUs: number): LinkSnapshot {
    const measures = this.#measures;
    return {
      localNodeId: this.#options.localNodeId,
      remoteNodeId: this.#options.remoteNodeId,
      state: this.#liveness.up ? "up" : "down",
      since: this.#liveness.sinceUs,
      deaths: this.#liveness.deaths,
      active: this.#schedule.active(nowUs),
      endpoint: this.endpoint,
      endpointProven: this.#choice.proven,
      candidates: this.#choice.candidates.snapshot(),
      ...measures.delays(),
      lastHeardUs: this.#lastHeardUs,
      // Deaths are found by questions, which are quicker. A probe that is late by itself is none, and a peer that was
      // fast may have become idle meanwhile.
      receiving: this.#directions.receiving(
        nowUs,
        2 * this.#pace.longestInterval(this.#schedule.longestInterval(false)) + measures.lateMarginUs,
      ),
      sendDead: this.#directions.sendDead(nowUs, this.up),
      localEpoch: this.#writer.epoch,
      remoteEpoch: measures.remoteEpoch,
    };
  }

  #onSession(nowUs: number, up: boolean): void {
    if (up === this.#session) return;
    this.#session = up;
    if (up) {
      this.#schedule.start(nowUs + this.#tuning.quickGapUs);
      this.#choice.candidates.hasten(nowUs);
      this.#question(nowUs);
      return;
    }
    this.#schedule.stop();
    this.#writer.sent.clear();
    this.#directions.stopped();
    if (this.#liveness.sessionLost(nowUs)) this.#actions.push({ type: "state", up: false });
  }

  #onUnanswered(nowUs: number, sinceUs: number): void {
    if (!this.#session || nowUs - sinceUs <= this.#tuning.unansweredUs) return;
    if (nowUs - this.#lastUnansweredUs < this.#tuning.unansweredUs) return;
    this.#lastUnansweredUs = nowUs;
    this.#question(nowUs);
  }

  /** Three quick questions; a link that is up must answer one of them. */
  #question(nowUs: number): void {
    if (this.#liveness.suspect()) this.#directions.suspected(nowUs);
    // An address that never answered gets one only: it may belong to somebody else.
    this.#schedule.burst(nowUs, this.#choice.proven || this.up ? this.#tuning.quickCount : 1);
  }

  #onProbe(nowUs: number, event: Readonly<ProbeEvent>): void {
    const { from, bytes, arrivalUs } = event;
    const cameUs = Math.min(event.cameUs ?? nowUs, nowUs);
    const probe = decodeProbe(bytes);
    if (!probe || !this.#session || !this.#choice.acceptable(from)) return;
    const epoch = this.#measures.noteEpoch(nowUs, probe.epoch);
    if (epoch === "stale") return;
    if (epoch === "new") {
      this.#liveness.peerRestarted();
      this.#clock?.begin(nowUs);
    }
    this.#lastHeardUs = cameUs;
    const onPath = (probe.flags & PROBE_SIDE_PATH) === 0;
    if (onPath) this.#onActivePath(nowUs, from, probe, arrivalUs, cameUs);
    if (probe.echoedNonce !== 0n) this.#onEcho(nowUs, from, probe, arrivalUs);
    this.#onReport(nowUs, from, probe, arrivalUs, cameUs);
    const ask = this.#consider(nowUs, from, onPath);
    if ((probe.flags & PROBE_REPLY_WANTED) !== 0 && probe.nonce !== 0n && this.#mayReply(nowUs, from)) {
      if (from === this.endpoint) this.#sendActive(nowUs, PROBE_IS_REPLY, probe.nonce, 0);
      else this.#sendSide(nowUs, from, ask, probe.nonce, 0);
    } else if (ask) {
      this.#sendSide(nowUs, from, true, 0n, 0);
    }
    if (nowUs - this.#lastSampleUs >= SAMPLE_GAP_US) {
      this.#lastSampleUs = nowUs;
      this.#actions.push({ type: "sample" });
    }
  }

  #mayReply(nowUs: number, to: string): boolean {
    const known = to === this.endpoint || this.#choice.candidates.get(to)?.proven === true;
    return (known || this.#strangeReplies.take(nowUs)) && this.#replies.take(nowUs);
  }

  #onActivePath(nowUs: number, from: string, probe: Probe, arrivalUs: number, cameUs: number): void {
    this.#directions.heard(cameUs);
    this.#measures.onIncoming(cameUs, from, from === this.endpoint, probe, arrivalUs);
    this.#schedule.heardActivity(nowUs, (probe.flags & PROBE_LINK_ACTIVE) !== 0);
    if (this.#schedule.active(nowUs)) this.#schedule.hasten(nowUs, this.#random32());
    if ((probe.flags & PROBE_IS_REPLY) !== 0) return;
    this.#pace.heard(cameUs, (probe.flags & PROBE_FAST_SCHEDULE) !== 0);
    if (this.up) this.#liveness.expectBy(this.#lateUs(cameUs));
  }

  #onEcho(nowUs: number, from: string, probe: Probe, arrivalUs: number): void {
    const echoed = this.#writer.sent.takeEchoed(probe.echoedNonce, nowUs);
    if (!echoed) return;
    // Only what comes back from where the nonce went proves the address.
    const { departureUs } = echoed;
    const rttUs = Math.max(0, arrivalUs - departureUs);
    if (from === echoed.to && this.#choice.echoed(nowUs, from, this.up, rttUs)) this.#onProof(nowUs);
    if (echoed.to !== this.endpoint) return;
    this.#measures.onEcho(nowUs, departureUs, arrivalUs);
    const inFlight = Math.ceil((this.#measures.rtt.working ?? 0) / this.#tuning.activeIntervalUs);
    if (this.#liveness.answered(nowUs, this.#lateUs(nowUs), inFlight)) this.#onRise(nowUs);
    // Where many neighbours share the idle probes, a recovery would end for want of answers.
    else if (!this.up && this.#schedule.idleIntervalUs > this.#tuning.idleIntervalUs)
      this.#schedule.hasten(nowUs, this.#random32());
  }

  /** The peer says what it heard. If it hears us no more, our direction may be cut: ask. */
  #onReport(nowUs: number, from: string, probe: Probe, arrivalUs: number, cameUs: number): void {
    const writer = this.#writer;
    const measures = this.#measures;
    const same = probe.heardEpoch === writer.epoch && probe.heardSequence > 0;
    if (same) measures.onReport(nowUs, probe, writer.sent, writer.firstSequence);
    if (same && this.#clock) this.#closeExchange(from, probe, arrivalUs);
    if (!this.up || this.#liveness.suspected) return;
    if (nowUs - this.#liveness.calmedUs < this.#tuning.unansweredUs) return;
    const heard = same ? probe.heardSequence : writer.firstSequence - 1;
    const sinceUs = same ? -Infinity : measures.remoteEpochSinceUs;
    const unheard = writer.sent.firstAfter(heard, writer.sequence, this.endpoint, sinceUs);
    if (unheard && cameUs - unheard.decidedUs > measures.patienceUs) this.#question(nowUs);
  }

  /** Both ways of an exchange must be the active path's, or the clock would take one for the other. */
  #closeExchange(from: string, probe: Probe, arrivalUs: number): void {
    if ((probe.flags & PROBE_SIDE_PATH) !== 0 || from !== this.endpoint || !this.#clock) return;
    const heard = this.#writer.sent.bySequence(probe.heardSequence);
    if (heard?.to !== from) return;
    this.#exchange = { type: "exchange", ...this.#clock.close(probe, heard.departureUs, arrivalUs) };
  }

  /** The peer was authentic from somewhere. True when that address should be challenged now. */
  #consider(nowUs: number, from: string, roaming: boolean): boolean {
    if (!this.#session || from === this.endpoint) return false;
    const result = this.#choice.consider(nowUs, from, roaming, this.up);
    if (result === "moved") this.#onProof(nowUs);
    return result === "ask";
  }

  /** The endpoint moved to an address that has just been proven, so it also answers. */
  #onProof(nowUs: number): void {
    this.#onMove(nowUs);
    if (this.#liveness.pathProven(nowUs, this.#lateUs(nowUs))) this.#onRise(nowUs);
  }

  #onRise(nowUs: number): void {
    this.#directions.rose();
    this.#measures.loss.linkRose();
    this.#clock?.begin(nowUs);
    this.#actions.push({ type: "state", up: true });
  }

  #onMove(nowUs: number): void {
    const address = this.endpoint;
    if (address === undefined) return;
    this.#measures.sendingMoved();
    this.#actions.push({ type: "endpoint", address, proven: this.#choice.proven });
    if (!this.#session) return;
    // The old path's good state says nothing about this one, and the peer should hear from here at once.
    this.#schedule.start(nowUs + this.#tuning.quickGapUs);
    this.#question(nowUs);
  }

  /** @param readUs what came before that has been handed in */
  #judge(readUs: number, nowUs: number): void {
    if (!this.#session) return;
    const verdict = this.#liveness.judge(readUs);
    if (verdict === "suspect") {
      this.#question(nowUs);
    } else if (verdict === "dead") {
      this.#choice.died(nowUs);
      this.#directions.died();
      this.#actions.push({ type: "state", up: false });
    }
  }

  #sendDue(nowUs: number, aheadUs: number): void {
    if (this.endpoint !== undefined) {
      if (this.#schedule.takeQuick(nowUs)) {
        this.#sendActive(nowUs, PROBE_REPLY_WANTED, 0n, 0);
        if (this.#schedule.quickLeft === 0) this.#liveness.questionsSent(nowUs, this.#measures.patienceUs);
      }
      if (this.#schedule.takeRegular(nowUs, this.#fast(nowUs), this.#random32(), aheadUs)) {
        const ask = this.#schedule.takeReplyTurn(nowUs) || !this.up || this.#clock !== undefined;
        this.#sendActive(nowUs, ask ? PROBE_REPLY_WANTED : 0, 0n, CHALLENGE_RESERVE);
        if (ask) this.#liveness.asked();
      }
    }
    for (const candidate of this.#choice.candidates.due(nowUs, this.endpoint)) {
      // A pinned link has no use for other addresses.
      if (this.#choice.pinned) candidate.nextProbeUs = Infinity;
      else this.#sendSide(nowUs, candidate.address, true, 0n, CHALLENGE_RESERVE);
    }
  }

  #sendSide(nowUs: number, to: string, ask: boolean, echoedNonce: bigint, reserve: number): void {
    const works = this.up && this.#choice.proven;
    const action = this.#sender.side(nowUs, to, ask, echoedNonce, reserve, works, this.#random32);
    if (!action) return;
    if (ask) this.#directions.tried(nowUs);
    this.#actions.push(action);
  }

  #sendActive(nowUs: number, flags: number, echoedNonce: bigint, reserve: number): void {
    const fast = this.#fast(nowUs);
    let all = flags;
    if (this.#schedule.locallyActive(nowUs)) all |= PROBE_LINK_ACTIVE;
    if (fast) all |= PROBE_FAST_SCHEDULE;
    const action = this.#sender.active(nowUs, all, echoedNonce, reserve, this.#random32);
    if (!action) return;
    if (fast) this.#schedule.hasten(nowUs, this.#random32());
    this.#directions.tried(nowUs);
    this.#actions.push(action);
  }

  #fast(nowUs: number): boolean {
    const hurried = this.up && this.#clock?.hurried(nowUs) === true;
    return hurried || this.#schedule.active(nowUs) || this.#liveness.recovering(nowUs);
  }

  /** When the peer's next scheduled probe is late, after one of them at `fromUs`. */
  #lateUs(fromUs: number): number {
    const own = this.#schedule.longestInterval(this.#pace.fast);
    return fromUs + (this.#pace.fast ? own : this.#pace.longestInterval(own)) + this.#measures.lateMarginUs;
  }
}
