/**
 * Messages that the engine handed up: probes go to their link or path, traces on their way, control and handshakes to
 * the main thread, each within a limit, so that nobody can keep that thread busy.
 */
import { decodeControl } from "../wire/control.ts";
import { CONTROL_TRACE } from "../wire/trace.ts";
import {
  FLAG_MOVED,
  HANDSHAKE_BASE,
  KIND_CONTROL,
  KIND_FRAME,
  KIND_PATH_MTU,
  KIND_PATH_PROBE,
  KIND_PROBE,
  MESSAGE_FLAGS,
  MESSAGE_HOP,
  MESSAGE_KEYPAIR,
  MESSAGE_KIND,
  MESSAGE_LENGTH,
  MESSAGE_OFFSET,
  MESSAGE_SLOT,
  MESSAGE_SOURCE,
  MESSAGE_WORDS,
  PACKED_ADDRESS,
} from "./descriptors.ts";
import { HandshakeShare } from "./handshake-share.ts";
import type { Links } from "./links.ts";
import { NO_NODE } from "./members.ts";
import { BACKLOG_HANDSHAKES, type FromWorker } from "./messages.ts";
import { NodeBuckets } from "./node-buckets.ts";
import type { Paths } from "./paths.ts";
import type { PlaneClock } from "./plane-clock.ts";
import type { PlaneState } from "./state.ts";
import type { Tracer } from "./tracer.ts";

/** Handshakes under way to the main thread. */
const MAX_BACKLOG = 512;
/** The last bytes of a handshake: zero unless it carries a cookie's proof. */
const MAC2 = 16;
/** Control messages a second and burst that one member may send to the main thread. */
const CONTROL_RATE = 50;
const CONTROL_BURST = 300;
/** The same of probes, for links and for paths: several times what the busiest schedule sends. */
const PROBE_RATE = 200;
const PROBE_BURST = 100;

export class Intake {
  readonly #state: PlaneState;
  readonly #clock: PlaneClock;
  readonly #links: Links;
  readonly #paths: Paths;
  readonly #tracer: Tracer;
  readonly #backlog: Int32Array;
  readonly #post: (message: FromWorker) => void;
  readonly #handshakeShare: HandshakeShare = new HandshakeShare();
  readonly #control: NodeBuckets = new NodeBuckets(CONTROL_RATE, CONTROL_BURST);
  readonly #probes: NodeBuckets = new NodeBuckets(PROBE_RATE, PROBE_BURST);

  /** `backlog`: of {@link WorkerSetup}. */
  constructor(
    state: PlaneState,
    clock: PlaneClock,
    links: Links,
    paths: Paths,
    tracer: Tracer,
    backlog: Int32Array,
    post: (message: FromWorker) => void,
  ) {
    this.#state = state;
    this.#clock = clock;
    this.#links = links;
    this.#paths = paths;
    this.#tracer = tracer;
    this.#backlog = backlog;
    this.#post = post;
  }

  /** Takes message `index` of the batch in hand. */
  message(index: number): void {
    const state = this.#state;
    const messages = this.#state.engine.messages;
    const at = index * MESSAGE_WORDS;
    const kind = messages[at + MESSAGE_KIND] ?? 0;
    const offset = messages[at + MESSAGE_OFFSET] ?? 0;
    const length = messages[at + MESSAGE_LENGTH] ?? 0;
    const slot = messages[at + MESSAGE_KEYPAIR] ?? -1;
    const receiveSlot = messages[at + MESSAGE_SLOT] ?? 0;
    if (kind > HANDSHAKE_BASE) {
      const hopSlot = messages[at + MESSAGE_HOP] ?? -1;
      this.#handshake(offset, length, receiveSlot, hopSlot, messages[at + MESSAGE_SOURCE] ?? 0);
      return;
    }
    const node = state.slotNode[slot] ?? NO_NODE;
    const isProbe = kind === KIND_PROBE || kind === KIND_PATH_PROBE || kind === KIND_PATH_MTU;
    if (isProbe && !this.#probes.take(node, 1, state.nowMs)) {
      state.drops.count("probeRate");
      return;
    }
    const stampUs = state.engine.arrivals[receiveSlot] ?? 0;
    const cameUs = this.#clock.cameUs(stampUs);
    state.activity.received(node, cameUs / 1000, kind === KIND_CONTROL);
    if (state.slotConfirmed[slot] === 0) state.confirmed(slot);
    const bytes = this.#state.engine.receiveArena.subarray(offset, offset + length);
    const arrivalUs = this.#clock.arrivalUs(stampUs);
    if (kind === KIND_PROBE) {
      this.#links.probe(node, bytes, receiveSlot, arrivalUs, cameUs);
      return;
    }
    if (kind === KIND_PATH_MTU) {
      this.#links.mtuProbe(node, bytes);
      return;
    }
    if (((messages[at + MESSAGE_FLAGS] ?? 0) & FLAG_MOVED) !== 0) state.moved(node, receiveSlot);
    if (kind === KIND_FRAME) return;
    if (kind === KIND_PATH_PROBE) this.#paths.record(node, bytes, arrivalUs);
    else if (bytes[0] !== CONTROL_TRACE || !this.#tracer.receive(node, bytes, arrivalUs))
      this.#takeControl(node, bytes);
  }

  #takeControl(node: number, bytes: Uint8Array): void {
    const { drops, nowMs } = this.#state;
    if (decodeControl(bytes) === undefined) drops.count("controlMalformed");
    else if (!this.#control.take(node, 1, nowMs)) drops.count("controlRate");
    else this.#post({ type: "control", nodeId: node, payload: bytes.slice() });
  }

  #handshake(offset: number, length: number, receiveSlot: number, hopSlot: number, source: number): void {
    const { addresses } = this.#state.engine;
    const from = receiveSlot * PACKED_ADDRESS;
    const hop = hopSlot >= 0 ? (this.#state.slotNode[hopSlot] ?? NO_NODE) : -1;
    const arena = this.#state.engine.receiveArena;
    let mac2 = 0;
    for (let i = offset + length - MAC2; i < offset + length; i++) mac2 |= arena[i] ?? 0;
    const full = Atomics.load(this.#backlog, BACKLOG_HANDSHAKES) >= MAX_BACKLOG;
    if (full || !this.#handshakeShare.take(addresses, from, hop, source, mac2 !== 0, this.#state.nowMs)) {
      this.#state.drops.count("handshakeQueue");
      return;
    }
    Atomics.add(this.#backlog, BACKLOG_HANDSHAKES, 1);
    this.#post({
      type: "handshake",
      datagram: this.#state.engine.receiveArena.slice(offset, offset + length),
      address: addresses.slice(from, from + PACKED_ADDRESS),
      hop,
      source,
    });
  }
}
