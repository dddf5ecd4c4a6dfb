/**
 * What passes through this node for others (DESIGN §3 "Transit", §5 "Rules"): runs of datagrams whose transit header
 * the engine has opened. The sealed record inside is neither read nor copied.
 *
 * What comes here is the first of a previous hop, and all that a table does not simply answer: for the rest the engine
 * follows the tables itself (`native/relay.cc`), on credit that is given here.
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
} from "./descriptors.ts";
import type { DropReason } from "./drops.ts";
import { NO_NODE } from "./members.ts";
import { NodeBuckets } from "./node-buckets.ts";
import { RelayCredit } from "./relay-credit.ts";
import type { PlaneState } from "./state.ts";
import { chooseWay, endsAt, FLAG_REPAIRED, WAY_NODE, WAY_REPAIRED } from "./ways.ts";

const INNER_RECORD = 4;
const KIND_MASK = 0x0f;
/** Datagrams a second and burst that one previous hop may send through this node. */
const RATE = 4_000_000;
const BURST = 400_000;
/** Handshakes a second and burst through this node for one previous hop (DESIGN §5). */
const HANDSHAKE_RATE = 10;
const HANDSHAKE_BURST = 10;

export class Transit {
  readonly #state: PlaneState;
  readonly #datagrams: NodeBuckets = new NodeBuckets(RATE, BURST);
  readonly #handshakes: NodeBuckets = new NodeBuckets(HANDSHAKE_RATE, HANDSHAKE_BURST);
  readonly #credit: RelayCredit;
  /** What is settled came after this. */
  #settledMs = 0;
  #forwards = 0;

  constructor(state: PlaneState) {
    this.#state = state;
    this.#credit = new RelayCredit(state.relayCredit, this.#datagrams);
  }

  /** Takes account of what the engine sent on for these previous hops since it was last asked. */
  settle(nodes: Iterable<number>): void {
    const { activity, nowMs } = this.#state;
    for (const node of nodes) {
      if (this.#credit.settle(node, nowMs)) activity.received(node, this.#settledMs, false);
    }
    this.#settledMs = nowMs;
  }

  /** The NodeID may be another's soon. */
  forget(node: number): void {
    this.#credit.revoke(node);
  }

  forward(count: number): void {
    for (let index = 0; index < count; index++) this.#run(index);
    if (this.#forwards > 0) this.#state.engine.forward(this.#forwards);
    this.#forwards = 0;
  }

  #run(index: number): void {
    const state = this.#state;
    const { engine, members, drops } = state;
    const runs = engine.runs;
    const at = index * RUN_WORDS;
    const items = runs[at + RUN_ITEMS] ?? 0;
    const slot = runs[at + RUN_KEYPAIR] ?? 0;
    const previous = state.slotNode[slot] ?? NO_NODE;
    const destination = runs[at + RUN_DESTINATION] ?? 0;
    const source = runs[at + RUN_SOURCE] ?? 0;
    const ttl = runs[at + RUN_TTL] ?? 0;
    const kind = runs[at + RUN_KIND] ?? 0;

    state.activity.received(previous, state.nowMs, false);
    if (state.slotConfirmed[slot] === 0) state.confirmed(slot);

    if (state.relay === "never" || members.known[destination] === 0) {
      drops.count("transitRefused", items);
      return;
    }
    // Whose table sends through the previous hop is not known here, so any member may stand behind it; but a node
    // that is not a member, or this node itself, cannot be a source.
    if (source !== previous && (members.known[source] === 0 || source === state.ownNodeId)) {
      drops.count("transitSource", items);
      return;
    }
    let way = chooseWay(members, destination, previous, source);
    const fault = faultOf(way, ttl, kind, previous, source);
    if (fault !== undefined) {
      // A loop of rows of two generations, say: giving it to its destination ends every walk.
      if (!endsAt(members, destination) || destination === previous || destination === source) {
        drops.count(fault, items);
        return;
      }
      way = destination | WAY_REPAIRED;
    }
    const next = way & WAY_NODE;
    const record = (kind & KIND_MASK) === INNER_RECORD;
    if (!record && !this.#handshakes.take(previous, items, state.nowMs)) {
      drops.count("transitHandshakeRate", items);
      return;
    }
    if (!this.#datagrams.take(previous, items, state.nowMs)) {
      drops.count("transitRate", items);
      return;
    }
    this.#credit.grant(previous, state.nowMs);
    const strip = next === destination && record;
    const hop = members.sendSlot[next] ?? -1;
    if (!strip && hop < 0) {
      state.wantSession(next);
      drops.count("transitNoSession", items);
      return;
    }
    const forwards = engine.forwards;
    const out = this.#forwards * FORWARD_WORDS;
    this.#forwards++;
    forwards[out] = index;
    forwards[out + 1] = strip ? -1 : hop;
    forwards[out + 2] = members.link[next] ?? -1;
    forwards[out + 3] = Math.max(0, Math.min(ttl - 1, members.ttl(destination, state.defaultTtl)));
    forwards[out + 4] = (way & WAY_REPAIRED) !== 0 ? kind | FLAG_REPAIRED : kind;
    // Handshakes are repeated by those who make them: no reason to watch the link closely.
    if (!record) return;
    state.activity.carried[next] = 1;
    state.activity.carried[members.backup[destination] ?? NO_NODE] = 1;
  }
}

/** Why something must not go this way; undefined = it may. */
function faultOf(
  way: number,
  ttl: number,
  kind: number,
  previous: number,
  source: number,
): DropReason | undefined {
  const next = way & WAY_NODE;
  if (ttl <= 1) return "ttl";
  if (next === NO_NODE) return "transitNoRoute";
  if ((kind & FLAG_REPAIRED) !== 0 && way !== next) return "transitRepairedTwice";
  return next === previous || next === source ? "transitLoop" : undefined;
}
