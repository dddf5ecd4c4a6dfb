/**
 * A simulated edge of a supernode: the real links, mesh clock, path watch, tables, reporter and row keeper, wired as
 * node/member-node.ts and dataplane/data-plane.ts wire them.
 *
 *     main thread:  reporter ─▶ supernode ─▶ row keeper
 *                      ▲ samples                │ routes
 *     worker:        links, clock, path watch   ▼ tables ─▶ packets
 */
import type { SuperMessage } from "../../src/control/messages.ts";
import type { Activity } from "../../src/dataplane/activity.ts";
import type { Dispatch } from "../../src/dataplane/dispatch.ts";
import { LINK_DEAD, LINK_UP } from "../../src/dataplane/members.ts";
import type { Members } from "../../src/dataplane/members.ts";
import { Paths } from "../../src/dataplane/paths.ts";
import type { PlaneClock } from "../../src/dataplane/plane-clock.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import { RowKeeper } from "../../src/node/row-keeper.ts";
import { Reporter } from "../../src/routing/reporter.ts";
import type { LinkSample } from "../../src/routing/reporter.ts";
import type { LinkReport } from "../../src/routing/types.ts";
import type { ClockExchange } from "../../src/link/mesh-clock.ts";
import { FineLinks } from "./fine-links.ts";
import type { CoarseLinks } from "./coarse-links.ts";
import type { HostClock } from "./host-clock.ts";
import { MainThread } from "./main-thread.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Random } from "./random.ts";
import { smallActivity, smallMembers } from "./tables.ts";

const TICK_US = 50_000;
const SCAN_EVERY_TICKS = 5;
const SAMPLES_EVERY_US = 1_000_000;
const CHANGES_US = 10_000;
const OWED_MS = 300;

/** What an edge does to the world around it. */
export interface EdgeWorld {
  sendProbe(from: number, to: number, bytes: Uint8Array): void;
  /** A record of the edge's own, by the ordinary route or (`hop`) through this neighbour; empty = keepalive. */
  sendRecord(from: number, to: number, payload: Uint8Array, hop?: number): void;
  report(nodeId: number, report: LinkReport): void;
  requestRow(nodeId: number): void;
  onLink(nodeId: number, peer: number, up: boolean): void;
  onRoutes(nodeId: number, before: Uint16Array, after: Uint16Array): void;
}

export interface EdgeOptions {
  readonly nodeId: number;
  readonly nodes: readonly number[];
  readonly relay: "auto" | "never" | "always";
  readonly incarnation: number;
  readonly tableSize: number;
}

export class SimEdge {
  readonly nodeId: number;
  readonly relay: "auto" | "never" | "always";
  readonly members: Members;
  readonly activity: Activity;
  readonly clock: HostClock;
  readonly main: MainThread;
  readonly rows: RowKeeper = new RowKeeper();
  readonly bits32: () => number;
  links: FineLinks | CoarseLinks | undefined;
  alive = true;
  /** Changes what it says, for members that lie. */
  tamper: ((report: LinkReport) => LinkReport) | undefined;
  readonly #time: EventQueue;
  readonly #random: Random;
  readonly #world: EdgeWorld;
  readonly #options: EdgeOptions;
  readonly #reporter: Reporter;
  readonly #paths: Paths;
  #reportedEpoch: number;
  #samplesAtUs = 0;
  #changesPlanned = false;
  #ticks = 0;

  constructor(time: EventQueue, random: Random, clock: HostClock, world: EdgeWorld, options: EdgeOptions) {
    const { nodeId, nodes, relay, incarnation, tableSize } = options;
    this.#time = time;
    this.#random = random;
    this.#world = world;
    this.#options = options;
    this.nodeId = nodeId;
    this.relay = relay;
    this.clock = clock;
    this.bits32 = random.bits32;
    this.members = smallMembers(tableSize, nodes);
    this.activity = smallActivity(tableSize);
    this.main = new MainThread(time);
    this.#reportedEpoch = clock.epoch;
    this.#reporter = new Reporter({ incarnation, epoch: clock.epoch });
    this.#paths = this.#makePaths();
  }

  start(): void {
    const links = this.links;
    if (!links) throw new Error("an edge without links");
    links.start();
    const tick = (): void => {
      if (!this.alive) return;
      this.#time.after(TICK_US, tick);
      this.#tick(links);
    };
    this.#time.after(this.#random.between(0, TICK_US), tick);
    this.#samplesAtUs = this.#time.nowUs + this.#random.between(0, SAMPLES_EVERY_US);
  }

  /** The process is killed. */
  stop(): void {
    this.alive = false;
  }

  onConnected(): void {
    this.#report(this.#reporter.full(this.clock.rawUs()));
  }

  onMessage(message: SuperMessage): void {
    if (message.type === "row") {
      this.rows.take(message.row as Parameters<RowKeeper["take"]>[0]);
      this.#postRoutes();
    } else if (message.type === "row-delta") {
      if (this.rows.change(message.delta as Parameters<RowKeeper["change"]>[0])) this.#postRoutes();
      else this.#world.requestRow(this.nodeId);
    }
  }

  /** A record for this node arrived. */
  onRecord(source: number, payload: Uint8Array, isFrame: boolean): void {
    this.activity.received(source, this.clock.rawUs() / 1000, isFrame);
    if (payload.length > 0) this.#paths.record(source, payload, this.clock.meshUs());
  }

  /** A frame of this node's own left for `destination`. */
  onFrameSent(destination: number): void {
    const nowMs = this.clock.rawUs() / 1000;
    this.activity.sent(destination, nowMs, true);
    this.activity.framed[destination] = nowMs;
  }

  onLink(peer: number, up: boolean): void {
    this.members.linkState[peer] = up ? LINK_UP : LINK_DEAD;
    this.#world.onLink(this.nodeId, peer, up);
    if (this.#changesPlanned) return;
    this.#changesPlanned = true;
    this.#time.after(CHANGES_US, () => {
      if (this.#changesPlanned && this.alive) this.#tellSamples();
    });
  }

  onExchange(exchange: Readonly<ClockExchange>): void {
    if (!this.clock.exchange(exchange, this.bits32)) return;
    if (this.links instanceof FineLinks) this.links.beginEpoch();
    this.#paths.beginEpoch();
  }

  #tick(links: FineLinks | CoarseLinks): void {
    if (this.#time.nowUs >= this.#samplesAtUs) this.#tellSamples();
    if (!(links instanceof FineLinks)) return;
    const nowMs = this.clock.rawUs() / 1000;
    links.tick();
    this.#paths.tick();
    const { owed } = this.activity;
    for (const node of this.#options.nodes) {
      const since = owed[node] ?? 0;
      if (since !== 0 && nowMs - since > OWED_MS)
        this.#world.sendRecord(this.nodeId, node, new Uint8Array(0));
    }
    if (++this.#ticks % SCAN_EVERY_TICKS === 0) this.#paths.scan(this.#options.nodes);
  }

  #tellSamples(): void {
    this.#changesPlanned = false;
    this.#samplesAtUs = this.#time.nowUs + SAMPLES_EVERY_US;
    const samples = (this.links?.samples() ?? []).filter(({ from }) => this.members.known[from] === 1);
    const nowUs = this.clock.rawUs();
    const { epoch } = this.clock;
    this.main.run(() => this.alive && this.#onSamples(nowUs, epoch, samples));
  }

  #onSamples(nowUs: number, epoch: number, samples: LinkSample[]): void {
    if (epoch !== this.#reportedEpoch) this.#reporter.beginEpoch(epoch);
    this.#reportedEpoch = epoch;
    const report = this.#reporter.evaluate(nowUs, samples);
    if (report) this.#report(report);
  }

  #report(report: LinkReport): void {
    this.#world.report(this.nodeId, this.tamper?.(report) ?? report);
  }

  #postRoutes(): void {
    const { members } = this;
    const before = members.nextHop.slice();
    members.setRoutes(
      this.rows.routes((node) => members.known[node] === 1),
      new Uint16Array(0),
    );
    this.#paths.routesChanged();
    this.#world.onRoutes(this.nodeId, before, members.nextHop);
  }

  /** The real {@link Paths}, on this edge's tables. */
  #makePaths(): Paths {
    const { clock, members, activity, nodeId } = this;
    const world = this.#world;
    const state = {
      members,
      activity,
      get nowMs(): number {
        return clock.rawUs() / 1000;
      },
    };
    const dispatch = {
      recordVia: (_kind: number, to: number, hop: number, payload: Uint8Array) =>
        world.sendRecord(nodeId, to, payload.slice(), hop),
      record: (_kind: number, to: number, payload: Uint8Array) =>
        world.sendRecord(nodeId, to, payload.slice()),
    };
    return new Paths(
      state as unknown as PlaneState,
      clock as unknown as PlaneClock,
      dispatch as unknown as Dispatch,
      this.bits32,
      () => undefined,
    );
  }
}
