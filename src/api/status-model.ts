/**
 * The status document: what a running node tells about itself. It is an interface (`etherloom status --json`, the
 * metrics, the dashboard read it): fields are added, never renamed. Null = not known (yet).
 * Units are in the names: Us = microseconds, Seconds, Bytes.
 */

/** Version of this document; grows when a field changes its meaning. */
export const STATUS_VERSION = 1;

export interface StatusDocument {
  version: number;
  mode: "static" | "super" | "p2p";
  node: NodeStatus;
  ports: PortStatus[];
  peers: PeerStatus[];
  routes: RouteStatus[];
  fib: FibStatus;
  /** Everything counted, by name. */
  counters: Record<string, number>;
  /** Frames and datagrams dropped, by reason. */
  drops: Record<string, number>;
  udp: UdpStatus;
  /** What the operator should know, a line each. */
  warnings: string[];
}

export interface NodeStatus {
  nodeId: number;
  name: string;
  network: string;
  /** X25519, base64. */
  publicKey: string;
  uptimeSeconds: number;
  pid: number;
  listenPort: number;
  /** Overlay addresses with prefix length. */
  addresses: string[];
}

export interface PortStatus {
  id: number;
  type: string;
  name: string;
  mtu: number;
  mac: string | null;
  /** From the port into the network. */
  framesIn: number;
  /** From the network to the port. */
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  offloads: string[];
  drops: number;
}

export interface PeerStatus {
  nodeId: number;
  name: string;
  publicKey: string;
  /** Who says that this key is this node's: `file`, or `vouched by N`. */
  keySource: string;
  endpoint: string | null;
  candidates: string[];
  session: SessionStatus;
  link: LinkStatus | null;
  txBytes: number;
  rxBytes: number;
  txRecords: number;
  rxRecords: number;
}

export interface SessionStatus {
  state: "none" | "handshake" | "established";
  aead: string | null;
  handshakeAgeSeconds: number | null;
  /** Completed since start. */
  handshakes: number;
}

/** The direct path to a peer. One-way delays may be negative or huge when the clocks differ. */
export interface LinkStatus {
  state: "up" | "down" | "unknown";
  /** Peer to us, by both nodes' clocks. */
  owdInUs: number | null;
  /** Us to peer, as the peer measured it. */
  owdOutUs: number | null;
  rttUs: number | null;
  jitterUs: number | null;
  /** Fraction of the peer's datagrams that did not arrive, 0..1. */
  lossIn: number | null;
  /** Largest overlay datagram known to pass. */
  mtu: number | null;
  /** In this state for. */
  sinceSeconds: number | null;
}

export interface RouteStatus {
  destination: number;
  nextHop: number;
  /** Null where the table does not tell. */
  hops: number | null;
  via: "direct" | "relay";
  /** Largest frame that needs no fragment on the way, bytes. */
  maxFrame: number | null;
}

export interface FibStatus {
  entries: number;
  limit: number;
  /** Only when asked for. */
  list?: FibEntryStatus[];
}

export interface FibEntryStatus {
  mac: string;
  /** 0 = untagged. */
  vlan: number;
  /** `node 3` or `port 0`. */
  owner: string;
  ageSeconds: number;
}

export interface UdpStatus {
  ipv4: boolean;
  ipv6: boolean;
  gso: boolean;
  gro: boolean;
  /** Datagrams the kernel dropped for lack of room in our receive buffer. */
  kernelDrops: number;
  /** Bytes. */
  receiveBuffer: number;
}

/** What a client may ask for. */
export interface StatusRequest {
  /** Include the forwarding table. */
  readonly fib: boolean;
}
