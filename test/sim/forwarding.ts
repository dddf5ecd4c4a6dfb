/**
 * One hop of a packet, decided by the data plane's own code: {@link chooseWay} at its source, {@link Transit} on the way.
 * One Transit serves all nodes; the state it looks at is exchanged before each packet.
 */
import {
  FORWARD_WORDS,
  RUN_DESTINATION,
  RUN_ITEMS,
  RUN_KEYPAIR,
  RUN_KIND,
  RUN_SOURCE,
  RUN_TTL,
  RUN_WORDS,
} from "../../src/dataplane/descriptors.ts";
import type { Activity } from "../../src/dataplane/activity.ts";
import type { DropReason } from "../../src/dataplane/drops.ts";
import type { Members } from "../../src/dataplane/members.ts";
import { NO_NODE } from "../../src/dataplane/members.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import { Transit } from "../../src/dataplane/transit.ts";
import { chooseWay, FLAG_REPAIRED, WAY_NODE, WAY_REPAIRED } from "../../src/dataplane/ways.ts";

const INNER_RECORD = 4;
/** DESIGN §3: where the hop count is unknown. */
const DEFAULT_TTL = 16;
/** Where a forwarded run's words stand: which one, keypair of the hop, link, TTL, kind. */
const OUT_LINK = 2;
const OUT_TTL = 3;
const OUT_KIND = 4;
const NODE_IDS = 65536;

/** What a packet carries from hop to hop besides its sealed record. */
export interface TransitHeader {
  readonly source: number;
  readonly destination: number;
  /** The node that sent it here. */
  previous: number;
  ttl: number;
  repaired: boolean;
}

/** A node as far as forwarding goes. */
export interface ForwardingNode {
  readonly nodeId: number;
  readonly relay: "auto" | "never" | "always";
  readonly members: Members;
  readonly activity: Activity;
}

export type Forwarded = { next: number } | { dropped: DropReason };

export class Forwarding {
  readonly #runs = new Int32Array(RUN_WORDS);
  readonly #forwards = new Int32Array(FORWARD_WORDS);
  readonly #state: { -readonly [K in keyof PlaneState]: PlaneState[K] };
  readonly #transit: Transit;
  #forwarded = 0;
  #dropped: DropReason = "noRoute";

  constructor() {
    const state = {
      engine: {
        runs: this.#runs,
        forwards: this.#forwards,
        forward: (count: number) => (this.#forwarded += count),
      },
      drops: { count: (reason: DropReason) => (this.#dropped = reason) },
      slotNode: Uint16Array.from({ length: NODE_IDS }, (_, slot) => slot),
      slotConfirmed: new Uint8Array(NODE_IDS).fill(1),
      relayCredit: new Uint32Array(NODE_IDS),
      defaultTtl: DEFAULT_TTL,
      nowMs: 0,
      wantSession: () => undefined,
      confirmed: () => undefined,
    };
    this.#state = state as unknown as PlaneState;
    this.#transit = new Transit(this.#state);
  }

  /** Where a node sends something of its own; `hop`: there, whatever the table says. */
  originate(
    node: ForwardingNode,
    destination: number,
    hop?: number,
  ): { next: number; header: TransitHeader } | undefined {
    const { members, activity, nodeId } = node;
    const way = chooseWay(members, destination, NO_NODE, NO_NODE);
    const next = hop ?? way & WAY_NODE;
    if (next === NO_NODE) return undefined;
    const repaired = hop === undefined ? (way & WAY_REPAIRED) !== 0 : hop !== members.nextHop[destination];
    const ttl = members.ttl(destination, DEFAULT_TTL);
    if (hop === undefined) {
      activity.carried[next] = 1;
      activity.carried[members.backup[destination] ?? NO_NODE] = 1;
    }
    return { next, header: { source: nodeId, destination, previous: nodeId, ttl, repaired } };
  }

  /** What a node does with a packet for somebody else; the header becomes what the next hop sees. */
  relay(nowUs: number, node: ForwardingNode, header: TransitHeader): Forwarded {
    const state = this.#state;
    state.nowMs = nowUs / 1000;
    state.ownNodeId = node.nodeId;
    state.relay = node.relay;
    state.members = node.members;
    state.activity = node.activity;
    const runs = this.#runs;
    runs[RUN_ITEMS] = 1;
    runs[RUN_KEYPAIR] = header.previous;
    runs[RUN_DESTINATION] = header.destination;
    runs[RUN_SOURCE] = header.source;
    runs[RUN_TTL] = header.ttl;
    runs[RUN_KIND] = INNER_RECORD | (header.repaired ? FLAG_REPAIRED : 0);
    this.#forwarded = 0;
    this.#transit.forward(1);
    if (this.#forwarded === 0) return { dropped: this.#dropped };
    header.previous = node.nodeId;
    header.ttl = this.#forwards[OUT_TTL] ?? 0;
    header.repaired = ((this.#forwards[OUT_KIND] ?? 0) & FLAG_REPAIRED) !== 0;
    return { next: this.#forwards[OUT_LINK] ?? NO_NODE };
  }
}
