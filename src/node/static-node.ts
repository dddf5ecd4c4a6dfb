/**
 * A node in static mode: peers, keys and the next-hop table come from the file; keys that the file lacks are asked for
 * along the route.
 */
import { isDeepStrictEqual } from "node:util";
import type { EdgeConfig, PeerConfig } from "../config/edge-config.ts";
import type { NodeQuestion, QuestionRefused, TraceAnswer } from "../api/status-model.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import type { ControlMessage } from "../wire/control.ts";
import { KeyLearning } from "./key-learning.ts";
import { NodeCore, type NodeEnvironment } from "./node-core.ts";
import { findNodeId } from "./node-names.ts";
import { reloadPeer } from "./peer-reload.ts";
import { keyName, type Peer } from "./peer.ts";
import type { RunningNode } from "./running-node.ts";
import { staticRoutes } from "./static-routes.ts";
import { Traces } from "./traces.ts";

export class StaticNode implements RunningNode {
  readonly mode = "static";
  readonly config: EdgeConfig;
  readonly core: NodeCore;
  readonly #learning: KeyLearning;
  readonly #traces: Traces;
  #configured: Map<string, PeerConfig>;
  /** NodeID → key in the file; the key learning looks at the same map. */
  readonly #fileKeys: Map<number, Uint8Array> = new Map();
  #table: EdgeConfig["nextHopTable"];

  constructor(config: EdgeConfig, environment: NodeEnvironment) {
    this.config = config;
    this.#table = config.nextHopTable;
    this.#configured = new Map(config.peers.map((peer) => [keyName(peer.pubKey), peer]));
    this.#noteFileKeys(config);
    this.core = new NodeCore(
      config,
      environment,
      this.#routes(),
      {
        onStranger: (nodeId, key) => this.#learning.stranger(nodeId, key),
        onEstablished: (peer) => this.#onEstablished(peer),
        onWant: (nodeId) => this.#learning.want(nodeId),
        onControl: (from, message) => this.#onControl(from, message),
        onPlane: (message) => message.type === "traced" && this.#traces.answered(message),
      },
      { clockParent: null, directFallback: false },
    );
    this.#traces = new Traces(this.core);
    this.#learning = new KeyLearning({
      nodeId: config.nodeId,
      publicKey: this.core.publicKey,
      fileKeys: this.#fileKeys,
      learnKeys: config.learnKeys,
      state: environment.state,
      log: environment.log,
      now: () => this.core.now(),
      nextHop: (nodeId) => this.#table.get(config.nodeId)?.get(nodeId),
      send: (nodeId, control) => this.core.sendControl(nodeId, control),
      onKey: (nodeId, key, via) => this.#onLearnedKey(nodeId, key, via),
    });
    for (const peer of config.peers) this.addPeer(peer);
  }

  get routes(): RouteEntry[] {
    return this.#routes().routes;
  }

  start(): Promise<Extract<FromWorker, { type: "ready" }>> {
    return this.core.start();
  }

  async stop(): Promise<void> {
    this.#learning.stop();
    await this.core.stop();
  }

  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined {
    return this.#configured.get(keyName(publicKey));
  }

  addPeer(config: PeerConfig): Peer {
    return this.core.addPeer(config, { neighbour: this.isNeighbour(config), keySource: "file" });
  }

  /** Whether there is a direct link to this peer: it has an endpoint, or the own row sends something to it. */
  isNeighbour(peer: PeerConfig): boolean {
    const row = this.#table.get(this.config.nodeId);
    return peer.endPoint !== null || [...(row?.values() ?? [])].includes(peer.nodeId);
  }

  async answer({ kind, node }: NodeQuestion): Promise<TraceAnswer | QuestionRefused> {
    if (kind === "why")
      return { error: "routes come from the file's nextHopTable: nothing else was considered" };
    const target = findNodeId(this.core, node);
    if (target === undefined) return { error: `no node ${node} is known here` };
    return target === this.config.nodeId ? { error: `${node} is this node` } : this.#traces.ask(target);
  }

  /** Takes over peers and table of a file that was read again; returns what changed, a line each. */
  reload(config: EdgeConfig): string[] {
    const changes: string[] = [];
    const before = this.#configured;
    const ownRow = (): ReadonlyMap<number, number> | undefined => this.#table.get(config.nodeId);
    const rowBefore = ownRow();
    this.#configured = new Map(config.peers.map((peer) => [keyName(peer.pubKey), peer]));
    this.#noteFileKeys(config);
    for (const peer of [...this.core.peers]) {
      if (peer.keySource !== "file" || this.#configured.has(keyName(peer.publicKey))) continue;
      this.core.removePeer(peer);
      changes.push(`peer ${peer.nodeId} removed`);
    }
    this.#table = config.nextHopTable;
    for (const wanted of config.peers)
      changes.push(...reloadPeer(this, wanted, before.get(keyName(wanted.pubKey))));
    if (!isDeepStrictEqual(ownRow(), rowBefore)) changes.push("nextHopTable: the own row changed");
    this.core.plane.post({ type: "routes", ...this.#routes() });
    return changes;
  }

  #noteFileKeys(config: EdgeConfig): void {
    this.#fileKeys.clear();
    for (const peer of config.peers) this.#fileKeys.set(peer.nodeId, peer.pubKey);
  }

  #onControl(from: number, message: ControlMessage): void {
    if (message.type === "who-is") this.#learning.whoIs(from, message.nodeId, message.hopsLeft);
    else if (message.type === "key-is")
      this.#learning.keyIs(from, message.nodeId, message.publicKey, message.hops);
  }

  #onLearnedKey(nodeId: number, publicKey: Uint8Array, via: number): void {
    const present = this.core.peers.byNode(nodeId);
    if (present !== undefined) {
      if (present.keySource === "file" || keyName(present.publicKey) === keyName(publicKey)) return;
      this.core.removePeer(present);
    }
    const config: PeerConfig = {
      nodeId,
      name: `node${nodeId}`,
      pubKey: publicKey,
      psKey: null,
      endPoint: null,
      persistentKeepalive: 0,
      static: false,
    };
    const peer = this.core.addPeer(config, { neighbour: false, keySource: `vouched by ${via}` });
    this.core.sessions.open(peer);
  }

  #onEstablished(peer: Peer): void {
    if (peer.keySource !== "file") this.#learning.established(peer.nodeId, peer.publicKey);
  }

  #routes(): ReturnType<typeof staticRoutes> {
    const peers = [...this.#configured.values()].map((peer) => peer.nodeId);
    return staticRoutes(this.#table, this.config.nodeId, peers);
  }
}
