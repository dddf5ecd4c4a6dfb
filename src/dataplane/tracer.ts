/**
 * Overlay traceroute in the data plane: takes the way that frames take now, and its stamps are as good as a probe's. The
 * main thread asks and gets the answer.
 */
import { decodeTrace, encodeTrace, MAX_TRACE_HOPS, type Trace } from "../wire/trace.ts";
import { NodeBuckets } from "./node-buckets.ts";
import type { FromWorker } from "./messages.ts";
import type { PlaneState } from "./state.ts";

/** Traces a second and burst that one neighbour may send through this node. */
const RATE = 20;
const BURST = 20;

export class Tracer {
  readonly #state: PlaneState;
  /** Mesh clock, µs. */
  readonly #now: () => number;
  /** Sends a control record on the way to a node, to its next hop; false = there is none. */
  readonly #sendNext: (towards: number, payload: Uint8Array) => boolean;
  readonly #post: (message: FromWorker) => void;
  readonly #buckets: NodeBuckets = new NodeBuckets(RATE, BURST);

  constructor(
    state: PlaneState,
    now: () => number,
    sendNext: (towards: number, payload: Uint8Array) => boolean,
    post: (message: FromWorker) => void,
  ) {
    this.#state = state;
    this.#now = now;
    this.#sendNext = sendNext;
    this.#post = post;
  }

  /** Sends a trace to `target`; the answer is posted as `traced`. */
  begin(id: number, target: number): void {
    const origin = this.#state.ownNodeId;
    const trace: Trace = { id, origin, target, back: false, turn: undefined, hops: [] };
    trace.hops.push({ nodeId: origin, arrivalUs: 0, departureUs: this.#now() });
    if (!this.#sendNext(target, encodeTrace(trace))) this.#post({ type: "traced", id, hops: [], turn: 0 });
  }

  /** A trace arrived from a neighbour at `arrivalUs` of the mesh clock. False: it is none. */
  receive(from: number, payload: Uint8Array, arrivalUs: number): boolean {
    const trace = decodeTrace(payload);
    if (trace === undefined) return false;
    const { ownNodeId, drops, nowMs, relay } = this.#state;
    const { id, origin, target, hops, turn } = trace;
    if (!this.#buckets.take(from, 1, nowMs) || hops.length + 1 > MAX_TRACE_HOPS) {
      drops.count("traceRefused");
      return true;
    }
    if (trace.back && ownNodeId === origin) {
      hops.push({ nodeId: ownNodeId, arrivalUs, departureUs: 0 });
      this.#post({ type: "traced", id, hops, turn: turn ?? 0 });
      return true;
    }
    if (!trace.back && ownNodeId === target) {
      trace.back = true;
      trace.turn = hops.length;
    } else if (relay === "never") {
      drops.count("traceRefused");
      return true;
    }
    hops.push({ nodeId: ownNodeId, arrivalUs, departureUs: this.#now() });
    if (!this.#sendNext(trace.back ? origin : target, encodeTrace(trace))) drops.count("traceNoRoute");
    return true;
  }
}
