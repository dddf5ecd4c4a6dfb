/**
 * All rows, and when each entry changed last. DESIGN §8.
 *
 * One generation per computation that changed something. An entry knows the generation of its last change, so a delta
 * from any earlier generation is found without keeping history; members that left are remembered with the
 * generation in which they did.
 */
import { rowHash } from "./row-hash.ts";
import type { Row, RowDelta, RowEntry, Version } from "./types.ts";

const NONE = 0xffff;
/** µs either way: sums of costs beyond, which only liars make, are told as this. It is for people alone. */
export const MAX_ROW_COST_US: number = 2 ** 52;

export class RowStore {
  readonly #incarnation: number;
  ids: readonly number[] = [];
  #indices = new Map<number, number>();
  /** The same for every possible NodeID, and faster; -1 = no member. */
  readonly #places: Int32Array = new Int32Array(NONE + 1).fill(-1);
  /** NodeIDs; NONE = unreachable, or no backup. Source · n + destination. */
  #next = new Uint16Array(0);
  #backup = new Uint16Array(0);
  #hops = new Uint8Array(0);
  #size = new Uint16Array(0);
  #cost = new Float64Array(0);
  #changedAt = new Float64Array(0);
  #rowChangedAt = new Float64Array(0);
  #left = new Map<number, number>();
  #generation = 0;
  #changed = false;

  constructor(incarnation: number) {
    this.#incarnation = incarnation;
  }

  /** Take over the list of members (ascending NodeIDs). Rows and entries of those that stay are kept. */
  setMembers(ids: readonly number[]): void {
    const before = this.ids.map((id) => ids.indexOf(id));
    const from = { n: this.ids.length, next: this.#next, backup: this.#backup, hops: this.#hops };
    const [size, cost, changedAt, rowChangedAt] = [
      this.#size,
      this.#cost,
      this.#changedAt,
      this.#rowChangedAt,
    ];
    const now = this.#generation + 1;
    const n = ids.length;
    this.#next = new Uint16Array(n * n).fill(NONE);
    this.#backup = new Uint16Array(n * n).fill(NONE);
    this.#hops = new Uint8Array(n * n);
    this.#size = new Uint16Array(n * n);
    this.#cost = new Float64Array(n * n);
    this.#changedAt = new Float64Array(n * n).fill(now);
    this.#rowChangedAt = new Float64Array(n).fill(now);
    before.forEach((s, was) => {
      if (s < 0) return;
      this.#rowChangedAt[s] = rowChangedAt[was] ?? now;
      before.forEach((t, column) => {
        if (t < 0) return;
        const [old, fresh] = [was * from.n + column, s * n + t];
        this.#next[fresh] = from.next[old] ?? NONE;
        this.#backup[fresh] = from.backup[old] ?? NONE;
        this.#hops[fresh] = from.hops[old] ?? 0;
        this.#size[fresh] = size[old] ?? 0;
        this.#cost[fresh] = cost[old] ?? 0;
        this.#changedAt[fresh] = changedAt[old] ?? now;
      });
    });
    for (const [was, id] of this.ids.entries()) if ((before[was] ?? -1) < 0) this.#left.set(id, now);
    for (const id of ids) this.#left.delete(id);
    this.ids = ids;
    this.#indices = new Map(ids.map((id, index) => [id, index]));
    this.#places.fill(-1);
    ids.forEach((id, index) => (this.#places[id] = index));
    // Everybody's row lost or gained a destination, even if it was not reachable.
    this.#rowChangedAt.fill(now);
    this.#changed = true;
  }

  /** Write one entry (indices; next hop -1 = unreachable, backup -1 = none). */
  set(
    s: number,
    t: number,
    next: number,
    backup: number,
    hops: number,
    size: number,
    trueCostUs: number,
  ): void {
    const costUs = Math.max(-MAX_ROW_COST_US, Math.min(MAX_ROW_COST_US, trueCostUs));
    const at = s * this.ids.length + t;
    const nextId = this.ids[next] ?? NONE;
    const backupId = this.ids[backup] ?? NONE;
    if (
      this.#next[at] === nextId &&
      this.#backup[at] === backupId &&
      this.#hops[at] === hops &&
      this.#size[at] === size &&
      this.#cost[at] === costUs
    ) {
      return;
    }
    this.#next[at] = nextId;
    this.#backup[at] = backupId;
    this.#hops[at] = hops;
    this.#size[at] = size;
    this.#cost[at] = costUs;
    this.#changedAt[at] = this.#rowChangedAt[s] = this.#generation + 1;
    this.#changed = true;
  }

  /** Index of the next hop from s to t (indices); -1 = unreachable. */
  nextHop(s: number, t: number): number {
    return this.#places[this.#next[s * this.ids.length + t] ?? NONE] ?? -1;
  }

  /** Close the generation. True if anything changed in it. */
  commit(): boolean {
    const changed = this.#changed;
    if (changed) this.#generation++;
    this.#changed = false;
    return changed;
  }

  version(nodeId: number): Version {
    const counter = this.#rowChangedAt[this.#indices.get(nodeId) ?? -1] ?? 0;
    return { incarnation: this.#incarnation, counter };
  }

  entry(from: number, to: number): RowEntry | undefined {
    const s = this.#indices.get(from);
    const t = this.#indices.get(to);
    return s === undefined || t === undefined ? undefined : this.#entry(s, t);
  }

  row(nodeId: number): Row {
    const s = this.#indices.get(nodeId);
    const entries = s === undefined ? [] : this.#entries(s);
    return { ...this.version(nodeId), hash: rowHash(entries), entries };
  }

  /** What changed since `base`; the whole row where that is not known, or not less. */
  delta(nodeId: number, base: Version): RowDelta | Row {
    const row = this.row(nodeId);
    const s = this.#indices.get(nodeId);
    const isOurs = base.incarnation === this.#incarnation && base.counter <= row.counter;
    if (s === undefined || !isOurs) return row;
    const removed = [...this.#left].filter(([, at]) => at > base.counter).map(([id]) => id);
    const set: RowEntry[] = [];
    this.ids.forEach((destination, t) => {
      if (t === s || (this.#changedAt[s * this.ids.length + t] ?? 0) <= base.counter) return;
      const entry = this.#entry(s, t);
      if (entry) set.push(entry);
      else removed.push(destination);
    });
    if (set.length + removed.length / 8 >= row.entries.length && row.entries.length > 0) return row;
    const { incarnation, counter, hash } = row;
    return { base: { ...base }, incarnation, counter, hash, set, removed: removed.sort((a, b) => a - b) };
  }

  #entries(s: number): RowEntry[] {
    const entries: RowEntry[] = [];
    for (let t = 0; t < this.ids.length; t++) {
      const entry = this.#entry(s, t);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  #entry(s: number, t: number): RowEntry | undefined {
    const at = s * this.ids.length + t;
    const nextHop = this.#next[at] ?? NONE;
    if (nextHop === NONE || s === t) return undefined;
    const backup = this.#backup[at] ?? NONE;
    return {
      destination: this.ids[t] ?? NONE,
      nextHop,
      backup: backup === NONE ? null : backup,
      hops: this.#hops[at] ?? 0,
      size: this.#size[at] ?? 0,
      costUs: this.#cost[at] ?? 0,
    };
  }
}
