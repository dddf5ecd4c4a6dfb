/** What the main thread and the data-plane worker say to each other. Addresses are packed (20 bytes, native/udp.h). */
import type { PathSnapshot } from "../link/path-watch.ts";
import type { LinkSample } from "../routing/reporter.ts";
import type { TraceHop } from "../wire/trace.ts";
import type { RouteEntry } from "./members.ts";
import type { UrgencyState } from "./urgency.ts";

export interface PortSetup {
  kind: "tap" | "dummy" | "stdio";
  name: string;
  mtu: number;
  mac: Uint8Array;
  /** Addresses with prefix length, `10.0.0.1/24`. */
  addresses: string[];
}

export interface UdpSetup {
  port: number;
  ipv4: Uint8Array | null;
  ipv6: Uint8Array | null;
  mark: number;
  gso: boolean;
  gro: boolean;
}

export interface NeighbourSetup {
  nodeId: number;
  link: number;
  /** Never roams. */
  fixed: boolean;
  /** The mesh clock's rate follows this node's (DESIGN §7). */
  clockParent: boolean;
}

export interface WorkerSetup {
  ownNodeId: number;
  mac1Key: Uint8Array;
  defaultTtl: number;
  relay: "auto" | "never" | "always";
  fibTimeoutMs: number;
  allowLoopback: boolean;
  /** Run before other threads while there is little to do ({@link Urgency}). */
  realtime: boolean;
  /** Overlay prefixes, `10.0.0.0/24`: never an underlay endpoint. */
  overlayPrefixes: string[];
  /** Random; a new clock epoch for each start. */
  epoch: number;
  /** The neighbour whose clock this node's follows; null: there will be none, and the clock is what it is. */
  clockParent: number | null;
  /** A link that is up is the way to its node where the table has none: while it has not arrived (super mode). */
  directFallback: boolean;
  port: PortSetup;
  udp: UdpSetup;
  routes: RouteEntry[];
  floodSet: number[];
  members: number[];
  neighbours: NeighbourSetup[];
  /** Messages posted and not yet taken by the main thread, by kind: Int32Array(2). */
  backlog: SharedArrayBuffer;
}

/** Indices of {@link WorkerSetup.backlog}. */
export const BACKLOG_HANDSHAKES = 0;
export const BACKLOG_FRAMES = 1;
export const BACKLOG_BYTES = 8;

export type ToWorker =
  | {
      type: "install";
      nodeId: number;
      localIndex: number;
      remoteIndex: number;
      aead: number;
      sendKey: Uint8Array;
      receiveKey: Uint8Array;
    }
  /** Seal with this keypair from now on; `announce`: the peer waits for a first record. */
  | { type: "use"; localIndex: number; announce: boolean }
  | { type: "remove"; localIndex: number }
  /**
   * To wherever the node may be: to its link's endpoint when that is up, else to the addresses it may have and in
   * transit along the route as well.
   */
  | { type: "handshake"; nodeId: number; datagram: Uint8Array }
  /**
   * Back to where a handshake message came from: a packed address, or (`hop` not −1) a neighbour that had it in transit.
   * `proven`: it was the node's own, and the answer goes the way of frames as well if that is another one.
   */
  | {
      type: "answer";
      nodeId: number;
      datagram: Uint8Array;
      address: Uint8Array;
      hop: number;
      proven: boolean;
    }
  | { type: "control"; nodeId: number; payload: Uint8Array }
  /** An empty record, if there is a session. */
  | { type: "keepalive"; nodeId: number }
  | { type: "endpoint"; nodeId: number; address: Uint8Array; source: "configured" | "set" }
  /** Addresses at which others have seen the node, or it says to be: each is tried, the best proven one used. */
  | { type: "candidates"; nodeId: number; addresses: Uint8Array[] }
  | { type: "neighbour"; neighbour: NeighbourSetup }
  | { type: "removePeer"; nodeId: number }
  /** The node left: stations behind it are unknown again. */
  | { type: "purge"; nodeId: number }
  | { type: "routes"; routes: RouteEntry[]; floodSet: number[]; members: number[] }
  | { type: "rebind"; id: number; port: number }
  | { type: "mark"; id: number; mark: number }
  | { type: "status"; id: number; fib: boolean }
  /** Overlay traceroute: answered by `traced`, or by nothing. */
  | { type: "trace"; id: number; target: number }
  | { type: "frame"; bytes: Uint8Array }
  | { type: "goodbye"; id: number; payload: Uint8Array }
  | { type: "close" };

export interface CandidateReport {
  address: string;
  source: string;
  proven: boolean;
}

export interface LinkReport {
  nodeId: number;
  state: "up" | "down" | "unknown";
  endpoint: Uint8Array | null;
  candidates: CandidateReport[];
  owdInUs: number | null;
  owdOutUs: number | null;
  rttUs: number | null;
  rttMinUs: number | null;
  jitterUs: number | null;
  lossIn: number | null;
  lossOut: number | null;
  /** Largest IP packet that passes to the endpoint; 0 = not known. */
  mtu: number;
  /** Raw clock, as {@link WorkerStatus.nowUs}. */
  sinceUs: number;
  deaths: number;
  localEpoch: number;
  remoteEpoch: number | null;
}

/** The way that frames to a destination take now. */
export interface WayReport {
  destination: number;
  /** Next hop in use; null = none. */
  nextHop: number | null;
  /**
   * `primary` and `backup` are the table's; `direct`: neither can be used, or the table has none, but the link to the
   * node itself is up; `dead`: the table's next hop cannot be used and nothing else either; `none`: no way is known.
   */
  kind: "primary" | "backup" | "direct" | "dead" | "none";
  /** The primary path is broken for this pair, although its first link is up. */
  pathDown: boolean;
}

/** The mesh clock (DESIGN §7). */
export interface ClockReport {
  epoch: number;
  /** NodeID of the clock parent, null = none. */
  parent: number | null;
  /** Rate correction against CLOCK_MONOTONIC_RAW, parts per million. */
  ratePpm: number;
  /** Mesh time minus raw time at the start of this epoch, µs. */
  offsetUs: number;
  /** The rate comes from a fit over a minute and more. */
  disciplined: boolean;
  /** Exchanges with the parent since the start. */
  exchanges: number;
  /** Time that the present fit is over. */
  spanSeconds: number;
  /** Epochs that this process has begun. */
  epochs: number;
}

export interface PeerReport {
  nodeId: number;
  localIndex: number | null;
  txRecords: number;
  rxRecords: number;
  txBytes: number;
  rxBytes: number;
  maxFrame: number;
}

export interface PortReport {
  id: number;
  type: string;
  name: string;
  mtu: number;
  mac: Uint8Array;
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  drops: number;
  offloads: string[];
}

export interface WorkerStatus {
  counters: Record<string, number>;
  drops: Record<string, number>;
  floodCopies: number;
  udp: {
    port: number;
    ipv4: boolean;
    ipv6: boolean;
    gso: boolean;
    gro: boolean;
    kernelDrops: number;
    receiveBuffer: number;
  };
  ports: PortReport[];
  peers: PeerReport[];
  links: LinkReport[];
  /** One for each destination of the table, and for each member reached without it. */
  ways: WayReport[];
  /** Relayed paths that frames take or took. */
  paths: PathSnapshot[];
  clock: ClockReport;
  /** `errno`: why it was refused, else 0; `share` of a core that it uses. */
  thread: { state: UrgencyState; errno: number; share: number };
  fib: { entries: number; list: { mac: string; vlan: number; owner: number; ageMs: number }[] };
  waiting: number;
  /** µs of CLOCK_MONOTONIC_RAW. */
  nowUs: number;
}

export interface ActivityReport {
  nodeId: number;
  lastHeard: number;
  unansweredSince: number;
  /** When the last frame was sealed for the node. */
  lastFrame: number;
  sentRecords: number;
  localIndex: number;
}

export type FromWorker =
  | {
      type: "ready";
      port: PortReport;
      interfaceIndex: number;
      udp: { port: number; ipv4: boolean; ipv6: boolean };
    }
  | { type: "failed"; step: string; errno: number; message: string }
  | { type: "handshake"; datagram: Uint8Array; address: Uint8Array; hop: number; source: number }
  | { type: "confirmed"; localIndex: number }
  /** Of all sessions once a second; of those that an answer is overdue from more often. */
  | { type: "activity"; reports: ActivityReport[]; nowMs: number }
  | { type: "control"; nodeId: number; payload: Uint8Array }
  | { type: "want"; nodeId: number }
  | { type: "endpoint"; nodeId: number; address: Uint8Array; proven: boolean }
  | { type: "link"; nodeId: number; up: boolean }
  /**
   * Every link, once a second and soon after one's state has changed. `nowUs`: CLOCK_MONOTONIC_RAW; `forwardUs`: what
   * forwarding has taken here since the last such message, 0 where nothing was forwarded.
   */
  | { type: "links"; nowUs: number; epoch: number; forwardUs: number; links: LinkSample[] }
  /** The mesh clock began a new epoch: what was measured before means nothing in it. */
  | { type: "epoch"; epoch: number }
  /** The path to `destination` through this next hop is (not) broken for this node, although its first link is up. */
  | { type: "path"; destination: number; nextHop: number; down: boolean }
  /** A trace came back, or (without hops) could not be sent; `turn`: which entry is the target's. */
  | { type: "traced"; id: number; hops: TraceHop[]; turn: number }
  | { type: "answer"; id: number; ok: boolean; errno: number; port: number }
  | { type: "status"; id: number; status: WorkerStatus }
  | { type: "frame"; bytes: Uint8Array }
  | { type: "portLost"; name: string }
  | { type: "closed" };
