/**
 * Many edges and their supernode on virtual time (DESIGN §14): the pure rooms as they are, the Internet as a scenario
 * wants it. The same options and seed give the same run, event for event.
 */
import type { SuperMessage } from "../../src/control/messages.ts";
import type { Member } from "../../src/routing/coordinator.ts";
import { CoarseLinks } from "./coarse-links.ts";
import { ControlChannel } from "./control-channel.ts";
import { SimEdge } from "./edge.ts";
import type { EdgeWorld } from "./edge.ts";
import { EventQueue } from "./event-queue.ts";
import { FineLinks } from "./fine-links.ts";
import type { LinkHost } from "./fine-links.ts";
import { HostClock, randomCrystal } from "./host-clock.ts";
import type { Crystal } from "./host-clock.ts";
import { PacketNetwork } from "./packet-network.ts";
import { Random } from "./random.ts";
import type { LinkChange, RouteChange, SimulationOptions } from "./scenario.ts";
import { SimSupernode, SUPER_ID } from "./supernode.ts";
import { smallActivity } from "./tables.ts";
import { Flow } from "./traffic.ts";
import type { Tally } from "./traffic.ts";
import { Underlay } from "./underlay.ts";

export const MS = 1000;
export const SECOND = 1_000_000;
const TICK_US = 50_000;

export class Simulation {
  readonly time: EventQueue = new EventQueue();
  readonly random: Random;
  readonly underlay: Underlay;
  readonly supernode: SimSupernode;
  readonly nodes: readonly number[];
  /** Next hops that a table changed; not what a node repaired by itself. */
  readonly routeChanges: RouteChange[] = [];
  readonly linkChanges: LinkChange[] = [];
  readonly #options: SimulationOptions;
  readonly #edges = new Map<number, SimEdge>();
  readonly #channels = new Map<number, ControlChannel>();
  readonly #crystals = new Map<number, Crystal>();
  readonly #packets: PacketNetwork;
  readonly #superClock: HostClock;
  readonly #superLinks: FineLinks | undefined;
  readonly #world: EdgeWorld;
  #incarnation = 1;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.underlay = new Underlay(new Random(options.seed + 1e6));
    this.nodes = Array.from({ length: options.nodes }, (_, i) => i + 1);
    this.#packets = new PacketNetwork(this.time, this.underlay, (nodeId) => this.edge(nodeId));
    this.#layWays();
    const members = this.nodes.map((nodeId): Member => ({
      nodeId,
      relay: this.#relayOf(nodeId),
      additionalCostUs: 0,
    }));
    this.supernode = new SimSupernode(this.time, members, options.coordinator ?? {});
    this.#superClock = new HostClock(this.time, this.#crystalOf(SUPER_ID), this.random.bits32(), false);
    if (options.coarse !== true) this.#superLinks = this.#makeSuperLinks();
    this.#world = this.#makeWorld();
    for (const nodeId of this.nodes) this.#edges.set(nodeId, this.#makeEdge(nodeId));
    for (const nodeId of this.nodes) this.#channels.set(nodeId, this.#makeChannel(nodeId));
  }

  /** Everything starts within the first half second. */
  start(): void {
    this.supernode.start();
    const links = this.#superLinks;
    if (links) {
      links.start();
      const tick = (): void => {
        if (this.supernode.alive) links.tick();
        this.time.after(TICK_US, tick);
      };
      tick();
    }
    for (const nodeId of this.nodes) {
      this.time.after(this.#options.coarse === true ? 0 : this.random.between(0, SECOND / 2), () => {
        this.edge(nodeId).start();
        this.channel(nodeId).connect();
      });
    }
  }

  run(us: number): void {
    this.time.runUntil(this.time.nowUs + us);
  }

  get tally(): Tally {
    return this.#packets.tally;
  }

  get nowUs(): number {
    return this.time.nowUs;
  }

  edge(nodeId: number): SimEdge {
    const edge = this.#edges.get(nodeId);
    if (!edge) throw new Error(`no edge ${nodeId}`);
    return edge;
  }

  channel(nodeId: number): ControlChannel {
    const channel = this.#channels.get(nodeId);
    if (!channel) throw new Error(`no edge ${nodeId}`);
    return channel;
  }

  /** The next hop in the table of `from`; undefined = no entry. */
  nextHop(from: number, to: number): number | undefined {
    return this.edge(from).rows.row?.entries.find(({ destination }) => destination === to)?.nextHop;
  }

  /** Next hops as the tables have them, up to the destination or where they end. */
  way(from: number, to: number): number[] {
    const way = [from];
    for (let at = from; at !== to && way.length <= this.nodes.length;) {
      const next = this.nextHop(at, to);
      if (next === undefined) break;
      way.push((at = next));
    }
    return way;
  }

  /** An edge's process is killed. */
  kill(nodeId: number): void {
    this.edge(nodeId).stop();
    const channel = this.channel(nodeId);
    channel.cut(true);
  }

  /** A new process on the same host. */
  revive(nodeId: number): void {
    const channel = this.channel(nodeId);
    channel.close(false);
    channel.cut(false);
    const edge = this.#makeEdge(nodeId);
    this.#edges.set(nodeId, edge);
    edge.start();
    channel.connect();
  }

  stopSupernode(): void {
    this.supernode.stop();
    for (const channel of this.#channels.values()) channel.close();
  }

  /** @param remembers its state directory is still there */
  restartSupernode(remembers = true): void {
    this.supernode.restart(remembers);
  }

  flow(from: number, to: number, perSecond: number): Flow {
    const flow = new Flow(from, to, perSecond);
    const again = (): void => {
      if (flow.stopped) return;
      this.time.after(flow.intervalUs, again);
      const edge = this.edge(from);
      if (edge.alive) this.#packets.sendFrame(edge, flow);
    };
    this.time.after(this.random.between(0, flow.intervalUs), again);
    return flow;
  }

  #layWays(): void {
    const hosts = [SUPER_ID, ...this.nodes];
    const { delayUs, jitterUs } = this.#options;
    for (const from of hosts) {
      for (const to of hosts) {
        const delay = from === to ? undefined : delayUs(from, to);
        if (delay !== undefined) this.underlay.set(from, to, delay, jitterUs?.(from, to) ?? 0);
      }
    }
  }

  #relayOf(nodeId: number): Member["relay"] {
    return this.#options.relay?.(nodeId) ?? "auto";
  }

  #crystalOf(node: number): Crystal {
    let crystal = this.#crystals.get(node);
    if (!crystal) {
      crystal = this.#options.crystal?.(node) ?? randomCrystal(this.random);
      this.#crystals.set(node, crystal);
    }
    return crystal;
  }

  #makeEdge(nodeId: number): SimEdge {
    const coarse = this.#options.coarse === true;
    const random = new Random(this.random.bits32());
    const clock = new HostClock(this.time, this.#crystalOf(nodeId), random.bits32(), !coarse);
    const edge = new SimEdge(this.time, random, clock, this.#world, {
      nodeId,
      nodes: this.nodes,
      relay: this.#relayOf(nodeId),
      incarnation: this.#incarnation++,
      tableSize: this.nodes.length + 1,
    });
    const peers = this.nodes.filter((other) => other !== nodeId);
    edge.links = coarse ? this.#coarseLinks(edge, peers, random) : this.#fineLinks(edge, peers);
    return edge;
  }

  #fineLinks(edge: SimEdge, peers: readonly number[]): FineLinks {
    const host: LinkHost = {
      nodeId: edge.nodeId,
      activity: edge.activity,
      clock: edge.clock,
      bits32: edge.bits32,
      sendProbe: (to, bytes) => this.#world.sendProbe(edge.nodeId, to, bytes),
      onLink: (peer, up) => edge.onLink(peer, up),
      onExchange: (exchange) => edge.onExchange(exchange),
    };
    return new FineLinks(host, [...peers, SUPER_ID], SUPER_ID);
  }

  #coarseLinks(edge: SimEdge, peers: readonly number[], random: Random): CoarseLinks {
    const host = {
      nodeId: edge.nodeId,
      clock: edge.clock,
      clockOf: (peer: number) => {
        const other = this.#edges.get(peer);
        return other?.alive === true ? other.clock : undefined;
      },
      onLink: (peer: number, up: boolean) => edge.onLink(peer, up),
    };
    return new CoarseLinks(this.time, this.underlay, host, peers, random, this.#options.noiseUs ?? 0);
  }

  #makeSuperLinks(): FineLinks {
    const activity = smallActivity(this.nodes.length + 1);
    const clock = this.#superClock;
    const sendProbe = (to: number, bytes: Uint8Array): void => this.#world.sendProbe(SUPER_ID, to, bytes);
    const nothing = (): void => undefined;
    const host = { nodeId: SUPER_ID, activity, clock, bits32: this.random.bits32, sendProbe };
    return new FineLinks({ ...host, onLink: nothing, onExchange: nothing }, this.nodes, undefined);
  }

  #makeChannel(nodeId: number): ControlChannel {
    const delayUs = this.#options.controlDelayUs ?? 20 * MS;
    const channel: ControlChannel = new ControlChannel(this.time, this.random, delayUs, {
      canConnect: () => this.supernode.alive && this.edge(nodeId).alive,
      onOpen: () => {
        const send = (message: SuperMessage): boolean =>
          channel.send(() => {
            const edge = this.edge(nodeId);
            edge.main.run(() => edge.alive && edge.onMessage(message));
          });
        const { issuer } = this.edge(nodeId).rows;
        this.supernode.main.run(() => this.supernode.onConnected(nodeId, send, issuer));
        this.edge(nodeId).main.run(() => this.edge(nodeId).onConnected());
      },
      onClose: () => this.supernode.main.run(() => this.supernode.onClosed(nodeId)),
    });
    return channel;
  }

  #makeWorld(): EdgeWorld {
    return {
      sendProbe: (from, to, bytes) => this.#sendProbe(from, to, bytes),
      sendRecord: (from, to, payload, hop) => {
        const edge = this.edge(from);
        edge.activity.sent(to, edge.clock.rawUs() / 1000, false);
        this.#packets.send(edge, to, { payload, sequence: 0 }, hop);
      },
      report: (nodeId, report) => {
        const { supernode } = this;
        this.channel(nodeId).send(() =>
          supernode.main.run(() => supernode.alive && supernode.onReport(nodeId, report)),
        );
      },
      requestRow: (nodeId) => {
        const { supernode } = this;
        this.channel(nodeId).send(() => supernode.main.run(() => supernode.onRowRequest(nodeId)));
      },
      onLink: (node, peer, up) => this.linkChanges.push({ atUs: this.nowUs, node, peer, up }),
      onRoutes: (node, before, after) => {
        for (const destination of this.nodes) {
          const [from, to] = [before[destination] ?? 0, after[destination] ?? 0];
          if (from !== to) this.routeChanges.push({ atUs: this.nowUs, node, destination, from, to });
        }
      },
    };
  }

  #sendProbe(from: number, to: number, bytes: Uint8Array): void {
    const tookUs = this.underlay.travel(from, to);
    if (tookUs === undefined) return;
    this.time.after(tookUs, () => {
      if (to === SUPER_ID) {
        if (this.supernode.alive) this.#superLinks?.probe(from, bytes);
        return;
      }
      const edge = this.edge(to);
      if (!edge.alive || !(edge.links instanceof FineLinks)) return;
      edge.activity.received(from, edge.clock.rawUs() / 1000, false);
      edge.links.probe(from, bytes);
    });
  }
}
