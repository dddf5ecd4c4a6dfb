/**
 * The supernode: knows the members from its file, sees where they are by their UDP sessions, collects what they report
 * of their links, and gives each one its row of the next-hop table. It moves no frames (DESIGN §9).
 */
import { isDeepStrictEqual } from "node:util";
import { encodeKey } from "../config/key-text.ts";
import type { PeerConfig } from "../config/edge-config.ts";
import type { SuperConfig, SuperPeerConfig } from "../config/super-config.ts";
import type { NodeQuestion, QuestionRefused, StatusDocument, WhyAnswer } from "../api/status-model.ts";
import type { EdgeMessage, Hello, Parameters as SuperParameters } from "../control/messages.ts";
import type { ListenError } from "../control/listen.ts";
import { SUPER_VERSION } from "../control/messages.ts";
import {
  createSuperServer,
  type Authorization,
  type EdgeConnection,
  type Refusal,
  type SuperServer,
} from "../control/super-server.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import { EtherloomError, listenInUse } from "../errors.ts";
import { Coordinator } from "../routing/coordinator.ts";
import { controlLog } from "./control-log.ts";
import { EdgeFeed } from "./edge-feed.ts";
import { takeIncarnation } from "./incarnation.ts";
import { MemberBook } from "./member-book.ts";
import { NodeCore, networkTag, type NodeEnvironment } from "./node-core.ts";
import { findNodeId } from "./node-names.ts";
import { PairPsks } from "./pair-psk.ts";
import { packageVersion } from "./paths.ts";
import { endpointText, type Peer } from "./peer.ts";
import { RestartGrace } from "./restart-grace.ts";
import type { RunningNode } from "./running-node.ts";
import { superCoreConfig } from "./super-core-config.ts";
import { whyAnswer } from "./super-questions.ts";

/** Changes that come within this time are told together, ms. */
const GATHER_MS = 5;
const EXPIRE_EVERY_MS = 1000;
/** Paths in an answer to `why`, the best ones: a message has 64 KiB. */
const MAX_CANDIDATES = 100;

export class SuperNode implements RunningNode {
  readonly mode = "super";
  readonly core: NodeCore;
  #config: SuperConfig;
  readonly #book: MemberBook;
  readonly #coordinator: Coordinator;
  readonly #incarnation: number;
  readonly #grace: RestartGrace;
  readonly #edges: Map<number, EdgeFeed> = new Map();
  readonly #tag: string;
  #server: SuperServer | undefined;
  #gather: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #lastRefusal: { code: string; text: string; from: string; atMs: number } | undefined;

  constructor(config: SuperConfig, environment: NodeEnvironment) {
    this.#config = config;
    this.#tag = Buffer.from(networkTag(config.networkName)).toString("hex");
    const { number, restarted } = takeIncarnation(environment.state, Date.now());
    this.#incarnation = number;
    this.core = new NodeCore(
      superCoreConfig(config),
      environment,
      { routes: [], floodSet: [], members: config.peers.map(({ nodeId }) => nodeId) },
      { onEndpoint: (peer) => this.#onEndpoint(peer) },
      { clockParent: null, directFallback: true },
    );
    this.#grace = new RestartGrace(restarted, this.core.now());
    this.#book = new MemberBook(config.usePskForInterEdge ? new PairPsks(config.privKey) : undefined);
    const { staticMode, manualLatency, relayCost } = config.graphRecalculateSetting;
    this.#coordinator = new Coordinator({
      incarnation: number,
      relayCostUs: Math.round(relayCost * 1000),
      manualLatency,
      ...(staticMode && { staticTable: config.nextHopTable }),
    });
    this.#book.setPeers(config.peers);
    this.#coordinator.setMembers(this.#book.policies());
    for (const peer of config.peers) this.#addPeer(peer);
  }

  get routes(): RouteEntry[] {
    return [];
  }

  get controlPort(): number {
    return this.#server?.port ?? this.#config.controlPort;
  }

  async start(): Promise<Extract<FromWorker, { type: "ready" }>> {
    const ready = await this.core.start();
    const { bind, privKey, networkSecret, controlPort } = this.#config;
    this.#server = await createSuperServer({
      privKey,
      controlPort,
      addresses: [bind.ipv4, bind.ipv6].filter((address) => address !== null),
      ...(networkSecret !== null && { networkSecret }),
      authorize: (pubKey, hello) => this.#authorize(pubKey, hello),
      onEdge: (edge) => this.#onEdge(edge),
      onRefused: (refusal) => this.#onRefused(refusal),
      log: controlLog(this.core.log),
    }).catch((error: ListenError) => {
      const { code, protocol, message } = error;
      const host = error.address || (bind.ipv4 ?? bind.ipv6 ?? "");
      const address = `${host.includes(":") ? `[${host}]` : host}:${controlPort}`;
      if (code === "EADDRINUSE") throw listenInUse(protocol, address);
      throw new EtherloomError("EL_LISTEN", `control port ${address}: ${message}`);
    });
    this.#timer = setInterval(() => this.#tick(), EXPIRE_EVERY_MS);
    this.#timer.unref();
    return ready;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#gather);
    await this.#server?.close();
    await this.core.stop();
  }

  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined {
    const found = this.#memberOf(publicKey);
    return found === undefined ? undefined : peerConfig(found);
  }

  addPeer(config: PeerConfig): Peer {
    return this.core.addPeer(config, { neighbour: true, keySource: "file" });
  }

  /** Takes over the members of a file that was read again; returns what changed, a line each. */
  reload(config: SuperConfig): string[] {
    const changes: string[] = [];
    const before = new Map(this.#config.peers.map((peer) => [peer.nodeId, peer]));
    this.#config = config;
    const gone = this.#book.setPeers(config.peers);
    const policies = this.#book.policies();
    // A NodeID with another key is another node: what was reported under it is forgotten.
    this.#coordinator.setMembers(policies.filter(({ nodeId }) => !gone.includes(nodeId)));
    this.#coordinator.setMembers(policies);
    // The others hear of it before anything else is done.
    this.#tell();
    for (const nodeId of gone) {
      this.#edges.get(nodeId)?.connection.close("removed", "removed from the supernode's file");
      const peer = this.core.peers.byNode(nodeId);
      if (peer !== undefined) this.core.removePeer(peer);
      changes.push(`member ${nodeId} removed`);
    }
    for (const peer of config.peers) {
      const old = gone.includes(peer.nodeId) ? undefined : before.get(peer.nodeId);
      if (old === undefined) {
        this.#addPeer(peer);
        changes.push(`member ${peer.nodeId} added`);
      } else if (!isDeepStrictEqual(old, peer)) {
        this.#updatePeer(old, peer);
        changes.push(`member ${peer.nodeId} changed`);
      }
    }
    this.core.plane.post({
      type: "routes",
      routes: [],
      floodSet: [],
      members: config.peers.map(({ nodeId }) => nodeId),
    });
    return changes;
  }

  async answer({ kind, node, from }: NodeQuestion): Promise<WhyAnswer | QuestionRefused> {
    if (kind === "trace") return { error: "a supernode moves no frames: ask an edge" };
    if (from === undefined) return { error: "say whose paths: why NODE --from NODE" };
    const [source, target] = [findNodeId(this.core, from), findNodeId(this.core, node)];
    if (source === undefined || target === undefined) {
      return { error: `no node ${source === undefined ? from : node} is known here` };
    }
    return whyAnswer(this.core, source, target, this.#coordinator.candidates(source, target));
  }

  extendStatus(document: StatusDocument): void {
    for (const peer of document.peers) peer.online = this.#book.isOnline(peer.nodeId);
    const { full, incremental, ...refusedReports } = this.#coordinator.counters();
    const counters = this.#server?.counters();
    document.control = {
      port: this.controlPort,
      connected: this.#edges.size,
      settled: this.#grace.settled,
      computed: { full: full ?? 0, incremental: incremental ?? 0 },
      refused: { ...counters?.refused, ...refusedReports },
      lastRefusal: this.#lastRefusal ?? null,
    };
  }

  /** The member in the file with this key. */
  #memberOf(pubKey: Uint8Array): SuperPeerConfig | undefined {
    return this.#config.peers.find((peer) => Buffer.compare(peer.pubKey, pubKey) === 0);
  }

  #addPeer(peer: SuperPeerConfig): void {
    this.addPeer(peerConfig(peer));
  }

  /** What of the file concerns the own session with a member. */
  #updatePeer(old: SuperPeerConfig, wanted: SuperPeerConfig): void {
    const running = this.core.peers.byNode(wanted.nodeId);
    if (running === undefined) return;
    if (old.static !== wanted.static) {
      // A link is made with the peer.
      this.core.removePeer(running);
      return this.#addPeer(wanted);
    }
    running.name = wanted.name;
    if (!isDeepStrictEqual(old.psKey, wanted.psKey)) this.core.sessions.setPsk(running, wanted.psKey);
    if (old.endPoint !== wanted.endPoint) this.core.setEndPointName(running, wanted.endPoint);
  }

  #authorize(pubKey: Uint8Array, hello: Hello): Authorization {
    const peer = this.#memberOf(pubKey);
    if (peer === undefined)
      return { ok: false, code: "unknown-key", text: "no member of this network has this key" };
    if (hello.networkTag !== this.#tag)
      return { ok: false, code: "wrong-network", text: "the names of the networks differ" };
    if (hello.nodeId !== peer.nodeId)
      return { ok: false, code: "wrong-node-id", text: `this key belongs to node ${peer.nodeId}` };
    return { ok: true, nodeId: peer.nodeId };
  }

  #onEdge(connection: EdgeConnection): void {
    const { nodeId, hello } = connection;
    const feed = new EdgeFeed(connection, this.#book, this.#coordinator);
    connection.onMessage = (message) => this.#onMessage(feed, message);
    connection.onClose = (reason) => this.#onClose(feed, reason);
    this.#edges.set(nodeId, feed);
    this.core.log.info(
      { node: nodeId, from: connection.remoteAddress, transport: connection.transport },
      "edge connected",
    );
    this.#book.arrived(nodeId, hello);
    this.#coordinator.setMembers(this.#book.policies());
    this.#coordinator.setPresence(this.#nowUs(), nodeId, true);
    const observed = this.#book.observedOf(nodeId);
    connection.send({
      type: "welcome",
      protocol: SUPER_VERSION,
      incarnation: this.#incarnation,
      version: packageVersion(),
      name: this.#config.nodeName,
      parameters: this.#parameters(),
      ...(observed !== undefined && { observed }),
    });
    feed.sendAllMembers();
    this.#soon();
  }

  #onClose(feed: EdgeFeed, reason: string): void {
    const { nodeId } = feed.connection;
    if (this.#edges.get(nodeId) !== feed) return;
    this.#edges.delete(nodeId);
    this.core.log.info({ node: nodeId }, `edge gone: ${reason}`);
    this.#book.left(nodeId);
    this.#coordinator.setPresence(this.#nowUs(), nodeId, false);
    this.#soon();
  }

  #onMessage(feed: EdgeFeed, message: Exclude<EdgeMessage, Hello>): void {
    const { nodeId } = feed.connection;
    if (this.#edges.get(nodeId) !== feed) return;
    switch (message.type) {
      case "report": {
        const { refused } = this.#coordinator.report(this.#nowUs(), nodeId, message.report);
        for (const { reason, peer } of refused) {
          this.core.log.warn(
            { node: nodeId, ...(peer !== undefined && { peer }) },
            `report refused: ${reason}`,
          );
        }
        this.#grace.reported(nodeId, message.report.links);
        return this.#soon();
      }
      case "endpoints":
        this.#book.setLocal(nodeId, message.endpoints);
        return this.#soon();
      case "row-request":
        feed.forgetRow();
        feed.forgetMembers();
        return this.#soon();
      case "ask":
        feed.connection.send({
          type: "answer",
          id: message.id,
          body: this.#coordinator.candidates(nodeId, message.to).slice(0, MAX_CANDIDATES),
        });
        return;
      default:
        return;
    }
  }

  #onRefused({ code, text, from, pubKey }: Refusal): void {
    const key = pubKey === undefined ? {} : { key: encodeKey(pubKey) };
    this.core.log.warn({ from, code, ...key }, `connection refused: ${text}`);
    this.#lastRefusal = { code, text, from, atMs: Date.now() };
  }

  #onEndpoint(peer: Peer): void {
    const text = endpointText(peer);
    if (text === null) return;
    this.#book.setObserved(peer.nodeId, text);
    this.#soon();
  }

  #soon(): void {
    if (!this.#stopped) this.#gather ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  /** Tells every edge what has changed for it. */
  #tell(): void {
    clearTimeout(this.#gather);
    this.#gather = undefined;
    const { changed, removed } = this.#book.takeChanges();
    if (changed.length > 0 || removed.length > 0) {
      for (const feed of this.#edges.values()) feed.sendMembers(changed, removed);
    }
    this.#coordinator.compute();
    if (!this.#grace.check(this.core.now(), (nodeId) => this.#book.config(nodeId) !== undefined)) return;
    for (const feed of this.#edges.values()) feed.sendRow();
  }

  #tick(): void {
    this.#coordinator.expire(this.#nowUs(), this.#config.graphRecalculateSetting.nodeReportTimeout * 1e6);
    for (const feed of this.#edges.values()) feed.repeatMembers();
    this.#tell();
  }

  #parameters(): SuperParameters {
    const { superNodeInfoTimeout, usePskForInterEdge, resetEndPointInterval } = this.#config;
    return {
      superNodeInfoTimeoutS: superNodeInfoTimeout,
      usePskForInterEdge,
      resetEndPointIntervalS: resetEndPointInterval,
    };
  }

  #nowUs(): number {
    return this.core.now() * 1000;
  }
}

function peerConfig(peer: SuperPeerConfig): PeerConfig {
  const { nodeId, name, pubKey, psKey, endPoint } = peer;
  return { nodeId, name, pubKey, psKey, endPoint, persistentKeepalive: 0, static: peer.static };
}
