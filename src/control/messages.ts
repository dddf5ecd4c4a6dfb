/**
 * The messages of the super protocol `/etherloom/super/1`: JSON objects with a `type`. DESIGN §9.
 *
 * ```
 *   edge                                                 supernode
 *    | -- mutual proof of the X25519 keys (hello.ts) ------> |
 *    | -- hello -------------------------------------------> |
 *    | <------------------------------- welcome | reject --- |   nothing else is valid before this
 *    | <-- members (full, or in portions), row --------------|   then deltas with generations
 *    | <-- members, row-delta, parameters, observed, answer -|
 *    | -- report, endpoints, row-request, ask -------------> |
 *    | -- ping --------------------------------------------> |   either side may ask, the other answers
 *    | <-------------------------------------------- pong -- |
 *    | -- goodbye -----------------------------------------> |   from either side
 * ```
 *
 * Versions may differ by one: an unknown type is skipped and an unknown field ignored. What is known must be right in
 * type, range and size, else the message is malformed. The links of a report are left to the coordinator, which names
 * each entry that it refuses.
 */

export const SUPER_PROTOCOL = "/etherloom/super/1";

/** The version that this program speaks; its neighbours ±1 are understood. */
export const SUPER_VERSION = 1;

/** Largest message, bytes of JSON. */
export const MESSAGE_LIMIT: number = 64 * 1024;
/** Largest snapshot (`members` or `report` with `full`, `row`), bytes of JSON. */
export const SNAPSHOT_LIMIT: number = 1024 * 1024;

/** Why a supernode sends an edge away. Codes are an interface: shown in `status`, never reused. */
export const REJECT_CODES = [
  /** The key is not a member's. */
  "unknown-key",
  /** The NodeID in the hello is not the one of this key. */
  "wrong-node-id",
  "wrong-network",
  "version",
  /** A process with this key and a newer incarnation is connected. */
  "duplicate",
  /** The proof of the X25519 key failed. */
  "not-proven",
  /** No room for another connection or member. */
  "too-many",
  /** A message that breaks the protocol. */
  "malformed",
  /** Too many messages, or answers that were not read. */
  "flooded",
  /** Removed from the supernode's file. */
  "removed",
  /** The supernode is stopping. */
  "stopping",
] as const;
export type RejectCode = (typeof REJECT_CODES)[number];

export type RelayPolicy = "auto" | "never" | "always";

/** Where an edge says that it is. */
export interface ToldPlaces {
  /** Own addresses on the underlay with the UDP port, `ip:port`; ≤ 64. */
  readonly endpoints: readonly string[];
  /** Where the supernode that it obeys sees it, `ip:port`: it has a UDP session with no other. */
  readonly observed?: string | undefined;
}

/** What an edge says of itself when it connects; the control room adds `protocol`. */
export interface HelloFields extends ToldPlaces {
  readonly nodeId: number;
  /** ≤ 32 bytes. */
  readonly name: string;
  /** Of the program, for people. */
  readonly version: string;
  /** 16 hexadecimal digits: the network tag of the handshake. */
  readonly networkTag: string;
  /** Of the process: grows with each start. */
  readonly incarnation: number;
  /** Clock epoch, u32. */
  readonly epoch: number;
  /** Incarnation of the supernode whose row it goes by, where it has one and is not connected with that supernode. */
  readonly rowOf?: number | undefined;
  readonly listenPort: number;
  readonly relay: RelayPolicy;
  /** What it costs to go through this node, µs. */
  readonly additionalCostUs: number;
}

export interface Hello extends HelloFields {
  readonly type: "hello";
  /** SUPER_VERSION of the edge. */
  readonly protocol: number;
}

/** LinkReport of src/routing/types.ts. What stands in `links` is checked by the coordinator, entry by entry. */
export interface ReportFields {
  readonly incarnation: number;
  readonly counter: number;
  readonly epoch: number;
  readonly full?: boolean | undefined;
  readonly links: readonly unknown[];
  readonly gone: readonly number[];
  readonly dead: readonly number[];
}

export interface Ping {
  readonly type: "ping" | "pong";
  readonly id: number;
}

/** The sender closes the connection. */
export interface Goodbye {
  readonly type: "goodbye";
  readonly code?: RejectCode | undefined;
  readonly text?: string | undefined;
}

/** Edge to supernode. */
export type EdgeMessage =
  | Hello
  | { readonly type: "report"; readonly report: ReportFields }
  | ({ readonly type: "endpoints" } & ToldPlaces)
  | { readonly type: "row-request" }
  | { readonly type: "ask"; readonly id: number; readonly question: "why" | "trace"; readonly to: number }
  | Ping
  | Goodbye;

export interface Parameters {
  /** Of probes; absent: each edge's own schedule. */
  readonly sendPingIntervalMs?: number | undefined;
  /** A supernode silent for so long is given up. */
  readonly superNodeInfoTimeoutS: number;
  /** Members mix the psk of their Member entry into their handshakes. */
  readonly usePskForInterEdge: boolean;
  /** Endpoints that were not heard of for so long go back to the configured ones; 0 = never. */
  readonly resetEndPointIntervalS: number;
}

export interface Welcome {
  readonly type: "welcome";
  /** SUPER_VERSION of the supernode. */
  readonly protocol: number;
  /** Of the supernode: grows with each of its starts. */
  readonly incarnation: number;
  readonly version?: string | undefined;
  readonly name?: string | undefined;
  readonly parameters: Parameters;
  /** Where the supernode's UDP socket last saw this edge. */
  readonly observed?: string | undefined;
}

export interface Reject {
  readonly type: "reject";
  /** One of REJECT_CODES; a newer supernode may know more of them. */
  readonly code: string;
  readonly text: string;
}

export interface MemberEndpoint {
  /** `ip:port`, or `host:port` where configured so. */
  readonly address: string;
  readonly source: "configured" | "observed" | "local";
}

export interface Member {
  readonly nodeId: number;
  readonly name: string;
  /** base64 */
  readonly pubKey: string;
  /** base64; of the pair (receiver, this member). */
  readonly psk?: string | undefined;
  readonly endpoints: readonly MemberEndpoint[];
  readonly online: boolean;
  readonly relay: RelayPolicy;
  readonly additionalCostUs: number;
  /** Its configured endpoint never moves. */
  readonly static?: boolean | undefined;
}

export interface Members {
  readonly type: "members";
  /** Grows by one with each message to this edge; a gap is a reason to connect anew. */
  readonly generation: number;
  /** Whoever is not in `set` is no member. */
  readonly full: boolean;
  /**
   * Of a list that is too long for one message: whoever is told of in none from the first to the last is no member.
   * Not `full`, so that who knows of no portions takes nobody out for one.
   */
  readonly part?: "first" | "more" | "last" | undefined;
  readonly set: readonly Member[];
  readonly removed: readonly number[];
}

/** Row, RowDelta and RowEntry of src/routing/types.ts. */
export interface RowEntryFields {
  readonly destination: number;
  readonly nextHop: number;
  readonly backup: number | null;
  readonly hops: number;
  readonly size: number;
  readonly costUs: number;
}
export interface RowFields {
  readonly incarnation: number;
  readonly counter: number;
  readonly hash: string;
  readonly entries: readonly RowEntryFields[];
}
export interface RowDeltaFields {
  readonly base: { readonly incarnation: number; readonly counter: number };
  readonly incarnation: number;
  readonly counter: number;
  readonly hash: string;
  readonly set: readonly RowEntryFields[];
  readonly removed: readonly number[];
}

/** Supernode to edge. */
export type SuperMessage =
  | Welcome
  | Reject
  | Members
  | { readonly type: "row"; readonly row: RowFields }
  | { readonly type: "row-delta"; readonly delta: RowDeltaFields }
  | { readonly type: "parameters"; readonly parameters: Parameters }
  /** Where the supernode's UDP socket sees this edge from now on. */
  | { readonly type: "observed"; readonly address: string }
  | { readonly type: "answer"; readonly id: number; readonly body: unknown }
  | Ping
  | Goodbye;
