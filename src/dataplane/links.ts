/**
 * The neighbours' links: feeds each {@link LinkCore} with what the engine saw and carries out what it wants. The cores
 * decide; this file stamps times, seals probes, moves endpoints and tells the main thread.
 */
import type { LinkAction, LinkEvent } from "../link/link-events.ts";
import { LinkCore } from "../link/link-core.ts";
import { LINK_TUNING } from "../link/tuning.ts";
import { UnprovenBudget } from "../link/unproven-budget.ts";
import { PROBE_BYTES, PROBE_REPLY_WANTED, stampProbeSent } from "../wire/probe.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { KIND_PROBE, PACKED_ADDRESS, RECEIVE_SLOTS } from "./descriptors.ts";
import type { ForwardMeter } from "./forward-meter.ts";
import { LinkMtus } from "./link-mtus.ts";
import { linkReport, linkSample } from "./link-reports.ts";
import { LINK_DEAD, LINK_UP } from "./members.ts";
import type { FromWorker, LinkReport, NeighbourSetup, WorkerSetup } from "./messages.ts";
import { Neighbour } from "./neighbour.ts";
import type { PlaneClock } from "./plane-clock.ts";
import { PATIENCE_US } from "./reading-lag.ts";
import type { PlaneState } from "./state.ts";
import { overlayTest, packedOf, textOf } from "./underlay.ts";

/** A record from elsewhere is told to the link at most this often. */
const MOVED_EVERY_MS = 1000;
const UNANSWERED_MS = LINK_TUNING.unansweredUs / 1000;
/** Neighbours share this many probes a second when idle (DESIGN §7). */
const IDLE_PROBES_PER_SECOND = 50;
const SAMPLES_EVERY_US = 1_000_000;
/** States that change together are told together; the same between two attempts to tell. */
const CHANGES_MS = 10;
/** Links' times between path-MTU probes differ by so much, up and down. */
const MTU_SPREAD = 0.2;
/** Two calls of {@link Links.tick} lie so far apart at most. */
export const LATEST_TICK_MS = 75;
/** Scheduled probes that are due so soon leave with those that are due now: each wake-up costs more than what it sends. */
const AHEAD_US = 25_000;

/** What links want of the rest of the data plane. */
export interface LinkHooks {
  readonly post: (message: FromWorker) => void;
  /** A neighbour of whom no address was known has one, or its link came up. */
  readonly usable: (nodeId: number) => void;
  /** Takes what lies in the sockets, so that nobody is judged by what was not read yet. */
  readonly receive: () => void;
  /** Seals an answer to a path-MTU probe for the node, and sends it along the route. */
  readonly answerMtu: (nodeId: number, payload: Uint8Array) => void;
}

export class Links {
  readonly #state: PlaneState;
  readonly #setup: WorkerSetup;
  readonly #clock: PlaneClock;
  readonly #random32: () => number;
  readonly #hooks: LinkHooks;
  readonly #forwarding: ForwardMeter;
  readonly #neighbours: Map<number, Neighbour> = new Map();
  readonly #budget: UnprovenBudget = new UnprovenBudget();
  readonly #mtus: LinkMtus;
  readonly #isOverlay: (address: string) => boolean;
  readonly #deadlines: DeadlineTimer = new DeadlineTimer(LATEST_TICK_MS * 1000, () => this.#onDeadline());
  /** The newest probe sequence number of links that were removed, by NodeID. */
  readonly #lastSequence: Map<number, number> = new Map();
  #samplesAtUs = 0;
  #changes: NodeJS.Timeout | undefined;

  constructor(
    state: PlaneState,
    setup: WorkerSetup,
    clock: PlaneClock,
    random32: () => number,
    forwarding: ForwardMeter,
    hooks: LinkHooks,
  ) {
    this.#state = state;
    this.#setup = setup;
    this.#clock = clock;
    this.#random32 = random32;
    this.#forwarding = forwarding;
    this.#hooks = hooks;
    this.#mtus = new LinkMtus(state, setup.udp.mark, (nodeId, payload) => hooks.answerMtu(nodeId, payload));
    this.#isOverlay = overlayTest(setup.overlayPrefixes);
  }

  /** The sockets' mark, which routes may look at. */
  set mark(mark: number) {
    this.#mtus.mark = mark;
  }

  add(neighbour: NeighbourSetup): void {
    const { nodeId, link, fixed, clockParent } = neighbour;
    const core = new LinkCore({
      localNodeId: this.#setup.ownNodeId,
      remoteNodeId: nodeId,
      epoch: this.#clock.epoch,
      budget: this.#budget,
      staticEndpoint: fixed,
      clockParent,
      lastSequence: this.#lastSequence.get(nodeId) ?? 0,
      allowLoopback: this.#setup.allowLoopback,
      refused: this.#isOverlay,
    });
    const spread = 1 - MTU_SPREAD + (2 * MTU_SPREAD * this.#random32()) / 2 ** 32;
    const entry = new Neighbour(nodeId, link, core, this.#state.engine, spread);
    this.#neighbours.set(nodeId, entry);
    this.#state.members.link[nodeId] = link;
    this.#shareProbes();
    this.#feed(entry, { type: "start" });
    // The session may have come about in transit, before this was a neighbour.
    if ((this.#state.members.sendSlot[nodeId] ?? -1) >= 0) this.#feed(entry, { type: "session", up: true });
  }

  remove(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined) return;
    this.#lastSequence.set(nodeId, entry.core.sequence);
    this.#neighbours.delete(nodeId);
    this.#state.members.forgetLink(nodeId);
    this.#state.engine.setLink(entry.link, new Uint8Array(PACKED_ADDRESS));
    this.#shareProbes();
  }

  close(): void {
    clearTimeout(this.#changes);
    this.#deadlines.stop();
  }

  setEndpoint(nodeId: number, packed: Uint8Array, source: "configured" | "set"): void {
    const entry = this.#neighbours.get(nodeId);
    const address = textOf(packed);
    if (entry === undefined || address === undefined) return;
    this.#feed(entry, { type: "endpoint", address, source });
  }

  /** Others say that the node may be at these (packed) addresses, and no longer at those they said before. */
  setCandidates(nodeId: number, addresses: readonly Uint8Array[]): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined) return;
    const keep = addresses.flatMap((packed) => textOf(packed) ?? []);
    this.#feed(entry, { type: "forget-candidates", keep });
    for (const address of keep) this.#feed(entry, { type: "candidate", address, source: "told" });
  }

  /** Packed addresses for a handshake with a node whose link is not up. */
  handshakeTargets(nodeId: number, max: number): Uint8Array[] {
    const core = this.#neighbours.get(nodeId)?.core;
    const addresses = core?.handshakeTargets(this.#clock.rawUs(), max) ?? [];
    return addresses.flatMap((address) => packedOf(address) ?? []);
  }

  sessionUp(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry !== undefined) this.#feed(entry, { type: "session", up: true });
  }

  sessionDown(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry !== undefined) this.#feed(entry, { type: "session", up: false });
  }

  /** `arrivalUs` is mesh time; `cameUs` the raw clock's of the same moment. */
  probe(nodeId: number, bytes: Uint8Array, receiveSlot: number, arrivalUs: number, cameUs: number): void {
    const entry = this.#neighbours.get(nodeId);
    const from = entry && this.#originOf(entry, receiveSlot);
    if (entry === undefined || from === undefined || bytes.length < PROBE_BYTES) {
      this.#state.drops.count("probeMalformed");
      return;
    }
    this.#traffic(entry, this.#state.engine.received[receiveSlot - RECEIVE_SLOTS]);
    this.#feed(entry, { type: "probe", from, bytes, arrivalUs, cameUs });
  }

  /** A path-MTU probe. */
  mtuProbe(nodeId: number, bytes: Uint8Array): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined || !this.#mtus.record(this.#state.nowMs * 1000, entry, bytes)) {
      this.#state.drops.count("probeMalformed");
    }
  }

  /** An authentic record of `nodeId` came from another address than its link's endpoint. */
  moved(nodeId: number, receiveSlot: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined || this.#state.nowMs - entry.movedAtMs < MOVED_EVERY_MS) return;
    const from = this.#originOf(entry, receiveSlot);
    if (from === undefined) return;
    entry.movedAtMs = this.#state.nowMs;
    // The last relay takes the transit header off, and its own address is on the record.
    if (this.#isAt(from)) return;
    this.#feed(entry, { type: "authentic", from });
  }

  /** Touches only those links that have something to do: there may be hundreds. */
  tick(): void {
    const { activity, nowMs } = this.#state;
    const nowUs = nowMs * 1000;
    let nextUs = Infinity;
    for (const entry of this.#neighbours.values()) {
      const since = activity.unanswered[entry.nodeId] ?? 0;
      const unanswered =
        since !== 0 && nowMs - since > UNANSWERED_MS && nowMs - entry.unansweredAtMs > UNANSWERED_MS;
      const isDue = entry.dueUs <= nowUs + AHEAD_US;
      if (unanswered || isDue || activity.carried[entry.nodeId] !== 0) this.#traffic(entry);
      if (unanswered) {
        entry.unansweredAtMs = nowMs;
        this.#feed(entry, { type: "unanswered", sinceUs: since * 1000 });
      }
      if (isDue) this.#feedTick(entry);
      nextUs = Math.min(nextUs, entry.dueUs);
    }
    this.#deadlines.set(nowUs, nextUs);
    this.#mtus.tick(nowUs, this.#neighbours.values());
    if (nowUs >= this.#samplesAtUs) this.#tellSamples();
  }

  /** The mesh clock began a new epoch: all that was measured means nothing any more. */
  beginEpoch(): void {
    const { epoch } = this.#clock;
    for (const entry of this.#neighbours.values()) this.#feed(entry, { type: "epoch", epoch });
  }

  report(): LinkReport[] {
    const nowUs = this.#state.nowMs * 1000;
    return [...this.#neighbours.values()].map((entry) =>
      linkReport(entry.core.snapshot(nowUs), entry.packed, entry.mtu),
    );
  }

  /** Told after everything that came before has been read, unless that takes too long. */
  #tellSamples(): void {
    clearTimeout(this.#changes);
    this.#changes = undefined;
    const nowUs = this.#clock.rawUs();
    if (this.#state.lag.isBehind && nowUs - this.#samplesAtUs < PATIENCE_US) return this.#tellSoon();
    this.#samplesAtUs = nowUs + SAMPLES_EVERY_US;
    const { linkIpv4 } = this.#state.members;
    const links = [...this.#neighbours.values()].map((entry) =>
      linkSample(entry.core.snapshot(nowUs), entry.mtu, linkIpv4[entry.nodeId] !== 1),
    );
    const [epoch, forwardUs] = [this.#clock.epoch, this.#forwarding.take()];
    this.#hooks.post({ type: "links", nowUs, epoch, forwardUs, links });
  }

  #tellSoon(): void {
    this.#changes ??= setTimeout(() => {
      this.#changes = undefined;
      this.#read();
      this.#tellSamples();
    }, CHANGES_MS);
  }

  #shareProbes(): void {
    const share = (this.#neighbours.size / IDLE_PROBES_PER_SECOND) * 1e6;
    for (const entry of this.#neighbours.values()) entry.core.idleIntervalUs = Math.max(1e6, share);
  }

  /** @param until of {@link Neighbour.count} */
  #traffic(entry: Neighbour, until?: number): void {
    const { engine, activity } = this.#state;
    entry.count(engine, until);
    const carried = activity.carried[entry.nodeId] === 1;
    activity.carried[entry.nodeId] = 0;
    if (carried) entry.carriedAtUs = this.#state.nowMs * 1000;
    const { sentCount, receivedCount } = entry;
    if (carried || sentCount > 0 || receivedCount > 0) {
      this.#feed(entry, { type: "traffic", carried, sentCount, receivedCount });
    }
  }

  /** Takes what has come. Returns the time after that, µs. */
  #read(): number {
    this.#state.nowMs = this.#clock.rawUs() / 1000;
    this.#hooks.receive();
    const nowUs = this.#clock.rawUs();
    this.#state.nowMs = nowUs / 1000;
    return nowUs;
  }

  /** Between two ticks a probe or a verdict is due. */
  #onDeadline(): void {
    const nowUs = this.#read();
    let nextUs = Infinity;
    for (const entry of this.#neighbours.values()) {
      if (entry.dueUs <= nowUs + AHEAD_US) {
        this.#traffic(entry);
        this.#feedTick(entry);
      }
      nextUs = Math.min(nextUs, entry.dueUs);
    }
    this.#deadlines.set(nowUs, nextUs);
  }

  #feedTick(entry: Neighbour): void {
    this.#feed(entry, { type: "tick", unreadUs: this.#state.lag.delayUs, aheadUs: AHEAD_US });
  }

  #feed(entry: Neighbour, event: LinkEvent): void {
    const nowUs = this.#clock.rawUs();
    const actions = entry.core.handle(nowUs, event, this.#random32);
    for (const action of actions) this.#act(entry, action);
    // Last, because a new epoch may begin by it, and what was to be sent belongs to the old one.
    for (const action of actions) if (action.type === "exchange") this.#clock.exchange(action);
    entry.dueUs = entry.core.nextDeadline();
    this.#deadlines.arm(nowUs, entry.dueUs);
  }

  #act(entry: Neighbour, action: LinkAction): void {
    switch (action.type) {
      case "probe":
        return this.#sendProbe(entry, action.to, action.payload);
      case "endpoint":
        return this.#move(entry, action.address, action.proven);
      case "state":
        return this.#turn(entry, action.up);
      case "exchange":
      case "sample":
        return;
    }
  }

  #move(entry: Neighbour, text: string, proven: boolean): void {
    const { engine, members } = this.#state;
    const packed = packedOf(text);
    if (packed === undefined) return;
    entry.packed = packed;
    members.linkIpv4[entry.nodeId] = packed[0] === 4 ? 1 : 0;
    engine.setLink(entry.link, packed);
    this.#mtus.moved(this.#state.nowMs * 1000, entry);
    this.#hooks.post({ type: "endpoint", nodeId: entry.nodeId, address: packed, proven });
    if (members.addressed[entry.nodeId] === 1) return;
    members.addressed[entry.nodeId] = 1;
    this.#hooks.usable(entry.nodeId);
  }

  #turn(entry: Neighbour, up: boolean): void {
    this.#state.members.linkState[entry.nodeId] = up ? LINK_UP : LINK_DEAD;
    this.#mtus.turned(this.#state.nowMs * 1000, entry, up);
    this.#hooks.post({ type: "link", nodeId: entry.nodeId, up });
    this.#tellSoon();
    if (up) this.#hooks.usable(entry.nodeId);
  }

  #sendProbe(entry: Neighbour, to: string | null, payload: Uint8Array): void {
    const { engine, members, activity, nowMs } = this.#state;
    const slot = members.sendSlot[entry.nodeId] ?? -1;
    if (slot < 0) return;
    const packed = to === null ? null : packedOf(to);
    if (packed === undefined) return;
    stampProbeSent(payload, 0, this.#clock.meshUs());
    const sent = engine.sendRecord(KIND_PROBE, slot, -1, entry.link, packed, 1, payload);
    const asks = to === null && ((payload[0] ?? 0) & PROBE_REPLY_WANTED) !== 0;
    if (sent) activity.sent(entry.nodeId, nowMs, asks);
  }

  /** Whether a neighbour answers at this address. */
  #isAt(address: string): boolean {
    for (const { core } of this.#neighbours.values()) {
      if (core.up && core.endpoint === address) return true;
    }
    return false;
  }

  /** Nearly always it is the link's endpoint, whose text is at hand. */
  #originOf(entry: Neighbour, receiveSlot: number): string | undefined {
    const { addresses } = this.#state.engine;
    const offset = receiveSlot * PACKED_ADDRESS;
    return entry.isAt(addresses, offset) ? entry.core.endpoint : textOf(addresses, offset);
  }
}
