/**
 * What every node is made of, whoever tells it its peers and routes: its key, the data plane in its worker, a session
 * with each peer, the peers' links and configured endpoints. Static edges, edges of a supernode and the supernode
 * itself are built around one.
 */
import type { EdgeConfig, PeerConfig } from "../config/edge-config.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import { packedOf } from "../dataplane/underlay.ts";
import { EtherloomError } from "../errors.ts";
import type { Addon } from "../native/addon.ts";
import { hash, importPrivateKey, type KeyPair } from "../noise/primitives.ts";
import { decodeControl, encodeControl, GOODBYE_REMOVED, GOODBYE_STOPPING } from "../wire/control.ts";
import type { ControlMessage } from "../wire/control.ts";
import { EndpointResolver } from "./endpoint-resolver.ts";
import { Keepalives } from "./keepalive.ts";
import type { Logger } from "./log.ts";
import { aeadBits, neighbourSetup, timersOf, workerSetup } from "./node-setup.ts";
import { endpointText, type Peer, PeerTable } from "./peer.ts";
import { PlaneClient } from "./plane-client.ts";
import { SessionManager } from "./session-manager.ts";
import type { StateDir } from "./state-dir.ts";
import type { StaticRoutes } from "./static-routes.ts";
import { StoredTimestamps } from "./stored-timestamps.ts";
import { WallClock } from "./wall-clock.ts";

/** What a node needs of its file; an edge's configuration has it all. */
export type CoreConfig = Pick<
  EdgeConfig,
  | "file"
  | "nodeId"
  | "nodeName"
  | "networkName"
  | "privKey"
  | "listenPort"
  | "fwMark"
  | "bind"
  | "afPrefer"
  | "interface"
  | "defaultTtl"
  | "l2FibTimeout"
  | "resetEndPointInterval"
  | "aead"
  | "relay"
  | "allowLoopback"
  | "realtime"
  | "stateDir"
  | "uapiName"
  | "postScript"
  | "logLevel"
  | "ntp"
  | "warnings"
> & { readonly sessionTimers?: EdgeConfig["sessionTimers"] };

/** What the process around a node gives it. */
export interface NodeEnvironment {
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

/** What the owner of a core decides. */
export interface NodeHooks {
  /** An initiation came from a key that no peer has. */
  readonly onStranger?: (nodeId: number, publicKey: Uint8Array) => void;
  readonly onEstablished?: (peer: Peer) => void;
  /** Frames wait for a node that is no peer. */
  readonly onWant?: (nodeId: number) => void;
  /** A control message other than goodbye. */
  readonly onControl?: (from: number, message: ControlMessage) => void;
  /** A link's endpoint moved; `proven`: to where the peer answers from. */
  readonly onEndpoint?: (peer: Peer, proven: boolean) => void;
  readonly onLink?: (peer: Peer, up: boolean) => void;
  /** Whatever else the data plane tells. */
  readonly onPlane?: (message: FromWorker) => void;
}

/** How a peer is made, besides what its configuration says. */
export interface PeerOptions {
  /** Is there a direct link to it? */
  readonly neighbour: boolean;
  /** Who says that the key is this node's: `file`, `supernode`, `vouched by N`. */
  readonly keySource: string;
  /** Its probes discipline this node's mesh clock. */
  readonly clockParent?: boolean;
}

export class NodeCore {
  readonly config: CoreConfig;
  readonly publicKey: Uint8Array;
  readonly peers: PeerTable = new PeerTable();
  readonly plane: PlaneClient;
  readonly sessions: SessionManager;
  readonly environment: NodeEnvironment;
  readonly keys: KeyPair;
  readonly wallClock: WallClock;
  readonly #hooks: NodeHooks;
  readonly #keepalives: Keepalives;
  readonly #linkUp: Set<number> = new Set();
  /** Link numbers that are free below `#nextLink`. */
  readonly #freeLinks: number[] = [];
  #nextLink = 0;
  #resolver: EndpointResolver | undefined;
  #listenPort: number;
  #fwMark: number;
  #stopped = false;
  #refusedFrames = 0;

  constructor(
    config: CoreConfig,
    environment: NodeEnvironment,
    routes: StaticRoutes,
    hooks: NodeHooks,
    mode: { readonly clockParent: number | null; readonly directFallback: boolean },
  ) {
    this.config = config;
    this.environment = environment;
    this.#hooks = hooks;
    this.#listenPort = config.listenPort;
    this.#fwMark = config.fwMark;
    this.wallClock = new WallClock(config.ntp, environment.log);
    this.keys = importPrivateKey(config.privKey);
    this.publicKey = this.keys.publicKey.bytes;
    this.plane = new PlaneClient(
      workerSetup(config, this.publicKey, !environment.plainSockets, routes, mode),
      (message) => this.#onPlane(message),
      environment.onFailure,
    );
    this.sessions = new SessionManager({
      keys: this.keys,
      publicKey: this.publicKey,
      nodeId: config.nodeId,
      networkTag: networkTag(config.networkName),
      aeadBits: aeadBits(config.aead),
      mac: (key, data) => environment.addon.blake2sMac(key, data),
      timers: timersOf(config),
      timestamps: StoredTimestamps.open(environment.state),
      now: () => this.now(),
      peers: this.peers,
      plane: this.plane,
      onStranger: (nodeId, key) => hooks.onStranger?.(nodeId, key),
      onEstablished: (peer) => this.#onEstablished(peer),
    });
    this.#keepalives = new Keepalives(
      this.peers,
      () => this.now(),
      (peer) => {
        this.sessions.open(peer);
        this.plane.post({ type: "keepalive", nodeId: peer.nodeId });
      },
    );
  }

  /** ms of the clock that timers of this node and of its data plane run on. */
  now(): number {
    return this.environment.addon.now() / 1000;
  }

  get log(): Logger {
    return this.environment.log;
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

  isLinkUp(nodeId: number): boolean {
    return this.#linkUp.has(nodeId);
  }

  /** Opens ports and sockets, then calls the neighbours that have an endpoint. @throws EtherloomError */
  async start(): Promise<Extract<FromWorker, { type: "ready" }>> {
    const ready = await this.plane.ready();
    this.#listenPort = ready.udp.port;
    this.#resolver = new EndpointResolver({
      afPrefer: this.config.afPrefer,
      ipv4: ready.udp.ipv4,
      ipv6: ready.udp.ipv6,
      intervalMs: this.config.resetEndPointInterval * 1000,
      log: this.log,
      isUp: (nodeId) => this.#linkUp.has(nodeId),
      onAddress: (nodeId, packed) => this.#onResolved(nodeId, packed),
    });
    for (const peer of this.peers) this.#watchEndPoint(peer);
    this.wallClock.start();
    return ready;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#resolver?.stop();
    this.wallClock.stop();
    this.#keepalives.stop();
    const payload = encodeControl({ type: "goodbye", reason: GOODBYE_STOPPING });
    await this.plane.ask({ type: "goodbye", payload }).catch(() => undefined);
    this.sessions.stop();
    await this.plane.close();
  }

  addPeer(config: PeerConfig, options: PeerOptions): Peer {
    const link = options.neighbour ? (this.#freeLinks.pop() ?? this.#nextLink++) : -1;
    if (link >= 0) {
      const neighbour = neighbourSetup(config, link, options.clockParent ?? false);
      this.plane.post({ type: "neighbour", neighbour });
    }
    const { nodeId, name, pubKey, psKey, endPoint, persistentKeepalive } = config;
    const peer: Peer = {
      nodeId,
      name,
      publicKey: pubKey,
      keySource: options.keySource,
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
    this.#watchEndPoint(peer);
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
    const packed = packedOf(address);
    if (packed === undefined || peer.link < 0) return;
    this.#resolver?.forget(peer.nodeId);
    peer.endPoint = address;
    this.plane.post({ type: "endpoint", nodeId: peer.nodeId, address: packed, source: "set" });
    this.sessions.open(peer);
  }

  /** The file names another place: `host:port`, resolved now and from time to time; null = none any more. */
  setEndPointName(peer: Peer, endPoint: string | null): void {
    peer.endPoint = endPoint;
    this.#resolver?.forget(peer.nodeId);
    this.#watchEndPoint(peer);
  }

  /** How often endpoint names are looked up again, by word of a supernode; 0 = once. */
  setResolveInterval(seconds: number): void {
    if (this.#resolver !== undefined) this.#resolver.intervalMs = seconds * 1000;
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

  /** A control message to a peer, once there is a session. */
  sendControl(nodeId: number, payload: Uint8Array): void {
    const peer = this.peers.byNode(nodeId);
    if (peer !== undefined) this.sessions.open(peer);
    this.plane.post({ type: "control", nodeId, payload });
  }

  #watchEndPoint(peer: Peer): void {
    if (peer.endPoint !== null && peer.link >= 0) this.#resolver?.watch(peer.nodeId, peer.endPoint);
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
        return this.#onWant(message.nodeId);
      case "endpoint": {
        const peer = this.peers.byNode(message.nodeId);
        if (peer === undefined) return;
        peer.endpoint = message.address;
        this.log.debug({ node: peer.nodeId, endpoint: endpointText(peer) }, "endpoint");
        return this.#hooks.onEndpoint?.(peer, message.proven);
      }
      case "link":
        return this.#onLink(message.nodeId, message.up);
      case "frame":
        if (!this.environment.onFrame(message.bytes)) this.#refusedFrames++;
        return;
      case "portLost":
        return this.environment.onFailure(
          new EtherloomError("EL_INTERFACE_LOST", `interface ${message.name} is gone`),
        );
      default:
        return this.#hooks.onPlane?.(message);
    }
  }

  #onLink(nodeId: number, up: boolean): void {
    const peer = this.peers.byNode(nodeId);
    // What was on its way here when the peer was removed must not be taken for its successor's.
    if (peer === undefined) return;
    if (up && this.#linkUp.size === 0) this.sessions.hope();
    if (up) this.#linkUp.add(nodeId);
    else this.#linkUp.delete(nodeId);
    this.log.info({ node: nodeId }, up ? "link up" : "link down");
    this.#hooks.onLink?.(peer, up);
  }

  #onWant(nodeId: number): void {
    const peer = this.peers.byNode(nodeId);
    if (peer !== undefined) this.sessions.open(peer);
    else this.#hooks.onWant?.(nodeId);
  }

  #onControl(from: number, payload: Uint8Array): void {
    const message = decodeControl(payload);
    if (message === undefined) return;
    if (message.type === "goodbye") this.#onGoodbye(from);
    else this.#hooks.onControl?.(from, message);
  }

  /** The peer stopped: its keys are worth nothing any more, and it is called again only if it can be. */
  #onGoodbye(from: number): void {
    const peer = this.peers.byNode(from);
    if (peer === undefined) return;
    this.log.info({ node: from }, "peer said goodbye");
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

  #onEstablished(peer: Peer): void {
    this.log.debug({ node: peer.nodeId }, "session established");
    this.#hooks.onEstablished?.(peer);
  }
}

/** What handshakes say of the network's name: 8 bytes (DESIGN §5). */
export function networkTag(networkName: string): Uint8Array {
  return hash(new TextEncoder().encode(networkName)).subarray(0, 8);
}
