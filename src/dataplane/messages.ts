/** What the main thread and the data-plane worker say to each other. Addresses are packed (20 bytes, native/udp.h). */
import type { RouteEntry } from "./members.ts";

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
}

export interface WorkerSetup {
  ownNodeId: number;
  mac1Key: Uint8Array;
  defaultTtl: number;
  relay: "auto" | "never" | "always";
  fibTimeoutMs: number;
  allowLoopback: boolean;
  /** Overlay prefixes, `10.0.0.0/24`: never an underlay endpoint. */
  overlayPrefixes: string[];
  /** Random; a new clock epoch for each start. */
  epoch: number;
  port: PortSetup;
  udp: UdpSetup;
  routes: RouteEntry[];
  floodSet: number[];
  members: number[];
  neighbours: NeighbourSetup[];
  /** Handshakes posted and not yet taken by the main thread: Int32Array(1). */
  handshakeBacklog: SharedArrayBuffer;
}

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
  /** To a packed address, or (null) to the link's endpoint, or along the route in transit. */
  | { type: "handshake"; nodeId: number; datagram: Uint8Array; address: Uint8Array | null }
  /** An answer to a handshake that came in transit through `hop`. */
  | { type: "handshakeTransit"; hop: number; nodeId: number; datagram: Uint8Array }
  | { type: "control"; nodeId: number; payload: Uint8Array }
  /** An empty record, if there is a session. */
  | { type: "keepalive"; nodeId: number }
  | { type: "endpoint"; nodeId: number; address: Uint8Array; source: "configured" | "set" }
  | { type: "neighbour"; neighbour: NeighbourSetup }
  | { type: "removePeer"; nodeId: number }
  /** The node left: stations behind it are unknown again. */
  | { type: "purge"; nodeId: number }
  | { type: "routes"; routes: RouteEntry[]; floodSet: number[]; members: number[] }
  | { type: "rebind"; id: number; port: number }
  | { type: "mark"; id: number; mark: number }
  | { type: "status"; id: number; fib: boolean }
  | { type: "frame"; bytes: Uint8Array }
  | { type: "goodbye"; id: number; payload: Uint8Array }
  | { type: "close" };

export interface LinkReport {
  nodeId: number;
  state: "up" | "down" | "unknown";
  endpoint: Uint8Array | null;
  candidates: string[];
  owdInUs: number | null;
  owdOutUs: number | null;
  rttUs: number | null;
  jitterUs: number | null;
  lossIn: number | null;
  mtu: number;
  sinceUs: number;
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
  fib: { entries: number; list: { mac: string; vlan: number; owner: number; ageMs: number }[] };
  waiting: number;
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
  | { type: "activity"; reports: ActivityReport[]; nowMs: number }
  | { type: "control"; nodeId: number; payload: Uint8Array }
  | { type: "want"; nodeId: number }
  | { type: "endpoint"; nodeId: number; address: Uint8Array }
  | { type: "link"; nodeId: number; up: boolean }
  | { type: "answer"; id: number; ok: boolean; errno: number; port: number }
  | { type: "status"; id: number; status: WorkerStatus }
  | { type: "frame"; bytes: Uint8Array }
  | { type: "portLost"; name: string }
  | { type: "closed" };
