/**
 * From advertised links to rows: everything from scratch, or only what some links can have changed. DESIGN §8.
 *
 *     graph ─ judge ─▶ usable costs ─ potentials ─▶ keys ─ Floyd–Warshall ─▶ relays' rows ─▶ everybody's rows
 *
 * Rows are a pure function of the advertisements, whichever of the two ways led to them. What a changed link i→j
 * touches:
 * - row i, where j is a relay; else the one entry (i, j);
 * - if i is a relay: the columns in which some relay's distance or record size changed; and where such a column is a
 *   relay's own, what has that relay as next hop and that relay's row, for backups compare ways to both.
 */
import { TRANSIT } from "../wire/sizes.ts";
import { chooseBackups } from "./backup.ts";
import { resolve } from "./contradictions.ts";
import { KEY_SCALE, keyCost, keyHops } from "./floyd-warshall.ts";
import type { Graph } from "./graph.ts";
import type { Honesty } from "./honesty.ts";
import { improve, isUsed } from "./incremental.ts";
import { DIRECT_ONLY, judgePair, USED } from "./link-states.ts";
import type { ManualLatencies } from "./manual-latency.ts";
import type { Outcast } from "./outcasts.ts";
import { UNPROVEN_PAYLOAD } from "./payload.ts";
import { feasible, potentials } from "./potentials.ts";
import { chooseRelays } from "./relay-set.ts";
import { RelayTable } from "./relay-table.ts";
import type { RowStore } from "./row-store.ts";
import type { RelayPolicy } from "./types.ts";
import { rankWays, roomForWays } from "./ways.ts";

/** A link that is so far (over an hour, µs) from what the clocks of all others say is wrong. */
const IMPLAUSIBLE_US = 2 ** 32;
const MAX_HOPS = 255;

/** Per node, by index. */
export interface NodePolicies {
  relay: readonly RelayPolicy[];
  /** What it costs to go through, µs. */
  costUs: readonly number[];
}

interface ChangedLink {
  from: number;
  to: number;
  before: number;
  after: number;
}

export class RouteEngine {
  readonly #graph: Graph;
  readonly #honesty: Honesty;
  readonly #manual: ManualLatencies;
  readonly #store: RowStore | undefined;
  #policies: NodePolicies = { relay: [], costUs: [] };
  /** What each link counts as, and what it costs, µs, Infinity unless used in paths. At i·n + j. */
  state: Uint8Array = new Uint8Array(0);
  cost: Float64Array = new Float64Array(0);
  #potential: Float64Array = new Float64Array(0);
  table: RelayTable = emptyTable();
  outcasts: Outcast[] = [];
  #ways = roomForWays(0);

  /** @param store where rows go; undefined: somebody else makes them */
  constructor(graph: Graph, honesty: Honesty, manual: ManualLatencies, store: RowStore | undefined) {
    this.#graph = graph;
    this.#honesty = honesty;
    this.#manual = manual;
    this.#store = store;
  }

  policyOf(node: number): RelayPolicy | undefined {
    return this.#policies.relay[node];
  }

  /** What the clocks add to the cost of any path between two nodes, as far as keys leave it out, µs. */
  clockDifference(from: number, to: number): number {
    return (this.#potential[to] ?? 0) - (this.#potential[from] ?? 0);
  }

  /** Everything from scratch. */
  rebuild(policies: NodePolicies): void {
    const graph = this.#graph;
    const n = graph.size;
    this.#policies = policies;
    this.state = new Uint8Array(n * n);
    this.cost = new Float64Array(n * n).fill(Infinity);
    this.#ways = roomForWays(n);
    this.outcasts = [];
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) judgePair(graph, this.#honesty, i, j, this);
    this.#potential = potentials(n, this.cost);
    this.#applyManual();
    const link = new Float64Array(n * n).fill(Infinity);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const key = this.#keyOf(i, j);
        if (key === undefined) this.#castOut(i, j, "implausible");
        else link[i * n + j] = key;
      }
    }
    this.#routeEverything(link, chooseRelays(policies.relay, this.cost));
  }

  /** All rows for these keys of the links and these relays. */
  #routeEverything(link: Float64Array, chosen: readonly number[]): void {
    const { size: n, mtu } = this.#graph;
    const relays = Int32Array.from(chosen);
    const weight = Float64Array.from(this.#policies.costUs, (costUs) => costUs * KEY_SCALE);
    this.table = new RelayTable({ n, link, relays, weight, mtu });
    for (const at of resolve(this.table, this.#graph)) {
      this.#castOut(Math.floor(at / n), at % n, "negative-cycle");
    }
    this.table.derive();
    for (let s = 0; s < n; s++) this.#route(s, 0, n);
  }

  /** Only what the links of some pairs (i·n + j, indices, i < j) can have changed. */
  update(pairs: Iterable<number>): void {
    if (!this.#tryUpdate(pairs)) this.rebuild(this.#policies);
  }

  /** False: it takes a rebuild. */
  #tryUpdate(pairs: Iterable<number>): boolean {
    // What a new value does to links that were cast out, or to latencies by hand, shows only from scratch.
    if (this.outcasts.length > 0 || !this.#manual.isEmpty) return false;
    const { table } = this;
    const { n, link, relays } = table.graph;
    const rows = new Set<number>();
    const cells = new Set<number>();
    const changed: ChangedLink[] = [];
    for (const pair of pairs) {
      const [i, j] = [Math.floor(pair / n), pair % n];
      judgePair(this.#graph, this.#honesty, i, j, this);
      for (const [from, to] of [
        [i, j],
        [j, i],
      ] as const) {
        const after = this.#keyOf(from, to);
        if (after === undefined) return false;
        const before = link[from * n + to] ?? Infinity;
        if (before !== after) changed.push({ from, to, before, after });
        if (table.rowOf[to] === -1) cells.add(from * n + to);
        else rows.add(from);
      }
    }
    const chosen = chooseRelays(this.#policies.relay, this.cost);
    if (chosen.length !== relays.length || chosen.some((relay, r) => relay !== relays[r])) {
      for (const { from, to, after } of changed) link[from * n + to] = after;
      this.#routeEverything(link, chosen);
      return true;
    }
    const columns = this.#updateTable(changed);
    if (!columns) return false;
    for (let s = 0; s < n; s++) {
      if (rows.has(s) || (columns[s] === 1 && table.rowOf[s] !== -1)) this.#route(s, 0, n);
      else this.#routeColumns(s, columns);
    }
    for (const cell of cells) this.#route(Math.floor(cell / n), cell % n, (cell % n) + 1);
    return true;
  }

  /** Bring the relays' rows up to date. Columns that changed are 1; undefined: a negative cycle came up. */
  #updateTable(changed: readonly ChangedLink[]): Uint8Array | undefined {
    const { table } = this;
    const { n, link, relays } = table.graph;
    const columns = new Uint8Array(n);
    const worse = changed.filter(({ before, after }) => after > before);
    const better = changed.filter(({ before, after }) => after < before);
    const lost = worse.some(({ from, to, before }) =>
      isUsed(table.graph, table.distance, table.rowOf, from, to, before),
    );
    for (const { from, to, after } of lost ? changed : worse) link[from * n + to] = after;
    if (lost) {
      const former = table.distance.slice();
      if (!table.rebuild()) return undefined;
      markDifferences(former, table.distance, n, columns);
    } else {
      for (const { from, to, after } of better) {
        link[from * n + to] = after;
        if (!improve(table.graph, table.distance, table.rowOf, from, to, after, columns)) return undefined;
      }
    }
    const fits = table.fits.slice();
    table.derive();
    if (relays.length > 0) markDifferences(fits, table.fits, n, columns);
    return columns;
  }

  /** Latencies by hand know no clocks: the clocks' difference is added, so that they may meet measured ones. */
  #applyManual(): void {
    if (this.#manual.isEmpty) return;
    const { ids, size } = this.#graph;
    this.#potential = feasible(this.#potential, this.cost);
    ids.forEach((from, i) => {
      ids.forEach((to, j) => {
        const at = i * size + j;
        const cost = this.state[at] === USED ? this.#manual.cost(from, to) : undefined;
        if (cost === undefined) return;
        this.cost[at] = cost + this.clockDifference(i, j);
      });
    });
  }

  /** Key of a link without its clocks' offsets; Infinity = not used; undefined = impossible. */
  #keyOf(i: number, j: number): number | undefined {
    const cost = this.cost[i * this.#graph.size + j] ?? Infinity;
    if (cost === Infinity) return Infinity;
    const plain = cost - this.clockDifference(i, j);
    return Math.abs(plain) < IMPLAUSIBLE_US ? plain * KEY_SCALE + 1 : undefined;
  }

  #castOut(from: number, to: number, reason: Outcast["reason"]): void {
    const at = from * this.#graph.size + to;
    this.state[at] = DIRECT_ONLY;
    this.cost[at] = Infinity;
    this.outcasts.push({ from, to, reason });
  }

  /** Entries from s to, or by, the nodes marked. */
  #routeColumns(s: number, columns: Uint8Array): void {
    const { n } = this.table.graph;
    const store = this.#store;
    if (!store) return;
    for (let t = 0; t < n; t++) {
      const first = t;
      while (t < n && (columns[t] === 1 || columns[store.nextHop(s, t)] === 1)) t++;
      if (t > first) this.#route(s, first, t);
    }
  }

  /** Entries from s to the nodes first ≤ t < end. */
  #route(s: number, first: number, end: number): void {
    const store = this.#store;
    if (!store) return;
    const { table } = this;
    const ways = this.#ways;
    const { best, next, spare, backup } = ways;
    rankWays(table.graph, table.distance, s, first, end, ways);
    chooseBackups(table, s, first, end, ways);
    for (let t = first; t < end; t++) {
      if (t === s) continue;
      const hop = next[t] ?? -1;
      if (hop < 0) {
        this.#routeDirect(store, s, t);
        continue;
      }
      const key = best[t] ?? 0;
      let second = backup[t] ?? -1;
      const cost = keyCost(key);
      let hops = key - cost * KEY_SCALE;
      let size = table.size(s, hop, t);
      // A row has one size for both: a backup must not cut every frame on the way that is used into pieces.
      if (second >= 0 && table.size(s, second, t) < Math.min(size, UNPROVEN_PAYLOAD - TRANSIT)) second = -1;
      if (second >= 0) {
        hops = Math.max(hops, keyHops(spare[t] ?? 0));
        size = Math.min(size, table.size(s, second, t));
      }
      store.set(s, t, hop, second, Math.min(MAX_HOPS, hops), size, cost + this.clockDifference(s, t));
    }
  }

  /** No path: then the link between the two, whatever its delay means, as long as it works. */
  #routeDirect(store: RowStore, s: number, t: number): void {
    const at = s * this.#graph.size + t;
    if (this.state[at] !== DIRECT_ONLY) store.set(s, t, -1, -1, 0, 0, 0);
    else store.set(s, t, t, -1, 1, this.table.size(s, t, t), this.#graph.cost[at] ?? 0);
  }
}

function markDifferences(
  before: Float64Array | Uint16Array,
  after: Float64Array | Uint16Array,
  n: number,
  columns: Uint8Array,
): void {
  for (let at = 0; at < after.length; at++) if (before[at] !== after[at]) columns[at % n] = 1;
}

function emptyTable(): RelayTable {
  const none = new Float64Array(0);
  return new RelayTable({
    n: 0,
    link: none,
    relays: new Int32Array(0),
    weight: none,
    mtu: new Uint16Array(0),
  });
}
