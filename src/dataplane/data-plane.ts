/**
 * The data plane of one node: the engine, the tables, and the loop that turns readiness into batches. It runs in a
 * worker so that nothing the main thread does delays a frame (DESIGN §4).
 */
import type { Addon, Engine, UdpInfo } from "../native/addon.ts";
import { DummyPort } from "../port/dummy.ts";
import type { Port } from "../port/port.ts";
import { TapPort } from "../port/tap.ts";
import { Fib } from "../switch/fib.ts";
import { ReflectionGuard } from "../switch/reflection-guard.ts";
import { StormGuard } from "../switch/storm-guard.ts";
import { Activity } from "./activity.ts";
import { KIND_CONTROL, KIND_FRAME, READY_UDP4 } from "./descriptors.ts";
import { Dispatch } from "./dispatch.ts";
import { Drops } from "./drops.ts";
import { Inbound } from "./inbound.ts";
import { Intake } from "./intake.ts";
import { Links } from "./links.ts";
import { Members, NO_NODE } from "./members.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./messages.ts";
import { Outbound } from "./outbound.ts";
import { planeStatus, portReport, type PlaneParts } from "./plane-status.ts";
import { Sessions } from "./sessions.ts";
import { MAX_SLOTS, type LocalPort, type PlaneState } from "./state.ts";
import { Transit } from "./transit.ts";
import { Waiting } from "./waiting.ts";

/** Batches a descriptor may take before others get their turn. */
const MAX_ROUNDS = 16;
const TICK_MS = 50;
const REPORT_EVERY_TICKS = 5;
/** A frame is owed an answer for this long before a keepalive stands in for one. */
const OWED_MS = 300;
/** A wish for a session is told to the main thread this often. */
const WANT_EVERY_MS = 100;
/** Floods a second and burst per port (storm guard). */
const STORM_RATE = 20_000;
const STORM_BURST = 4_000;
const FIB_SLOTS_PER_TICK = 256;

export class DataPlane {
  readonly #addon: Addon;
  readonly #setup: WorkerSetup;
  readonly #post: (message: FromWorker) => void;
  readonly #engine: Engine;
  readonly #state: PlaneState;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #transit: Transit;
  readonly #sessions: Sessions;
  readonly #links: Links;
  readonly #intake: Intake;
  readonly #dispatch: Dispatch;
  readonly #result: Float64Array = new Float64Array(5);
  readonly #timer: NodeJS.Timeout;
  readonly #wantedAt: Map<number, number> = new Map();
  #port: Port;
  #udp: UdpInfo;
  #mark: number;
  #ticks = 0;
  #portLost = false;

  /** @throws SystemError when a port or socket cannot be opened; nothing is left open then */
  constructor(addon: Addon, setup: WorkerSetup, post: (message: FromWorker) => void) {
    this.#addon = addon;
    this.#setup = setup;
    this.#post = post;
    this.#engine = new addon.Engine(setup.ownNodeId, (id) => this.#ready(id));
    this.#mark = setup.udp.mark;
    this.#state = this.#makeState();
    this.#outbound = new Outbound(this.#state);
    this.#inbound = new Inbound(this.#state, this.#outbound);
    this.#transit = new Transit(this.#state);
    this.#dispatch = new Dispatch(this.#state);
    this.#links = new Links(this.#state, setup, addon, post, (node) => this.#sessions.releaseVia(node));
    this.#sessions = new Sessions(this.#state, this.#links, (node) => this.#outbound.release(node), post);
    this.#intake = new Intake(this.#state, this.#links, new Int32Array(setup.handshakeBacklog), post);
    try {
      this.#engine.setMac1Key(setup.mac1Key);
      // The socket comes first: a second node with the same file fails here, before it disturbs the first one's TAP.
      this.#udp = this.#engine.openUdp(setup.udp);
      this.#port = this.#openPort();
    } catch (error) {
      this.#engine.close();
      throw error;
    }
    this.#setRoutes(setup.routes, setup.floodSet, setup.members);
    for (const neighbour of setup.neighbours) this.#links.add(neighbour);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    post({
      type: "ready",
      port: portReport(this.#parts()),
      interfaceIndex: this.#port.interfaceIndex,
      udp: { port: this.#udp.port, ipv4: this.#udp.ipv4, ipv6: this.#udp.ipv6 },
    });
  }

  handle(message: ToWorker): void {
    this.#state.nowMs = this.#addon.now() / 1000;
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
        return this.#dispatch.handshake(message.nodeId, message.datagram, message.address);
      case "handshakeTransit":
        return this.#dispatch.handshakeVia(message.hop, message.nodeId, message.datagram);
      case "control":
        this.#sendControl(message.nodeId, message.payload);
        return;
      case "keepalive":
        this.#dispatch.record(KIND_FRAME, message.nodeId, new Uint8Array(0), false);
        return;
      case "endpoint":
        return this.#links.setEndpoint(message.nodeId, message.address, message.source);
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
        this.#mark = message.mark;
        return this.#answer(message.id, this.#engine.setMark(message.mark) ? 0 : 1);
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
    clearInterval(this.#timer);
    this.#port.close();
    this.#engine.close();
    this.#post({ type: "closed" });
  }

  #makeState(): PlaneState {
    const setup = this.#setup;
    const slotConfirmed = new Uint8Array(MAX_SLOTS);
    return {
      engine: this.#engine,
      ownNodeId: setup.ownNodeId,
      defaultTtl: setup.defaultTtl,
      relay: setup.relay,
      members: new Members(),
      activity: new Activity(),
      fib: new Fib({ timeoutMs: setup.fibTimeoutMs }),
      drops: new Drops(),
      waiting: new Waiting(),
      storm: new StormGuard(STORM_RATE, STORM_BURST, 64),
      reflections: new ReflectionGuard(),
      slotNode: new Uint16Array(MAX_SLOTS),
      slotConfirmed,
      ports: [],
      nowMs: this.#addon.now() / 1000,
      floodCopies: 0,
      wantSession: (node) => this.#want(node),
      confirmed: (slot) => this.#sessions.confirmed(slot),
      moved: (node, slot) => this.#links.moved(node, slot),
    };
  }

  /** Tells the main thread, but not for each frame. */
  #want(nodeId: number): void {
    const { nowMs } = this.#state;
    if (nowMs - (this.#wantedAt.get(nodeId) ?? -Infinity) < WANT_EVERY_MS) return;
    this.#wantedAt.set(nodeId, nowMs);
    this.#post({ type: "want", nodeId });
  }

  #openPort(): Port {
    const { kind, name, mtu, mac, addresses } = this.#setup.port;
    const ports = this.#state.ports as LocalPort[];
    if (kind === "dummy") return new DummyPort(mac);
    if (kind === "stdio") {
      ports.push({ id: 0, deliver: (bytes) => this.#post({ type: "frame", bytes }) });
      const description = { kind, name: "stdio", mtu, mac, offloads: [] };
      return { description, number: -1, interfaceIndex: 0, alive: () => true, close: () => undefined };
    }
    const tap = new TapPort(this.#addon, this.#engine, { name, mtu, mac, addresses });
    ports.push({ id: tap.number });
    // The TAP's own address belongs to this port: nobody in the mesh may claim it.
    const view = new DataView(mac.buffer, mac.byteOffset, 6);
    this.#state.fib.pin(view.getUint16(0), view.getUint32(2), -1 - tap.number, this.#state.nowMs);
    return tap;
  }

  #ready(id: number): void {
    this.#state.nowMs = this.#addon.now() / 1000;
    if (id >= READY_UDP4) this.#drainUdp();
    else this.#drainPort(id);
  }

  #drainPort(port: number): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = this.#engine.readPort(port);
      if (count === 0) return;
      this.#outbound.forward(port, count);
    }
  }

  #drainUdp(): void {
    const result = this.#result;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const datagrams = this.#engine.receive(result);
      if (datagrams === 0) return;
      const frames = result[0] ?? 0;
      const runs = result[1] ?? 0;
      const messages = result[2] ?? 0;
      const wrote = frames > 0 ? this.#inbound.deliver(frames) : 0;
      if (runs > 0) this.#transit.forward(runs);
      for (let i = 0; i < messages; i++) this.#intake.message(i, result[3] ?? 0);
      // What was written often has its answer in the port already: taking it now saves a turn of the loop.
      if (wrote > 0 && this.#port.number >= 0) this.#answerNow();
      if ((result[4] ?? 0) === 0) return;
    }
  }

  #answerNow(): void {
    const count = this.#engine.readPort(this.#port.number);
    if (count > 0) this.#outbound.forward(this.#port.number, count);
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
    this.#refreshMtu();
    // What waited may have a way now, and must not be overtaken by what comes next.
    for (const node of [...state.waiting.nodes]) this.#outbound.release(node);
  }

  #refreshMtu(): void {
    const { members } = this.#state;
    for (const node of this.#setupDestinations()) {
      const next = members.nextHop[node] ?? NO_NODE;
      const link = next === NO_NODE ? -1 : (members.link[next] ?? -1);
      const mtu = link >= 0 ? this.#engine.linkMtu(link, this.#mark) : 0;
      members.setLinkMtu(node, mtu, this.#links.isIpv6(next));
    }
  }

  *#setupDestinations(): Iterable<number> {
    const { members } = this.#state;
    for (let node = 0; node < members.known.length; node++) if (members.known[node] === 1) yield node;
  }

  #removePeer(nodeId: number): void {
    this.#sessions.removeNode(nodeId);
    this.#links.remove(nodeId);
    this.#state.fib.purgeOwner(nodeId);
    this.#state.activity.forget(nodeId);
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
    state.nowMs = this.#addon.now() / 1000;
    this.#ticks++;
    this.#links.tick();
    for (const node of this.#sessions.nodes()) {
      const owed = state.activity.owed[node] ?? 0;
      if (owed !== 0 && state.nowMs - owed > OWED_MS)
        this.#dispatch.record(KIND_FRAME, node, new Uint8Array(0), false);
    }
    if (this.#ticks % REPORT_EVERY_TICKS === 0) {
      this.#post({ type: "activity", reports: this.#sessions.activity(), nowMs: state.nowMs });
      const late = state.waiting.expire(state.nowMs);
      if (late > 0) state.drops.count("waitTooLong", late);
      this.#refreshMtu();
      this.#checkPort();
    }
    state.fib.sweep(state.nowMs, FIB_SLOTS_PER_TICK);
  }

  #checkPort(): void {
    if (this.#portLost || this.#port.alive()) return;
    this.#portLost = true;
    this.#post({ type: "portLost", name: this.#port.description.name });
  }

  #parts(): PlaneParts {
    const [addon, state, port, udp, mark] = [this.#addon, this.#state, this.#port, this.#udp, this.#mark];
    return { addon, state, port, udp, mark, sessions: this.#sessions, links: this.#links };
  }
}
