/**
 * The supernode: knows the members from its file, sees where they are by their UDP sessions, collects what they report
 * of their links, and gives each one its row of the next-hop table. It moves no frames (DESIGN §9).
 */
import { isDeepStrictEqual } from "node:util";
import type { PeerConfig } from "../config/edge-config.ts";
import { encodeKey } from "../config/key-text.ts";
import type { SuperConfig, SuperPeerConfig } from "../config/super-config.ts";
import type { NodeQuestion, QuestionRefused, StatusDocument, WhyAnswer } from "../api/status-model.ts";
import type { Hello, Parameters as SuperParameters } from "../control/messages.ts";
import type { ListenError } from "../control/listen.ts";
import { SUPER_VERSION } from "../control/messages.ts";
import { createSuperServer } from "../control/super-server.ts";
import type { Authorization, Refusal, SuperServer } from "../control/super-server.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import { EtherloomError, listenInUse } from "../errors.ts";
import { Coordinator } from "../routing/coordinator.ts";
import { controlLog } from "./control-log.ts";
import { takeIncarnation } from "./incarnation.ts";
import { MemberBook } from "./member-book.ts";
import { NodeCore, networkTag, type NodeEnvironment } from "./node-core.ts";
import { findNodeId, nodeLabel } from "./node-names.ts";
import { PairPsks } from "./pair-psk.ts";
import { packageVersion } from "./paths.ts";
import { endpointText, type Peer } from "./peer.ts";
import { RefusalLog } from "./refusal-log.ts";
import { RestartGrace } from "./restart-grace.ts";
import type { RunningNode } from "./running-node.ts";
import { superCoreConfig } from "./super-core-config.ts";
import { SuperEdges } from "./super-edges.ts";
import { whyAnswer } from "./super-questions.ts";

const TICK_EVERY_MS = 1000;

export class SuperNode implements RunningNode {
  readonly mode = "super";
  readonly core: NodeCore;
  #config: SuperConfig;
  /** By their keys' text. */
  #members: ReadonlyMap<string, SuperPeerConfig>;
  readonly #book: MemberBook;
  readonly #coordinator: Coordinator;
  readonly #grace: RestartGrace;
  readonly #refusals: RefusalLog;
  readonly #edges: SuperEdges;
  readonly #tag: string;
  /** What edges are told; changes in the file wait for a restart. */
  readonly #parameters: SuperParameters;
  #server: SuperServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: SuperConfig, environment: NodeEnvironment) {
    this.#config = config;
    this.#members = byKey(config.peers);
    this.#parameters = {
      superNodeInfoTimeoutS: config.superNodeInfoTimeout,
      usePskForInterEdge: config.usePskForInterEdge,
      resetEndPointIntervalS: config.resetEndPointInterval,
    };
    this.#tag = Buffer.from(networkTag(config.networkName)).toString("hex");
    const { number, restarted } = takeIncarnation(environment.state, Date.now());
    this.core = new NodeCore(
      superCoreConfig(config),
      environment,
      { routes: [], floodSet: [], members: config.peers.map(({ nodeId }) => nodeId) },
      {
        // What the own file says is no observation, until the member answers there.
        onEndpoint: (peer, proven) => proven && this.#onObserved(peer),
        onLink: (peer, up) => up && this.#onObserved(peer),
      },
      { clockParent: null, directFallback: true },
    );
    this.#grace = new RestartGrace(restarted);
    this.#refusals = new RefusalLog(this.core.log);
    this.#book = new MemberBook(
      config.usePskForInterEdge ? new PairPsks(config.pskSecret ?? config.privKey) : undefined,
      () => this.core.now(),
    );
    const { staticMode, manualLatency, relayCost } = config.graphRecalculateSetting;
    this.#coordinator = new Coordinator({
      incarnation: number,
      relayCostUs: Math.round(relayCost * 1000),
      manualLatency,
      ...(staticMode && { staticTable: config.nextHopTable }),
    });
    this.#book.setPeers(config.peers);
    this.#coordinator.setMembers(this.#book.policies());
    this.#edges = new SuperEdges({
      book: this.#book,
      coordinator: this.#coordinator,
      grace: this.#grace,
      refusals: this.#refusals,
      log: this.core.log,
      now: () => this.core.now(),
      welcome: () => ({
        protocol: SUPER_VERSION,
        incarnation: number,
        version: packageVersion(),
        name: this.#config.nodeName,
        parameters: this.#parameters,
      }),
    });
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
      onEdge: (edge) => this.#edges.arrived(edge),
      onRefused: (refusal) => this.#onRefused(refusal),
      onOversize: (nodeId, type) => this.#refusals.unsent(nodeId, type, this.core.now()),
      log: controlLog(this.core.log),
    }).catch((error: ListenError) => {
      const { code, protocol, message } = error;
      const host = error.address || (bind.ipv4 ?? bind.ipv6 ?? "");
      const address = `${host.includes(":") ? `[${host}]` : host}:${controlPort}`;
      if (code === "EADDRINUSE") throw listenInUse(protocol, address);
      throw new EtherloomError("EL_LISTEN", `control port ${address}: ${message}`);
    });
    this.#timer = setInterval(
      () => this.#edges.tick(this.#config.graphRecalculateSetting.nodeReportTimeout * 1000),
      TICK_EVERY_MS,
    );
    this.#timer.unref();
    return ready;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#edges.stop();
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

  /** Takes over what can change of a file that was read again, its members above all; returns what changed, a line each. */
  reload(config: SuperConfig): string[] {
    const changes: string[] = [];
    const before = new Map(this.#config.peers.map((peer) => [peer.nodeId, peer]));
    const { nodeReportTimeout: reportTimeoutBefore } = this.#config.graphRecalculateSetting;
    this.#config = config;
    this.#members = byKey(config.peers);
    const gone = this.#book.setPeers(config.peers);
    const policies = this.#book.policies();
    // A NodeID with another key is another node: what was reported under it is forgotten.
    this.#coordinator.setMembers(policies.filter(({ nodeId }) => !gone.includes(nodeId)));
    this.#coordinator.setMembers(policies);
    // First, so that who is gone is told nothing of those who stay or come; then the others hear of it.
    for (const nodeId of gone) this.#edges.cutOff(nodeId);
    this.#edges.tell();
    for (const nodeId of gone) {
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
    const { nodeReportTimeout } = config.graphRecalculateSetting;
    if (nodeReportTimeout !== reportTimeoutBefore)
      changes.push(`graphRecalculateSetting.nodeReportTimeout ${nodeReportTimeout}`);
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
    const { refused, oversize } = this.#server?.counters() ?? { refused: {}, oversize: 0 };
    for (const peer of document.peers) peer.online = this.#book.isOnline(peer.nodeId);
    // It moves no frames: where its own messages go says nothing of the network.
    document.routes = [];
    document.control = {
      port: this.controlPort,
      connected: this.#edges.count,
      settled: this.#grace.settled,
      computed: this.#coordinator.runs(),
      refused: sums(refused, oversize > 0 ? { oversize } : {}, this.#coordinator.refusals()),
      lastRefusal: this.#refusals.last ?? null,
      refusedReports: this.#coordinator.refusedBy().map(({ nodeId, reason, peer, count }) => ({
        node: nodeLabel(this.core, nodeId),
        reason,
        peer: peer === undefined ? null : nodeLabel(this.core, peer),
        count,
      })),
    };
  }

  /** The member in the file with this key. */
  #memberOf(pubKey: Uint8Array): SuperPeerConfig | undefined {
    return this.#members.get(encodeKey(pubKey));
  }

  #addPeer(peer: SuperPeerConfig): void {
    this.addPeer(peerConfig(peer));
  }

  /** What of the file concerns the own session with a member. */
  #updatePeer(old: SuperPeerConfig, wanted: SuperPeerConfig): void {
    const running = this.core.peers.byNode(wanted.nodeId);
    if (running === undefined) return;
    if (old.skipLocalIp !== wanted.skipLocalIp) this.#edges.repeatMembers(wanted.nodeId);
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

  #onRefused(refusal: Refusal): void {
    const { pubKey, nodeId } = refusal;
    const member = nodeId ?? (pubKey && this.#memberOf(pubKey)?.nodeId);
    this.#refusals.connection(refusal, member, Date.now(), this.core.now());
  }

  #onObserved(peer: Peer): void {
    const text = endpointText(peer);
    if (text !== null) this.#edges.observed(peer.nodeId, text);
  }
}

function byKey(peers: readonly SuperPeerConfig[]): ReadonlyMap<string, SuperPeerConfig> {
  return new Map(peers.map((peer) => [encodeKey(peer.pubKey), peer]));
}

/** Connections and reports may be refused for reasons of the same name. */
function sums(...counts: Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((one) => Object.entries(one)))
    total[name] = (total[name] ?? 0) + count;
  return total;
}

function peerConfig(peer: SuperPeerConfig): PeerConfig {
  const { nodeId, name, pubKey, psKey, endPoint } = peer;
  return { nodeId, name, pubKey, psKey, endPoint, persistentKeepalive: 0, static: peer.static };
}
