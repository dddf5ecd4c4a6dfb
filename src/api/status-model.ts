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
  /** Of a supernode none: it moves no frames. */
  routes: RouteStatus[];
  fib: FibStatus;
  clock?: ClockStatus;
  thread?: ThreadStatus;
  /** What time servers say of the wall clock; nothing but this line uses it. */
  ntp?: NtpStatus[];
  /** Everything counted, by name. */
  counters: Record<string, number>;
  /** Frames and datagrams dropped, by reason. */
  drops: Record<string, number>;
  udp: UdpStatus;
  /** What the operator should know, a line each. */
  warnings: string[];
  /** An edge's supernodes, in the order of its file. */
  supers?: SuperStatus[];
  /** A supernode's side of the control connections. */
  control?: ControlStatus;
}

export interface NtpStatus {
  server: string;
  /** Their time minus ours. */
  offsetMs: number | null;
  delayMs: number | null;
  /** Wall clock, ms since 1970. */
  askedAtMs: number;
  error: string | null;
}

/** The thread that moves frames. */
export interface ThreadStatus {
  /** `realtime`: before every ordinary thread; `normal`: it is busy, or was a moment ago; `refused`; `off` by the file. */
  scheduling: "realtime" | "normal" | "refused" | "off";
  /** Why it was refused: the system's name of the error. */
  error: string | null;
  /** Of a core, 0 to 1. */
  cpuShare: number;
}

/** The mesh clock: what one-way delays are measured with. */
export interface ClockStatus {
  epoch: number;
  /** NodeID that its rate follows; null = none. */
  parent: number | null;
  /** Rate correction against the machine's own clock. */
  ratePpm: number;
  offsetUs: number;
  /** The rate comes from a fit over a minute and more. */
  disciplined: boolean;
  /** Exchanges with the parent since the start. */
  exchanges: number;
  spanSeconds: number;
  /** Epochs begun since the start. */
  epochs: number;
}

/** The control connection to one supernode. */
export interface SuperStatus {
  control: string;
  /** Its members and rows count. */
  obeyed: boolean;
  state: "connecting" | "proving" | "connected" | "refused";
  /** Why it refused or cannot be reached: a stable word. */
  code: string | null;
  text: string | null;
  transport: "quic" | "tcp" | null;
  rttMs: number | null;
  /** Where its UDP socket sees this node, `ip:port`; null: there is no session with it, as it is not obeyed, or none yet. */
  observed: string | null;
  sinceSeconds: number;
}

export interface ControlStatus {
  port: number;
  connected: number;
  /** False for a while after a restart: rows are kept back until the network is known again. */
  settled: boolean;
  /**
   * How often the tables were computed: whole, or for what changed; and how often the former, done once a minute to
   * check the latter, found something else.
   */
  computed: { full: number; incremental: number; differences?: number };
  /** Connections and reports refused, by reason. */
  refused: Record<string, number>;
  lastRefusal: { code: string; text: string; from: string; atMs: number } | null;
  /** What was refused of each member's reports; the peer is that of the newest refusal, where it is about a link. */
  refusedReports?: RefusedReport[];
}

/** Nodes as `2 frankfurt`. */
export interface RefusedReport {
  node: string;
  reason: string;
  peer: string | null;
  count: number;
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
  /** Whether the supernode has a connection with it; null where there is none to ask. */
  online?: boolean | null;
  endpoint: string | null;
  /** Addresses at which the peer may be. */
  candidates: string[];
  /** The same with where they are known from (`configured`, `set`, `told`, `seen`), and whether they ever answered. */
  addresses?: AddressStatus[];
  session: SessionStatus;
  link: LinkStatus | null;
  txBytes: number;
  rxBytes: number;
  txRecords: number;
  rxRecords: number;
}

export interface AddressStatus {
  address: string;
  source: string;
  proven: boolean;
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
  /** Fraction of our datagrams that the peer says did not arrive. */
  lossOut?: number | null;
  rttMinUs?: number | null;
  /** How often the link died since it was made. */
  deaths?: number;
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
  /** Which way frames take now, if not the table's: its next hop, or null while there is none. */
  inUse?: {
    nextHop: number | null;
    kind: "primary" | "backup" | "direct" | "dead" | "none";
    pathDown: boolean;
  };
  /** The way that is taken when the link to the next hop dies. */
  backup?: number | null;
  /** Of the whole path, as the table has it; contains the clocks' offset. */
  costUs?: number | null;
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

/** A question about another node; nodes are named by NodeID or name. */
export interface NodeQuestion {
  readonly kind: "why" | "trace";
  readonly node: string;
  /** `why`, asked of a supernode: whose paths. */
  readonly from: string | undefined;
}

/** Instead of an answer: one line for the user. */
export interface QuestionRefused {
  readonly error: string;
}

/** `etherloom why`: paths between two nodes, cheapest first. Nodes as `2 frankfurt`. */
export interface WhyAnswer {
  readonly from: string;
  readonly to: string;
  readonly candidates: readonly {
    readonly path: readonly string[];
    readonly costUs: number | null;
    readonly chosen: boolean;
    readonly reason: string;
  }[];
}

/** One link on a traced way, its delay in the mesh clocks of its ends. */
export interface TraceStep {
  readonly from: string;
  readonly to: string;
  readonly delayUs: number;
}

/** `etherloom trace`: the way there and the way back. */
export interface TraceAnswer {
  readonly to: string;
  readonly reached: boolean;
  readonly there: readonly TraceStep[];
  readonly back: readonly TraceStep[];
  /** In the own clock. */
  readonly roundTripUs: number;
}
