/**
 * The advertised links of a network, in typed arrays. DESIGN §8.
 *
 * Members have dense indices in the order of their NodeIDs, so "lowest index" means "lowest NodeID". What j says of
 * the link i→j stands at i·n + j: a sender's links are neighbours in memory.
 */
import type { LinkAdvert } from "./types.ts";

/** Of a link in `Graph.outcast`; 0 = never was. */
export const OUT = 1;
export const WAS_OUT = 2;
const WAS_OUT_LONG_AGO = 3;

export class Graph {
  /** NodeIDs, ascending. */
  ids: readonly number[] = [];
  #indices: ReadonlyMap<number, number> = new Map();
  /** µs; NaN = nothing said, Infinity = down. */
  cost: Float64Array = new Float64Array(0);
  owd: Float64Array = new Float64Array(0);
  jitter: Float64Array = new Float64Array(0);
  loss: Float64Array = new Float64Array(0);
  /** As the receiver measures it; NaN = not known. */
  rttMin: Float64Array = new Float64Array(0);
  /** Grows with each advertisement that says something new: the greater, the newer. */
  arrival: Float64Array = new Float64Array(0);
  mtu: Uint16Array = new Uint16Array(0);
  localEpoch: Uint32Array = new Uint32Array(0);
  remoteEpoch: Uint32Array = new Uint32Array(0);
  /** 1 = the sender says that it cannot use the link. */
  dead: Uint8Array = new Uint8Array(0);
  /** OUT: it makes a way back in time and is left out of all paths. WAS_OUT: once it was. */
  outcast: Uint8Array = new Uint8Array(0);
  /** Each node's clock epoch as it announced it; NaN = it did not yet. */
  epoch: Float64Array = new Float64Array(0);
  /** What forwarding one datagram takes at each node, as it reported it, µs. */
  forwardUs: Float64Array = new Float64Array(0);
  #arrivals = 0;

  get size(): number {
    return this.ids.length;
  }

  indexOf(nodeId: number): number | undefined {
    return this.#indices.get(nodeId);
  }

  idOf(index: number): number {
    return this.ids[index] ?? -1;
  }

  /** Take over a list of members; what is known of links between those that stay is kept. */
  setMembers(nodeIds: Iterable<number>): void {
    const ids = [...new Set(nodeIds)].sort((a, b) => a - b);
    const before = this.ids.map((id) => ids.indexOf(id));
    this.ids = ids;
    this.#indices = new Map(ids.map((id, index) => [id, index]));
    const n = ids.length;
    const move = <T extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(old: T, fresh: T): T => {
      const size = before.length;
      for (let i = 0; i < size; i++) {
        const row = (before[i] ?? -1) * n;
        if (row < 0) continue;
        for (let j = 0; j < size; j++) {
          const column = before[j] ?? -1;
          if (column >= 0) fresh[row + column] = old[i * size + j] ?? 0;
        }
      }
      return fresh;
    };
    this.cost = move(this.cost, new Float64Array(n * n).fill(NaN));
    this.owd = move(this.owd, new Float64Array(n * n));
    this.jitter = move(this.jitter, new Float64Array(n * n));
    this.loss = move(this.loss, new Float64Array(n * n));
    this.rttMin = move(this.rttMin, new Float64Array(n * n).fill(NaN));
    this.arrival = move(this.arrival, new Float64Array(n * n));
    this.mtu = move(this.mtu, new Uint16Array(n * n));
    this.localEpoch = move(this.localEpoch, new Uint32Array(n * n));
    this.remoteEpoch = move(this.remoteEpoch, new Uint32Array(n * n));
    this.dead = move(this.dead, new Uint8Array(n * n));
    this.outcast = move(this.outcast, new Uint8Array(n * n));
    const epoch = new Float64Array(n).fill(NaN);
    const forwardUs = new Float64Array(n);
    before.forEach((now, was) => {
      if (now < 0) return;
      epoch[now] = this.epoch[was] ?? NaN;
      forwardUs[now] = this.forwardUs[was] ?? 0;
    });
    this.epoch = epoch;
    this.forwardUs = forwardUs;
  }

  /** Note what `to` says of its link from `from` (indices). True if that may change a route. */
  put(from: number, to: number, advert: LinkAdvert): boolean {
    const at = from * this.size + to;
    const cost = advert.costUs ?? Infinity;
    const rttMin = advert.rttMinUs ?? NaN;
    const costNews =
      !Object.is(this.cost[at], cost) ||
      this.localEpoch[at] !== advert.localEpoch ||
      this.remoteEpoch[at] !== advert.remoteEpoch;
    const news = costNews || this.mtu[at] !== advert.mtu || !Object.is(this.rttMin[at], rttMin);
    if (costNews) this.arrival[at] = ++this.#arrivals;
    this.cost[at] = cost;
    this.owd[at] = advert.owdUs;
    this.jitter[at] = advert.jitterUs;
    this.loss[at] = advert.loss;
    this.rttMin[at] = rttMin;
    this.mtu[at] = advert.mtu;
    this.localEpoch[at] = advert.localEpoch;
    this.remoteEpoch[at] = advert.remoteEpoch;
    return news;
  }

  /** Forget a link. True if there was one. */
  drop(from: number, to: number): boolean {
    const at = from * this.size + to;
    if (Number.isNaN(this.cost[at])) return false;
    this.cost[at] = NaN;
    this.rttMin[at] = NaN;
    this.mtu[at] = 0;
    return true;
  }

  /** Call now and then: who was not cast out since the call before last is no first suspect any more. */
  forgive(): void {
    for (let at = 0; at < this.outcast.length; at++) {
      const was = this.outcast[at];
      if (was === WAS_OUT) this.outcast[at] = WAS_OUT_LONG_AGO;
      else if (was === WAS_OUT_LONG_AGO) this.outcast[at] = 0;
    }
  }

  /** Whether both clocks are still those in which the link was measured. */
  epochsFit(from: number, to: number): boolean {
    const at = from * this.size + to;
    return this.localEpoch[at] === this.epoch[to] && this.remoteEpoch[at] === this.epoch[from];
  }
}
