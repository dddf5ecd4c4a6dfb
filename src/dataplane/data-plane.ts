/**
 * The data plane of one node: puts the engine, the tables and all that works on them together, takes the main thread's
 * messages and keeps time. It runs in a worker so that nothing the main thread does delays a frame (DESIGN §4).
 */
import type { Addon, Engine, UdpInfo } from "../native/addon.ts";
import type { Port } from "../port/port.ts";
import { KIND_CONTROL, KIND_FRAME, KIND_PATH_MTU } from "./descriptors.ts";
import { Dispatch } from "./dispatch.ts";
import { ForwardMeter, newRelayMeter } from "./forward-meter.ts";
import { Inbound } from "./inbound.ts";
import { Intake } from "./intake.ts";
import { LATEST_TICK_MS, Links } from "./links.ts";
import { openLocalPort } from "./local-port.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./messages.ts";
import { Outbound } from "./outbound.ts";
import { Paths } from "./paths.ts";
import { PlaneClock } from "./plane-clock.ts";
import { planeStatus, portReport, type PlaneParts } from "./plane-status.ts";
import { Pump } from "./pump.ts";
import { RandomBits } from "./random-bits.ts";
import { testDrift } from "./raw-clock.ts";
import { relayTables } from "./relay-tables.ts";
import { Sessions } from "./sessions.ts";
import { makeState, type PlaneState } from "./state.ts";
import { Tracer } from "./tracer.ts";
import { Transit } from "./transit.ts";
import { Urgency } from "./urgency.ts";

/**
 * The regular work is done so long after the last time by whatever wakes the thread up, and by a timer at the latest after
 * {@link LATEST_TICK_MS}: what a wake-up costs is more than what is done in it.
 */
const TICK_MS = 50;
/** While the own clock is new, and most links with it, every probe is worth waking up for. */
const SETTLED_MS = 10_000;
const REPORT_EVERY_MS = 250;
const REPORTS_A_SECOND = 4;
/** A frame is owed an answer for this long before a keepalive stands in for one. */
const OWED_MS = 300;
/** A wish for a session is told to the main thread this often. */
const WANT_EVERY_MS = 100;
const FIB_SLOTS_PER_TICK = 256;

export class DataPlane {
  readonly #addon: Addon;
  readonly #setup: WorkerSetup;
  readonly #post: (message: FromWorker) => void;
  readonly #engine: Engine;
  readonly #clock: PlaneClock;
  readonly #state: PlaneState;
  readonly #outbound: Outbound;
  readonly #sessions: Sessions;
  readonly #links: Links;
  readonly #paths: Paths;
  readonly #tracer: Tracer;
  readonly #transit: Transit;
  readonly #forwarding: ForwardMeter;
  readonly #relayMeter: Float64Array = newRelayMeter();
  readonly #dispatch: Dispatch;
  readonly #pump: Pump;
  readonly #urgency: Urgency;
  readonly #timer: NodeJS.Timeout;
  readonly #wantedAt: Map<number, number> = new Map();
  #port: Port;
  #udp: UdpInfo;
  #mark: number;
  #tickAtMs = 0;
  #epochAtMs = 0;
  #reportAtMs = 0;
  #reports = 0;
  #portLost = false;

  /** @throws SystemError when a port or socket cannot be opened; nothing is left open then */
  constructor(addon: Addon, setup: WorkerSetup, post: (message: FromWorker) => void) {
    this.#addon = addon;
    this.#setup = setup;
    this.#mark = setup.udp.mark;
    this.#post = post;
    this.#engine = new addon.Engine(setup.ownNodeId, (id) => this.#ready(id));
    const { next: random32 } = new RandomBits();
    const { epoch, clockParent } = setup;
    const driftPpm = testDrift(process.env);
    const onEpoch = (): void => this.#onEpoch();
    this.#clock = new PlaneClock(addon, { epoch, parent: clockParent, driftPpm, onEpoch }, random32);
    this.#state = makeState(this.#engine, setup, this.#clock.rawUs() / 1000, {
      wantSession: (node) => this.#want(node),
      confirmed: (slot) => this.#sessions.confirmed(slot),
      moved: (node, slot) => this.#links.moved(node, slot),
    });
    this.#outbound = new Outbound(this.#state);
    const inbound = new Inbound(this.#state, this.#outbound);
    this.#transit = new Transit(this.#state);
    this.#forwarding = new ForwardMeter();
    this.#links = new Links(this.#state, setup, this.#clock, random32, this.#forwarding, {
      post,
      usable: () => this.#sessions.releaseWaiting(),
      receive: () => this.#pump.receive(true),
      answerMtu: (node, payload) => void this.#dispatch.record(KIND_PATH_MTU, node, payload, false),
    });
    this.#dispatch = new Dispatch(this.#state, (node, max) => this.#links.handshakeTargets(node, max));
    this.#sessions = new Sessions(this.#state, this.#links, (node) => this.#outbound.release(node), post);
    this.#paths = new Paths(this.#state, this.#clock, this.#dispatch, random32, post);
    const sendNext = (towards: number, payload: Uint8Array): boolean =>
      this.#dispatch.recordToNext(KIND_CONTROL, towards, payload);
    this.#tracer = new Tracer(this.#state, () => this.#clock.meshUs(), sendNext, post);
    const backlog = new Int32Array(setup.backlog);
    const [state, clock, links, paths, tracer] = [
      this.#state,
      this.#clock,
      this.#links,
      this.#paths,
      this.#tracer,
    ];
    const intake = new Intake(state, clock, links, paths, tracer, backlog, post);
    try {
      this.#engine.setMac1Key(setup.mac1Key);
      // The socket comes first: a second node with the same file fails here, before it disturbs the first one's TAP.
      this.#udp = this.#engine.openUdp(setup.udp);
      this.#port = openLocalPort(addon, this.#state, setup.port, post, backlog);
    } catch (error) {
      this.#engine.close();
      throw error;
    }
    this.#pump = new Pump({
      addon,
      engine: this.#engine,
      outbound: this.#outbound,
      inbound,
      transit: this.#transit,
      intake,
      forwarding: this.#forwarding,
      lag: this.#state.lag,
      port: this.#port.number,
    });
    const setRealtime = (on: boolean): number => addon.setRealtime(on ? 1 : 0);
    this.#urgency = new Urgency(setRealtime, setup.realtime, this.#state.nowMs, cpuUs());
    this.#engine.follow(relayTables(this.#state, this.#relayMeter));
    this.#setRoutes(setup.routes, setup.floodSet, setup.members);
    for (const neighbour of setup.neighbours) this.#links.add(neighbour);
    this.#epochAtMs = this.#state.nowMs;
    this.#timer = setTimeout(() => this.#tick(), LATEST_TICK_MS);
    post({
      type: "ready",
      port: portReport(this.#parts()),
      interfaceIndex: this.#port.interfaceIndex,
      udp: { port: this.#udp.port, ipv4: this.#udp.ipv4, ipv6: this.#udp.ipv6 },
    });
  }

  handle(message: ToWorker): void {
    this.#state.nowMs = this.#clock.rawUs() / 1000;
    switch (message.type) {
      case "install":
        return this.#sessions.install(message);
      case "use":
        this.#sessions.use(message.localIndex);
        if (message.announce) this.#announce(message.localIndex);
        return;
      case "remove":
        return this.#sessions.remove(message.localIndex);
      case "handshake":
        return this.#dispatch.handshake(message.nodeId, message.datagram);
      case "answer":
        return this.#dispatch.answer(message);
      case "control":
        this.#sendControl(message.nodeId, message.payload);
        return;
      case "keepalive":
        this.#dispatch.record(KIND_FRAME, message.nodeId, new Uint8Array(0), false);
        return;
      case "endpoint":
        return this.#links.setEndpoint(message.nodeId, message.address, message.source);
      case "candidates":
        return this.#links.setCandidates(message.nodeId, message.addresses);
      case "neighbour":
        return this.#links.add(message.neighbour);
      case "purge":
        this.#state.fib.purgeOwner(message.nodeId);
        return;
      case "removePeer":
        return this.#removePeer(message.nodeId);
      case "routes":
        return this.#setRoutes(message.routes, message.floodSet, message.members);
      case "rebind":
        return this.#rebind(message.id, message.port);
      case "mark":
        this.#links.mark = message.mark;
        this.#mark = message.mark;
        return this.#answer(message.id, this.#engine.setMark(message.mark) ? 0 : 1);
      case "trace":
        return this.#tracer.begin(message.id, message.target);
      case "status":
        return this.#post({
          type: "status",
          id: message.id,
          status: planeStatus(this.#parts(), message.fib),
        });
      case "frame":
        if (this.#engine.inject(message.bytes)) this.#outbound.forward(this.#port.number < 0 ? 0 : 1, 1);
        return;
      case "goodbye":
        return this.#goodbye(message.id, message.payload);
      case "close":
        return this.close();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#urgency.leave();
    this.#links.close();
    this.#port.close();
    this.#engine.close();
    this.#post({ type: "closed" });
  }

  /** Tells the main thread, but not for each frame. */
  #want(nodeId: number): void {
    const { nowMs } = this.#state;
    if (nowMs - (this.#wantedAt.get(nodeId) ?? -Infinity) < WANT_EVERY_MS) return;
    this.#wantedAt.set(nodeId, nowMs);
    this.#post({ type: "want", nodeId });
  }

  #ready(id: number): void {
    this.#state.nowMs = this.#clock.rawUs() / 1000;
    this.#pump.ready(id);
    if (this.#state.nowMs >= this.#tickAtMs) this.#tick();
  }

  #sendControl(nodeId: number, payload: Uint8Array): boolean {
    return this.#dispatch.record(KIND_CONTROL, nodeId, payload, true);
  }

  /** An initiator's first record confirms its keypair; until then the responder may not use it. */
  #announce(localIndex: number): void {
    const nodeId = this.#sessions.nodeOf(localIndex);
    if (nodeId !== undefined) this.#dispatch.record(KIND_FRAME, nodeId, new Uint8Array(0), false);
  }

  #goodbye(id: number, payload: Uint8Array): void {
    for (const node of this.#sessions.nodes()) this.#sendControl(node, payload);
    this.#answer(id, 0);
  }

  #setRoutes(routes: WorkerSetup["routes"], floodSet: number[], members: number[]): void {
    const state = this.#state;
    state.members.setRoutes(routes, Uint16Array.from(floodSet));
    state.members.known.fill(0);
    for (const node of members) state.members.known[node] = 1;
    this.#paths.routesChanged();
    // What waited may have a way now, and must not be overtaken by what comes next.
    for (const node of [...state.waiting.nodes]) this.#outbound.release(node);
  }

  #removePeer(nodeId: number): void {
    this.#sessions.removeNode(nodeId);
    this.#links.remove(nodeId);
    this.#paths.forget(nodeId);
    this.#state.fib.purgeOwner(nodeId);
    this.#state.activity.forget(nodeId);
    this.#transit.forget(nodeId);
    // The NodeID may be another's soon.
    const { waiting, drops } = this.#state;
    drops.count("noRoute", waiting.take(nodeId).length);
    this.#wantedAt.delete(nodeId);
  }

  #rebind(id: number, port: number): void {
    // The own port is taken, by this node.
    if (port !== 0 && port === this.#udp.port) return this.#answer(id, 0);
    try {
      this.#udp = this.#engine.openUdp({ ...this.#setup.udp, port, mark: this.#mark });
      this.#answer(id, 0);
    } catch (error) {
      this.#answer(id, (error as { errno?: number }).errno ?? 5);
    }
  }

  #answer(id: number, errno: number): void {
    this.#post({ type: "answer", id, ok: errno === 0, errno, port: this.#udp.port });
  }

  #tick(): void {
    const state = this.#state;
    this.#timer.refresh();
    state.nowMs = this.#clock.rawUs() / 1000;
    this.#tickAtMs = state.nowMs + TICK_MS;
    // Nobody is judged by what was not read yet.
    this.#pump.receive(true);
    state.nowMs = this.#clock.rawUs() / 1000;
    state.patient[0] = state.nowMs - this.#epochAtMs > SETTLED_MS ? 1 : 0;
    this.#transit.settle(this.#sessions.nodes());
    this.#forwarding.addAlone(this.#relayMeter);
    this.#links.tick();
    this.#paths.tick();
    for (const node of this.#sessions.nodes()) {
      const owed = state.activity.owed[node] ?? 0;
      if (owed !== 0 && state.nowMs - owed > OWED_MS)
        this.#dispatch.record(KIND_FRAME, node, new Uint8Array(0), false);
    }
    if (state.nowMs >= this.#reportAtMs) {
      this.#reportAtMs = state.nowMs + REPORT_EVERY_MS;
      const isSecond = ++this.#reports % REPORTS_A_SECOND === 0;
      if (isSecond) this.#clock.check();
      const reports = this.#sessions.activity(isSecond);
      if (reports.length > 0) this.#post({ type: "activity", reports, nowMs: state.nowMs });
      const late = state.waiting.expire(state.nowMs);
      if (late > 0) state.drops.count("waitTooLong", late);
      this.#paths.scan(this.#sessions.nodes());
      this.#checkPort();
    }
    state.fib.sweep(state.nowMs, FIB_SLOTS_PER_TICK);
    if (this.#urgency.isDue(state.nowMs)) this.#urgency.look(state.nowMs, cpuUs());
  }

  #onEpoch(): void {
    this.#epochAtMs = this.#clock.rawUs() / 1000;
    this.#state.patient[0] = 0;
    this.#links.beginEpoch();
    this.#paths.beginEpoch();
    this.#post({ type: "epoch", epoch: this.#clock.epoch });
  }

  #checkPort(): void {
    if (this.#portLost || this.#port.alive()) return;
    this.#portLost = true;
    this.#post({ type: "portLost", name: this.#port.description.name });
  }

  #parts(): PlaneParts {
    const [addon, state, clock, port, udp] = [this.#addon, this.#state, this.#clock, this.#port, this.#udp];
    return {
      addon,
      state,
      clock,
      port,
      udp,
      sessions: this.#sessions,
      links: this.#links,
      paths: this.#paths,
      urgency: this.#urgency,
    };
  }
}

/** Processor time of this thread, µs. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
