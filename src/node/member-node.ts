/**
 * An edge of a supernode: members, keys and routes come from there; the links to all members are measured here and
 * reported. The supernode's silence changes nothing that works (DESIGN §9).
 */
import { isDeepStrictEqual } from "node:util";
import type { EdgeConfig, PeerConfig } from "../config/edge-config.ts";
import type {
  HelloFields,
  Parameters as SuperParameters,
  SuperMessage,
  Welcome,
} from "../control/messages.ts";
import type { SuperClient } from "../control/super-client.ts";
import type {
  NodeQuestion,
  QuestionRefused,
  StatusDocument,
  TraceAnswer,
  WhyAnswer,
} from "../api/status-model.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import { Reporter } from "../routing/reporter.ts";
import type { Row, RowDelta } from "../routing/types.ts";
import { SUPER_NODE_ID } from "../wire/node-id.ts";
import { controlLog } from "./control-log.ts";
import { takeIncarnation } from "./incarnation.ts";
import { localEndpoints } from "./local-endpoints.ts";
import { MemberList } from "./member-list.ts";
import { NodeCore, networkTag, type NodeEnvironment } from "./node-core.ts";
import { findNodeId } from "./node-names.ts";
import { packageVersion } from "./paths.ts";
import type { Peer } from "./peer.ts";
import { RowKeeper } from "./row-keeper.ts";
import type { RunningEdge } from "./running-node.ts";
import { SuperChoice } from "./super-choice.ts";
import { SuperQuestions, whyAnswer } from "./super-questions.ts";
import { Traces } from "./traces.ts";

/** How often the machine's addresses are looked at. */
const ADDRESSES_EVERY_MS = 5000;

type Links = Extract<FromWorker, { type: "links" }>;

export class MemberNode implements RunningEdge {
  readonly mode = "super";
  readonly config: EdgeConfig;
  readonly core: NodeCore;
  readonly #members: MemberList;
  readonly #rows: RowKeeper = new RowKeeper();
  readonly #reporter: Reporter;
  readonly #traces: Traces;
  readonly #questions: SuperQuestions;
  readonly #incarnation: number;
  /** The one whose members and rows count; the UDP session is with it. */
  readonly #choice: SuperChoice;
  #client: SuperClient | undefined;
  /** What each supernode said last, by its place in the file. */
  readonly #parameters: Map<number, SuperParameters> = new Map();
  #patienceMs: number;
  #epoch = 0;
  #local: string[] = [];
  /** Where each supernode saw this edge last, by its place in the file. */
  readonly #observed: Map<number, string> = new Map();
  /** The same of the one that is obeyed, or was before. */
  #seenAt: string | undefined;
  #families: { ipv4: boolean; ipv6: boolean } = { ipv4: false, ipv6: false };
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(config: EdgeConfig, environment: NodeEnvironment) {
    this.config = config;
    this.#patienceMs = config.superNodeInfoTimeout * 1000;
    this.#incarnation = takeIncarnation(environment.state, Date.now()).number;
    this.#reporter = new Reporter({
      incarnation: this.#incarnation,
      epoch: 0,
      additionalCostUs: Math.round(config.additionalCostMs * 1000),
    });
    this.core = new NodeCore(
      config,
      environment,
      { routes: [], floodSet: [], members: [config.nodeId] },
      {
        onLink: () => this.#postRoutes(),
        onPlane: (message) => this.#onPlane(message),
      },
      { clockParent: SUPER_NODE_ID, directFallback: true },
    );
    this.#choice = new SuperChoice(this.core.now());
    this.#members = new MemberList(this.core, config.peers, { skipLocalIp: config.skipLocalIp });
    this.#traces = new Traces(this.core);
    this.#questions = new SuperQuestions(
      (message) => this.#client?.send(this.#choice.obeyed, message) ?? false,
    );
    this.#members.assumeOwn();
    this.#postRoutes();
  }

  get routes(): RouteEntry[] {
    return this.#rows.routes((nodeId) => this.#members.get(nodeId) !== undefined);
  }

  async start(): Promise<Extract<FromWorker, { type: "ready" }>> {
    const transport = import("../control/super-client.ts");
    const ready = await this.core.start();
    this.#families = { ipv4: ready.udp.ipv4, ipv6: ready.udp.ipv6 };
    this.#local = this.#localEndpoints();
    this.#meetObeyed();
    const { createSuperClient } = await transport;
    this.#client = await createSuperClient({
      privKey: this.config.privKey,
      ...(this.config.networkSecret !== null && { networkSecret: this.config.networkSecret }),
      supers: this.config.supers.map(({ control, pubKey }) => ({ control, pubKey })),
      hello: () => this.#hello(),
      onConnected: (index, welcome) => this.#onConnected(index, welcome),
      onMessage: (index, message) => this.#onMessage(index, message),
      onClosed: (index, reason) => this.#onClosed(index, reason),
      log: controlLog(this.core.log),
    });
    this.#timer = setInterval(() => this.#tick(), ADDRESSES_EVERY_MS);
    this.#timer.unref();
    return ready;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#client?.close();
    await this.core.stop();
  }

  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined {
    return this.#members.configuredPeer(publicKey);
  }

  addPeer(config: PeerConfig): Peer {
    return this.#members.addPeer(config);
  }

  /** Members are the supernode's to change; nothing of an edge's file can change while it runs. */
  reload(config: EdgeConfig): string[] {
    return isDeepStrictEqual(config.peers, this.config.peers) ? [] : ["peers: only after a restart"];
  }

  async answer({ kind, node, from }: NodeQuestion): Promise<WhyAnswer | TraceAnswer | QuestionRefused> {
    const own = this.config.nodeId;
    if (from !== undefined && findNodeId(this.core, from) !== own)
      return { error: "an edge knows its own paths: ask the supernode for those of others" };
    const target = findNodeId(this.core, node);
    if (target === undefined) return { error: `no node ${node} is known here` };
    if (target === own) return { error: `${node} is this node` };
    if (target === SUPER_NODE_ID) return { error: "a supernode moves no frames: no path leads there" };
    if (kind === "trace") return this.#traces.ask(target);
    const candidates = await this.#questions.why(target);
    if (candidates === undefined) return { error: "no supernode answers, and only it knows all links" };
    return whyAnswer(this.core, own, target, candidates);
  }

  extendStatus(document: StatusDocument): void {
    document.supers = (this.#client?.status() ?? []).map((state, index) => ({
      control: this.config.supers[index]?.control ?? "",
      obeyed: index === this.#choice.obeyed,
      state: state.state,
      code: state.code ?? null,
      text: state.text ?? null,
      transport: state.transport ?? null,
      rttMs: state.rttMs ?? null,
      observed: (index === this.#choice.obeyed ? this.#observed.get(index) : undefined) ?? null,
      sinceSeconds: Math.max(0, Math.round((Date.now() - state.since) / 1000)),
    }));
    for (const route of document.routes) {
      const entry = this.#rows.row?.entries.find(({ destination }) => destination === route.destination);
      route.backup = entry?.backup ?? null;
      route.costUs = entry?.costUs ?? null;
    }
    for (const peer of document.peers) peer.online = this.#members.isOnline(peer.nodeId);
  }

  #onPlane(message: FromWorker): void {
    if (message.type === "links") this.#onLinks(message);
    else if (message.type === "traced") this.#traces.answered(message);
  }

  #onLinks({ nowUs, epoch, forwardUs, links }: Links): void {
    this.#reporter.setForwardTime(forwardUs);
    if (epoch !== this.#epoch) this.#reporter.beginEpoch(epoch);
    this.#epoch = epoch;
    const samples = links.filter(({ from }) => this.#members.get(from) !== undefined);
    const report = this.#reporter.evaluate(nowUs, samples);
    if (report === undefined) return;
    for (const index of this.#choice.open) {
      // One that is too long for a message is told as all there is, which may be longer.
      if (this.#client?.send(index, { type: "report", report }) === false && !report.full)
        this.#client.send(index, { type: "report", report: this.#reporter.full(nowUs) });
    }
  }

  #onConnected(index: number, welcome: Welcome): void {
    const { log } = this.core;
    log.info(
      { supernode: this.config.supers[index]?.control, incarnation: welcome.incarnation },
      "supernode connected",
    );
    this.#parameters.set(index, welcome.parameters);
    this.#onObserved(index, welcome.observed);
    this.#client?.send(index, { type: "report", report: this.#reporter.full(this.core.now() * 1000) });
    const turns = this.#choice.opened(index, this.core.now());
    // What came up since the hello was written.
    this.#tellPlaces([index]);
    if (turns) return this.#meetObeyed();
    this.#obeyParameters();
    // It is there again: no reason to sit out the pause between two handshakes.
    const peer = this.core.peers.byNode(SUPER_NODE_ID);
    if (peer !== undefined && index === this.#choice.obeyed) this.core.sessions.open(peer);
  }

  #onClosed(index: number, reason: string): void {
    if (this.#stopped) return;
    this.core.log.warn({ supernode: this.config.supers[index]?.control }, `supernode lost: ${reason}`);
    if (this.#choice.closed(index, this.core.now())) this.#meetObeyed();
  }

  #onMessage(index: number, message: Exclude<SuperMessage, Welcome>): void {
    if (message.type === "observed") return this.#onObserved(index, message.address);
    // Tables of two issuers are never mixed: what the others say is asked for anew when they are obeyed.
    if (index !== this.#choice.obeyed) return;
    switch (message.type) {
      case "members":
        if (!this.#members.apply(message)) this.#askForAll();
        return this.#postRoutes();
      case "row":
        this.#rows.take(message.row as Row);
        return this.#postRoutes();
      case "row-delta":
        if (this.#rows.change(message.delta as RowDelta)) this.#postRoutes();
        else this.#askForAll();
        return;
      case "parameters":
        this.#parameters.set(index, message.parameters);
        return this.#obeyParameters();
      case "answer":
        return this.#questions.answered(message.id, message.body);
      default:
        return;
    }
  }

  /** What the own file says counts for more. */
  #obeyParameters(): void {
    const said = this.#parameters.get(this.#choice.obeyed);
    if (said === undefined) return;
    const left = new Set(this.config.leftToSupernode);
    if (left.has("resetEndPointInterval")) this.core.setResolveInterval(said.resetEndPointIntervalS);
    if (left.has("superNodeInfoTimeout")) this.#patienceMs = said.superNodeInfoTimeoutS * 1000;
  }

  /** Members and routes of the supernode chosen count from now on, and the UDP session is with it. */
  #meetObeyed(): void {
    const { obeyed } = this.#choice;
    const entry = this.config.supers[obeyed];
    if (entry === undefined) return;
    const before = this.core.peers.byNode(SUPER_NODE_ID);
    if (before !== undefined) this.core.removePeer(before);
    const peer = this.core.addPeer(
      {
        nodeId: SUPER_NODE_ID,
        name: "supernode",
        pubKey: entry.pubKey,
        psKey: entry.psKey,
        endPoint: entry.endpoint,
        persistentKeepalive: 0,
        static: false,
      },
      { neighbour: true, keySource: "file", clockParent: true },
    );
    this.core.sessions.open(peer);
    this.#noteSeen();
    // What it said while another was obeyed was not kept; it answers with members and row.
    this.#members.expectFull();
    this.#askForAll();
    this.#obeyParameters();
  }

  #askForAll(): void {
    this.#client?.send(this.#choice.obeyed, { type: "row-request" });
  }

  #postRoutes(): void {
    const { nodeIds } = this.#members;
    const routes = this.routes;
    const reached = new Set(routes.map(({ destination }) => destination));
    for (const nodeId of nodeIds) if (this.core.isLinkUp(nodeId)) reached.add(nodeId);
    this.core.plane.post({
      type: "routes",
      routes,
      floodSet: [...reached].sort((a, b) => a - b),
      members: [this.config.nodeId, ...nodeIds],
    });
  }

  #hello(): HelloFields {
    const { nodeId, nodeName, networkName, relay, additionalCostMs } = this.config;
    return {
      nodeId,
      name: nodeName,
      version: packageVersion(),
      networkTag: Buffer.from(networkTag(networkName)).toString("hex"),
      incarnation: this.#incarnation,
      epoch: this.#epoch,
      rowOf: this.#choice.isHeard ? undefined : this.#rows.issuer,
      endpoints: this.#local,
      observed: this.#seenAt,
      listenPort: this.core.listenPort,
      relay,
      additionalCostUs: Math.round(additionalCostMs * 1000),
    };
  }

  #tick(): void {
    const alone = this.#choice.aloneSeconds(this.core.now(), this.#patienceMs);
    if (alone !== undefined)
      this.core.log.warn(`no supernode for ${alone} s: members and routes stay as they were`);
    this.#members.rest(this.core.now(), this.#choice.isHeard);
    if (this.#members.lacksList) this.#askForAll();
    const local = this.#localEndpoints();
    if (local.join() !== this.#local.join()) {
      this.#local = local;
      this.#tellPlaces(this.#choice.open);
    }
    if (this.#choice.reconsider(this.core.now())) this.#meetObeyed();
  }

  #onObserved(index: number, address: string | undefined): void {
    if (address === undefined) return;
    this.#observed.set(index, address);
    this.#noteSeen();
  }

  /** The UDP session is with the supernode that is obeyed: the others hear from here where its socket sees this edge. */
  #noteSeen(): void {
    const address = this.#observed.get(this.#choice.obeyed);
    if (address === undefined || address === this.#seenAt) return;
    this.#seenAt = address;
    this.#tellPlaces(this.#choice.open);
  }

  #tellPlaces(supernodes: Iterable<number>): void {
    const message = { type: "endpoints", endpoints: this.#local, observed: this.#seenAt } as const;
    for (const index of supernodes) this.#client?.send(index, message);
  }

  #localEndpoints(): string[] {
    const { skipLocalIp, additionalLocalIp, interface: port } = this.config;
    const overlay = [port.ipv4, port.ipv6, port.ipv6Ll].filter((address) => address !== null);
    const own = skipLocalIp ? [] : localEndpoints({ port: this.core.listenPort, ...this.#families, overlay });
    return [...new Set([...additionalLocalIp, ...own])];
  }
}
