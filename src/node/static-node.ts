/**
 * A node in static mode: the rooms wired together. Peers, keys and the next-hop table come from the file; the data
 * plane runs in its worker; this thread shakes hands, resolves names and answers questions about state.
 */
import type { EdgeConfig, PeerConfig } from "../config/edge-config.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import { EtherloomError } from "../errors.ts";
import type { Addon } from "../native/addon.ts";
import { hash, importPrivateKey, type KeyPair } from "../noise/primitives.ts";
import { packAddress, PACKED_ADDRESS_BYTES, parseAddress } from "../wire/address.ts";
import { decodeControl, encodeControl, GOODBYE_REMOVED, GOODBYE_STOPPING } from "../wire/control.ts";
import { EndpointResolver } from "./endpoint-resolver.ts";
import { Keepalives } from "./keepalive.ts";
import { KeyLearning } from "./key-learning.ts";
import type { Logger } from "./log.ts";
import { aeadBits, neighbourSetup, timersOf, workerSetup } from "./node-setup.ts";
import { reloadPeer } from "./peer-reload.ts";
import { keyName, type Peer, PeerTable } from "./peer.ts";
import { PlaneClient } from "./plane-client.ts";
import { SessionManager } from "./session-manager.ts";
import type { StateDir } from "./state-dir.ts";
import { staticRoutes } from "./static-routes.ts";
import { StoredTimestamps } from "./stored-timestamps.ts";

export interface StaticNodeOptions {
  readonly config: EdgeConfig;
  readonly addon: Addon;
  readonly state: StateDir;
  readonly log: Logger;
  /** `--bind std`: no segmentation offload. */
  readonly plainSockets: boolean;
  /** The node cannot go on. */
  readonly onFailure: (error: EtherloomError) => void;
  /** A frame for a stdio port; false when there is no room for it. */
  readonly onFrame: (frame: Uint8Array) => boolean;
}

export class StaticNode {
  readonly config: EdgeConfig;
  readonly publicKey: Uint8Array;
  readonly peers: PeerTable = new PeerTable();
  readonly plane: PlaneClient;
  readonly sessions: SessionManager;
  readonly #options: StaticNodeOptions;
  readonly #keys: KeyPair;
  readonly #learning: KeyLearning;
  readonly #keepalives: Keepalives;
  readonly #linkUp: Set<number> = new Set();
  #configured: Map<string, PeerConfig>;
  /** NodeID → key in the file; the key learning looks at the same map. */
  readonly #fileKeys: Map<number, Uint8Array> = new Map();
  #resolver: EndpointResolver | undefined;
  #table: EdgeConfig["nextHopTable"];
  /** Link numbers that are free below `#nextLink`. */
  readonly #freeLinks: number[] = [];
  #nextLink = 0;
  #listenPort: number;
  #fwMark: number;
  #stopped = false;
  #refusedFrames = 0;

  constructor(options: StaticNodeOptions) {
    const { config, addon, state, log } = options;
    this.#options = options;
    this.config = config;
    this.#table = config.nextHopTable;
    this.#listenPort = config.listenPort;
    this.#fwMark = config.fwMark;
    this.#configured = new Map(config.peers.map((peer) => [keyName(peer.pubKey), peer]));
    this.#noteFileKeys(config);
    this.#keys = importPrivateKey(config.privKey);
    this.publicKey = this.#keys.publicKey.bytes;
    const now = (): number => addon.now() / 1000;
    const neighbours = config.peers.filter((peer) => this.isNeighbour(peer));
    const links = new Map(neighbours.map((peer) => [peer.nodeId, this.#takeLink()]));
    this.plane = new PlaneClient(
      workerSetup(
        config,
        this.publicKey,
        !options.plainSockets,
        this.#routes(),
        neighbours.map((peer) => neighbourSetup(peer, links.get(peer.nodeId) ?? 0)),
      ),
      (message) => this.#onPlane(message),
      options.onFailure,
    );
    this.sessions = new SessionManager({
      keys: this.#keys,
      publicKey: this.publicKey,
      nodeId: config.nodeId,
      networkTag: hash(new TextEncoder().encode(config.networkName)).subarray(0, 8),
      aeadBits: aeadBits(config.aead),
      mac: (key, data) => addon.blake2sMac(key, data),
      timers: timersOf(config),
      timestamps: StoredTimestamps.open(state),
      now,
      peers: this.peers,
      plane: this.plane,
      onStranger: (nodeId, key) => this.#learning.stranger(nodeId, key),
      onEstablished: (peer) => this.#onEstablished(peer),
    });
    this.#learning = new KeyLearning({
      nodeId: config.nodeId,
      publicKey: this.publicKey,
      fileKeys: this.#fileKeys,
      learnKeys: config.learnKeys,
      state,
      log,
      now,
      nextHop: (nodeId) => this.#table.get(config.nodeId)?.get(nodeId),
      send: (nodeId, control) => this.#sendControl(nodeId, control),
      onKey: (nodeId, key, via) => this.#onLearnedKey(nodeId, key, via),
    });
    for (const peer of config.peers) this.#createPeer(peer, links.get(peer.nodeId) ?? -1, "file");
    this.#keepalives = new Keepalives(this.peers, now, (peer) => {
      this.sessions.open(peer);
      this.plane.post({ type: "keepalive", nodeId: peer.nodeId });
    });
  }

  get listenPort(): number {
    return this.#listenPort;
  }

  get fwMark(): number {
    return this.#fwMark;
  }

  /** Frames that the data plane delivered and a port in this thread had no room for. */
  get refusedFrames(): number {
    return this.#refusedFrames;
  }

  get routes(): RouteEntry[] {
    return this.#routes().routes;
  }

  /** Opens ports and sockets, then calls the neighbours. @throws EtherloomError */
  async start(): Promise<Extract<FromWorker, { type: "ready" }>> {
    const ready = await this.plane.ready();
    this.#listenPort = ready.udp.port;
    const { config } = this;
    this.#resolver = new EndpointResolver({
      afPrefer: config.afPrefer,
      ipv4: ready.udp.ipv4,
      ipv6: ready.udp.ipv6,
      intervalMs: config.resetEndPointInterval * 1000,
      log: this.#options.log,
      isUp: (nodeId) => this.#linkUp.has(nodeId),
      onAddress: (nodeId, packed) => this.#onResolved(nodeId, packed),
    });
    for (const peer of this.peers) {
      if (peer.endPoint !== null && peer.link >= 0) this.#resolver.watch(peer.nodeId, peer.endPoint);
    }
    return ready;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#resolver?.stop();
    this.#learning.stop();
    this.#keepalives.stop();
    const payload = encodeControl({ type: "goodbye", reason: GOODBYE_STOPPING });
    await this.plane.ask({ type: "goodbye", payload }).catch(() => undefined);
    this.sessions.stop();
    await this.plane.close();
  }

  /** What the file says of the peer with this key, whether it was removed meanwhile or not. */
  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined {
    return this.#configured.get(keyName(publicKey));
  }

  addPeer(config: PeerConfig): Peer {
    let link = -1;
    if (this.isNeighbour(config)) {
      link = this.#takeLink();
      this.plane.post({ type: "neighbour", neighbour: neighbourSetup(config, link) });
    }
    const peer = this.#createPeer(config, link, "file");
    if (peer.endPoint !== null && link >= 0) this.#resolver?.watch(peer.nodeId, peer.endPoint);
    return peer;
  }

  removePeer(peer: Peer): void {
    const payload = encodeControl({ type: "goodbye", reason: GOODBYE_REMOVED });
    this.plane.post({ type: "control", nodeId: peer.nodeId, payload });
    this.#resolver?.forget(peer.nodeId);
    this.sessions.close(peer);
    this.peers.remove(peer);
    this.#linkUp.delete(peer.nodeId);
    if (peer.link >= 0) this.#freeLinks.push(peer.link);
    this.plane.post({ type: "removePeer", nodeId: peer.nodeId });
  }

  /** `address` is numeric, `a.b.c.d:port` or `[v6]:port`. */
  setEndpoint(peer: Peer, address: string): void {
    const parsed = parseAddress(address);
    if (parsed === undefined || peer.link < 0) return;
    this.#resolver?.forget(peer.nodeId);
    const packed = new Uint8Array(PACKED_ADDRESS_BYTES);
    packAddress(parsed, packed);
    peer.endPoint = address;
    this.plane.post({ type: "endpoint", nodeId: peer.nodeId, address: packed, source: "set" });
    this.sessions.open(peer);
  }

  /** The file names another place: `host:port`, resolved now and from time to time. */
  setEndPointName(peer: Peer, endPoint: string): void {
    peer.endPoint = endPoint;
    if (peer.link >= 0) this.#resolver?.watch(peer.nodeId, endPoint);
  }

  /** Whether there is a direct link to this peer: it has an endpoint, or the own row sends something to it. */
  isNeighbour(peer: PeerConfig): boolean {
    const row = this.#table.get(this.config.nodeId);
    return peer.endPoint !== null || [...(row?.values() ?? [])].includes(peer.nodeId);
  }

  /** errno, 0 = done; on failure the old port stays open. */
  async rebind(port: number): Promise<number> {
    const answer = await this.plane.ask({ type: "rebind", port });
    this.#listenPort = answer.port;
    return answer.errno;
  }

  async setFwMark(mark: number): Promise<boolean> {
    const answer = await this.plane.ask({ type: "mark", mark });
    if (answer.ok) this.#fwMark = mark;
    return answer.ok;
  }

  /** Takes over peers and table of a file that was read again; returns what changed, a line each. */
  reload(config: EdgeConfig): string[] {
    const changes: string[] = [];
    this.#configured = new Map(config.peers.map((peer) => [keyName(peer.pubKey), peer]));
    this.#noteFileKeys(config);
    for (const peer of [...this.peers]) {
      if (peer.keySource !== "file" || this.#configured.has(keyName(peer.publicKey))) continue;
      this.removePeer(peer);
      changes.push(`peer ${peer.nodeId} removed`);
    }
    this.#table = config.nextHopTable;
    for (const wanted of config.peers) changes.push(...reloadPeer(this, wanted));
    this.#postRoutes();
    return changes;
  }

  #noteFileKeys(config: EdgeConfig): void {
    this.#fileKeys.clear();
    for (const peer of config.peers) this.#fileKeys.set(peer.nodeId, peer.pubKey);
  }

  #takeLink(): number {
    return this.#freeLinks.pop() ?? this.#nextLink++;
  }

  #createPeer(config: PeerConfig, link: number, keySource: string): Peer {
    const { nodeId, name, pubKey, psKey, endPoint, persistentKeepalive } = config;
    const peer: Peer = {
      nodeId,
      name,
      publicKey: pubKey,
      keySource,
      psk: psKey,
      endPoint,
      persistentKeepalive,
      link,
      core: this.sessions.createCore(nodeId, pubKey, psKey, () => peer),
      endpoint: null,
      aead: 0,
      handshakeAtMs: 0,
      handshakes: 0,
      wantedAtMs: 0,
      opened: false,
    };
    this.peers.add(peer);
    return peer;
  }

  #onPlane(message: FromWorker): void {
    switch (message.type) {
      case "handshake":
        return this.sessions.handshake(message);
      case "confirmed":
        return this.sessions.confirmed(message.localIndex);
      case "activity":
        return this.sessions.activity(message);
      case "control":
        return this.#onControl(message.nodeId, message.payload);
      case "want":
        return this.#want(message.nodeId);
      case "endpoint": {
        const peer = this.peers.byNode(message.nodeId);
        if (peer !== undefined) peer.endpoint = message.address;
        return;
      }
      case "link":
        // What was on its way here when the peer was removed must not be taken for its successor's.
        if (this.peers.byNode(message.nodeId) === undefined) return;
        if (message.up) this.#linkUp.add(message.nodeId);
        else this.#linkUp.delete(message.nodeId);
        this.#options.log.info({ node: message.nodeId }, message.up ? "link up" : "link down");
        return;
      case "frame":
        if (!this.#options.onFrame(message.bytes)) this.#refusedFrames++;
        return;
      case "portLost":
        this.#options.onFailure(new EtherloomError("EL_INTERFACE_LOST", `interface ${message.name} is gone`));
        return;
      default:
        return;
    }
  }

  #want(nodeId: number): void {
    const peer = this.peers.byNode(nodeId);
    if (peer !== undefined) this.sessions.open(peer);
    else this.#learning.want(nodeId);
  }

  #onControl(from: number, payload: Uint8Array): void {
    const message = decodeControl(payload);
    switch (message?.type) {
      case "who-is":
        return this.#learning.whoIs(from, message.nodeId, message.hopsLeft);
      case "key-is":
        return this.#learning.keyIs(from, message.nodeId, message.publicKey, message.hops);
      case "goodbye":
        return this.#onGoodbye(from);
      default:
        return;
    }
  }

  /** The peer stopped: its keys are worth nothing any more, and it is called again only if it can be. */
  #onGoodbye(from: number): void {
    const peer = this.peers.byNode(from);
    if (peer === undefined) return;
    this.#options.log.info({ node: from }, "peer said goodbye");
    this.sessions.close(peer);
    this.plane.post({ type: "purge", nodeId: from });
    if (peer.endPoint !== null && peer.link >= 0) this.sessions.open(peer);
  }

  #onResolved(nodeId: number, packed: Uint8Array): void {
    const peer = this.peers.byNode(nodeId);
    if (peer === undefined) return;
    this.plane.post({ type: "endpoint", nodeId, address: packed, source: "configured" });
    this.sessions.open(peer);
  }

  #onLearnedKey(nodeId: number, publicKey: Uint8Array, via: number): void {
    const present = this.peers.byNode(nodeId);
    if (present !== undefined) {
      if (present.keySource === "file" || keyName(present.publicKey) === keyName(publicKey)) return;
      this.removePeer(present);
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
    this.sessions.open(this.#createPeer(config, -1, `vouched by ${via}`));
  }

  #onEstablished(peer: Peer): void {
    this.#options.log.debug({ node: peer.nodeId }, "session established");
    if (peer.keySource !== "file") this.#learning.established(peer.nodeId, peer.publicKey);
  }

  #sendControl(nodeId: number, payload: Uint8Array): void {
    const peer = this.peers.byNode(nodeId);
    if (peer !== undefined) this.sessions.open(peer);
    this.plane.post({ type: "control", nodeId, payload });
  }

  #routes(): ReturnType<typeof staticRoutes> {
    const peers = [...this.#configured.values()].map((peer) => peer.nodeId);
    return staticRoutes(this.#table, this.config.nodeId, peers);
  }

  #postRoutes(): void {
    this.plane.post({ type: "routes", ...this.#routes() });
  }
}
