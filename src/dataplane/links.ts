/**
 * The neighbours' links: feeds each {@link LinkCore} with what the engine saw and carries out what it wants. The cores
 * decide; this file stamps times, seals probes and moves endpoints.
 */
import { randomFillSync } from "node:crypto";
import type { Addon } from "../native/addon.ts";
import { LinkCore } from "../link/link-core.ts";
import type { LinkAction, LinkEvent } from "../link/link-events.ts";
import { UnprovenBudget } from "../link/unproven-budget.ts";
import {
  addressKey,
  packAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  unpackAddress,
  type AddressPrefix,
  type UnderlayAddress,
} from "../wire/address.ts";
import { PROBE_BYTES, PROBE_REPLY_WANTED, stampProbeSent } from "../wire/probe.ts";
import { KIND_PROBE, PACKED_ADDRESS } from "./descriptors.ts";
import type { FromWorker, LinkReport, NeighbourSetup, WorkerSetup } from "./messages.ts";
import type { PlaneState } from "./state.ts";

interface Neighbour {
  nodeId: number;
  link: number;
  core: LinkCore;
  packed: Uint8Array | null;
  ipv6: boolean;
  sent: number;
  received: number;
  movedAtMs: number;
}

/** A record from elsewhere is told to the link at most this often. */
const MOVED_EVERY_MS = 1000;
/** Neighbours share this many probes a second when idle (DESIGN §7). */
const IDLE_PROBES_PER_SECOND = 50;

export class Links {
  readonly #state: PlaneState;
  readonly #setup: WorkerSetup;
  readonly #addon: Addon;
  readonly #post: (message: FromWorker) => void;
  readonly #onAddressed: (nodeId: number) => void;
  readonly #neighbours: Map<number, Neighbour> = new Map();
  readonly #budget: UnprovenBudget = new UnprovenBudget();
  readonly #overlay: AddressPrefix[];
  readonly #random: Uint32Array = new Uint32Array(256);
  readonly #stats: Float64Array = new Float64Array(2);
  #randomLeft = 0;

  /** `onAddressed`: a neighbour of whom no address was known has one. */
  constructor(
    state: PlaneState,
    setup: WorkerSetup,
    addon: Addon,
    post: (message: FromWorker) => void,
    onAddressed: (nodeId: number) => void,
  ) {
    this.#state = state;
    this.#setup = setup;
    this.#addon = addon;
    this.#post = post;
    this.#onAddressed = onAddressed;
    this.#overlay = setup.overlayPrefixes.flatMap((text) => parsePrefix(text) ?? []);
  }

  add(neighbour: NeighbourSetup): void {
    const { nodeId, link, fixed } = neighbour;
    const core = new LinkCore({
      localNodeId: this.#setup.ownNodeId,
      remoteNodeId: nodeId,
      epoch: this.#setup.epoch,
      budget: this.#budget,
      staticEndpoint: fixed,
      allowLoopback: this.#setup.allowLoopback,
      refused: (key) => this.#isOverlay(key),
    });
    const entry: Neighbour = {
      nodeId,
      link,
      core,
      packed: null,
      // Until an address is known, the family that leaves less room.
      ipv6: true,
      sent: 0,
      received: 0,
      movedAtMs: -Infinity,
    };
    // The number may have been another neighbour's: its counts go on.
    if (this.#state.engine.linkStats(link, this.#stats)) {
      entry.sent = this.#stats[0] ?? 0;
      entry.received = this.#stats[1] ?? 0;
    }
    this.#neighbours.set(nodeId, entry);
    this.#state.members.link[nodeId] = link;
    this.#shareProbes();
    this.#feed(entry, { type: "start" });
  }

  remove(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined) return;
    this.#neighbours.delete(nodeId);
    this.#state.members.link[nodeId] = -1;
    this.#state.members.addressed[nodeId] = 0;
    this.#state.engine.setLink(entry.link, new Uint8Array(PACKED_ADDRESS));
    this.#shareProbes();
  }

  setEndpoint(nodeId: number, packed: Uint8Array, source: "configured" | "set"): void {
    const entry = this.#neighbours.get(nodeId);
    const address = unpackAddress(packed);
    if (entry === undefined || address === undefined) return;
    this.#feed(entry, { type: "endpoint", address: addressKey(address), source });
  }

  sessionUp(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry !== undefined) this.#feed(entry, { type: "session", up: true });
  }

  sessionDown(nodeId: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry !== undefined) this.#feed(entry, { type: "session", up: false });
  }

  probe(nodeId: number, bytes: Uint8Array, receiveSlot: number, arrivalUs: number): void {
    const entry = this.#neighbours.get(nodeId);
    const from = this.#addressOf(receiveSlot);
    if (entry === undefined || from === undefined || bytes.length < PROBE_BYTES) {
      this.#state.drops.count("probeMalformed");
      return;
    }
    this.#traffic(entry);
    this.#feed(entry, { type: "probe", from: addressKey(from), bytes, arrivalUs });
  }

  /** An authentic record of `nodeId` came from another address than its link's endpoint. */
  moved(nodeId: number, receiveSlot: number): void {
    const entry = this.#neighbours.get(nodeId);
    if (entry === undefined || this.#state.nowMs - entry.movedAtMs < MOVED_EVERY_MS) return;
    const from = this.#addressOf(receiveSlot);
    if (from === undefined) return;
    entry.movedAtMs = this.#state.nowMs;
    this.#feed(entry, { type: "authentic", from: addressKey(from) });
  }

  tick(): void {
    const nowUs = this.#state.nowMs * 1000;
    for (const entry of this.#neighbours.values()) {
      this.#traffic(entry);
      const since = this.#state.activity.unanswered[entry.nodeId] ?? 0;
      if (since !== 0) this.#feed(entry, { type: "unanswered", sinceUs: since * 1000 });
      if (entry.core.nextDeadline() <= nowUs) this.#feed(entry, { type: "tick" });
    }
  }

  isIpv6(nodeId: number): boolean {
    return this.#neighbours.get(nodeId)?.ipv6 ?? true;
  }

  /** `mark` is the sockets', which routes may look at. */
  report(mark: number): LinkReport[] {
    const nowUs = this.#state.nowMs * 1000;
    return [...this.#neighbours.values()].map((entry) => {
      const seen = entry.core.snapshot(nowUs);
      return {
        nodeId: entry.nodeId,
        state: seen.lastHeardUs === undefined && seen.state === "down" ? "unknown" : seen.state,
        endpoint: entry.packed,
        candidates: seen.candidates.map((candidate) => candidate.address),
        owdInUs: seen.owdIn ?? null,
        owdOutUs: seen.owdOut ?? null,
        rttUs: seen.rtt ?? null,
        jitterUs: seen.rtt === undefined ? null : seen.jitter,
        lossIn: seen.lossIn ?? null,
        mtu: this.#state.engine.linkMtu(entry.link, mark),
        sinceUs: seen.since,
      };
    });
  }

  #shareProbes(): void {
    const share = (this.#neighbours.size / IDLE_PROBES_PER_SECOND) * 1e6;
    for (const entry of this.#neighbours.values()) entry.core.idleIntervalUs = Math.max(1e6, share);
  }

  #traffic(entry: Neighbour): void {
    this.#state.engine.linkStats(entry.link, this.#stats);
    const sent = this.#stats[0] ?? 0;
    const received = this.#stats[1] ?? 0;
    const carried = this.#state.activity.carried[entry.nodeId] === 1;
    this.#state.activity.carried[entry.nodeId] = 0;
    const sentCount = sent - entry.sent;
    const receivedCount = received - entry.received;
    entry.sent = sent;
    entry.received = received;
    if (carried || sentCount > 0 || receivedCount > 0) {
      this.#feed(entry, { type: "traffic", carried, sentCount, receivedCount });
    }
  }

  #feed(entry: Neighbour, event: LinkEvent): void {
    const actions = entry.core.handle(this.#addon.now(), event, () => this.#random32());
    for (const action of actions) this.#act(entry, action);
  }

  #act(entry: Neighbour, action: LinkAction): void {
    switch (action.type) {
      case "probe":
        return this.#sendProbe(entry, action.to, action.payload);
      case "endpoint": {
        const address = parseAddress(action.address);
        if (address === undefined) return;
        const packed = new Uint8Array(PACKED_ADDRESS);
        packAddress(address, packed);
        entry.packed = packed;
        entry.ipv6 = address.family === 6;
        this.#state.engine.setLink(entry.link, packed);
        this.#post({ type: "endpoint", nodeId: entry.nodeId, address: packed });
        if (this.#state.members.addressed[entry.nodeId] === 0) {
          this.#state.members.addressed[entry.nodeId] = 1;
          this.#onAddressed(entry.nodeId);
        }
        return;
      }
      case "state":
        return this.#post({ type: "link", nodeId: entry.nodeId, up: action.up });
      case "sample":
        return;
    }
  }

  #sendProbe(entry: Neighbour, to: string | null, payload: Uint8Array): void {
    const { engine, members, activity } = this.#state;
    const slot = members.sendSlot[entry.nodeId] ?? -1;
    if (slot < 0) return;
    let packed: Uint8Array | null = null;
    if (to !== null) {
      const address = parseAddress(to);
      if (address === undefined) return;
      packed = new Uint8Array(PACKED_ADDRESS);
      packAddress(address, packed);
    }
    const nowUs = this.#addon.now();
    stampProbeSent(payload, 0, nowUs);
    const sent = engine.sendRecord(KIND_PROBE, slot, -1, entry.link, packed, 1, payload);
    const asks = to === null && ((payload[0] ?? 0) & PROBE_REPLY_WANTED) !== 0;
    if (sent) activity.sent(entry.nodeId, nowUs / 1000, asks);
  }

  #addressOf(receiveSlot: number): UnderlayAddress | undefined {
    return unpackAddress(this.#state.engine.addresses, receiveSlot * PACKED_ADDRESS);
  }

  #isOverlay(key: string): boolean {
    const address = parseAddress(key);
    return address === undefined || this.#overlay.some((prefix) => prefixContains(prefix, address));
  }

  #random32(): number {
    if (this.#randomLeft === 0) {
      randomFillSync(this.#random);
      this.#randomLeft = this.#random.length;
    }
    this.#randomLeft--;
    return this.#random[this.#randomLeft] ?? 0;
  }
}
