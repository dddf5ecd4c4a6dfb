/**
 * The relays' rows: distance, next hop and record size from each relay to every node. DESIGN §8.
 *
 *     distance, next, fits:   R rows × n columns;   row r belongs to node relays[r]
 */
import { floydWarshall } from "./floyd-warshall.ts";
import type { KeyedGraph } from "./floyd-warshall.ts";
import { TRANSIT } from "../wire/sizes.ts";
import { payloadOf } from "./payload.ts";
import { rankWays, roomForWays } from "./ways.ts";

export interface RoutedGraph extends KeyedGraph {
  /** Largest UDP payload known to pass, at i·n + j as j reports it; 0 = not known. */
  readonly mtu: Uint16Array;
}

export class RelayTable {
  readonly graph: RoutedGraph;
  /** Row of each node; -1 = not a relay. */
  readonly rowOf: Int32Array;
  readonly distance: Float64Array;
  /** Index of the next hop; -1 = unreachable, or the relay itself. */
  readonly next: Int32Array;
  /** Largest record that fits the whole way. */
  readonly fits: Uint16Array;

  constructor(graph: RoutedGraph) {
    this.graph = graph;
    const cells = graph.relays.length * graph.n;
    this.rowOf = new Int32Array(graph.n).fill(-1);
    graph.relays.forEach((relay, row) => (this.rowOf[relay] = row));
    this.distance = new Float64Array(cells);
    this.next = new Int32Array(cells);
    this.fits = new Uint16Array(cells);
  }

  /** Distances from scratch. False: there is a negative cycle, and no distances. */
  rebuild(): boolean {
    return floydWarshall(this.graph, this.distance);
  }

  /** Next hops and sizes from the distances. */
  derive(): void {
    const { n, relays } = this.graph;
    const ways = roomForWays(n);
    relays.forEach((relay, row) => {
      rankWays(this.graph, this.distance, relay, 0, n, ways);
      this.next.set(ways.next, row * n);
    });
    this.fits.fill(0);
    for (let row = 0; row < relays.length; row++) {
      for (let t = 0; t < n; t++) if (this.fits[row * n + t] === 0) this.#measure(row, t);
    }
  }

  /** Largest record from s to t when s sends it to `hop`. */
  size(s: number, hop: number, t: number): number {
    const link = payloadOf(this.graph.mtu, this.graph.n, s, hop);
    if (hop === t) return link;
    return Math.min(link - TRANSIT, this.fits[(this.rowOf[hop] ?? 0) * this.graph.n + t] ?? 0);
  }

  /** Indices of the nodes from a relay to t, both included. */
  path(relay: number, t: number): number[] {
    const nodes = [relay];
    for (let at = relay; at !== t && nodes.length <= this.graph.relays.length + 1;) {
      at = this.next[(this.rowOf[at] ?? 0) * this.graph.n + t] ?? -1;
      if (at < 0) break;
      nodes.push(at);
    }
    return nodes;
  }

  #measure(row: number, t: number): number {
    const at = row * this.graph.n + t;
    const hop = this.next[at] ?? -1;
    if (hop < 0) return 0;
    const hopRow = this.rowOf[hop] ?? -1;
    if (hop !== t && this.fits[hopRow * this.graph.n + t] === 0) this.#measure(hopRow, t);
    return (this.fits[at] = this.size(this.graph.relays[row] ?? 0, hop, t));
  }
}
