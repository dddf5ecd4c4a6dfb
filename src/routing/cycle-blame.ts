/**
 * Whose word it is when ways cost less than nothing. DESIGN §7.
 *
 * In a mesh such a cycle mostly has two or three links. All of those are counted, and the links that stand in most of them
 * go until none is left: one wrong link makes a cycle with every node that it is measured against, each of the
 * right ones makes one with the wrong link alone. Between equals it is one that was out before, and only then the
 * newest, so whoever repeats the truth is not blamed in place of an old lie.
 */
import type { Graph } from "./graph.ts";
import { findNegativeCycle } from "./negative-cycle.ts";
import type { RoutedGraph } from "./relay-table.ts";

/** Long cycles that are looked at one by one. */
const MAX_LONG_CYCLES = 32;

/** Nodes that are looked at one by one for short ones; what is left then goes at once. */
const MAX_BLAMED = 64;

/** The links (i·n + j) without which no negative cycle of two or three links is left, the clearest first. */
export function blameShortCycles(routed: RoutedGraph, graph: Graph): number[] {
  const { n, relays } = routed;
  const size = relays.length;
  const cycles = new ShortCycles(routed);
  const placeOf = (at: number): number => (relays[Math.floor(at / size)] ?? 0) * n + (relays[at % size] ?? 0);
  const isWorse = (one: number, other: number): boolean => {
    const [here, there] = [placeOf(one), placeOf(other)];
    const more =
      wasOut(graph, here) - wasOut(graph, there) ||
      (cycles.around[one % size] ?? 0) - (cycles.around[other % size] ?? 0) ||
      (graph.arrival[here] ?? 0) - (graph.arrival[there] ?? 0);
    return more > 0;
  };
  const blamed: number[] = [];
  const remove = (at: number): void => {
    blamed.push(placeOf(at));
    cycles.remove(at);
  };
  for (let round = 0; round < MAX_BLAMED; round++) {
    let most = 0;
    let worst = -1;
    for (let at = 0; at < size * size; at++) {
      const count = cycles.ofLink[at] ?? 0;
      if (count > most || (count === most && count > 0 && isWorse(at, worst))) [most, worst] = [count, at];
    }
    if (worst < 0) return blamed;
    remove(worst);
    // The same node's other links that are about as bad.
    for (let at = worst % size; at < size * size; at += size) {
      if ((cycles.ofLink[at] ?? 0) * 2 > most) remove(at);
    }
  }
  for (let at = 0; at < size * size; at++) if ((cycles.ofLink[at] ?? 0) > 0) remove(at);
  return blamed;
}

/**
 * Links (i·n + j) out of the negative cycles that are left, the clearest first. The newest link of each has to go before
 * the next one shows, so each cycle has two here: that one, and the one that stands in most of them.
 */
export function blameLongCycles(routed: RoutedGraph, graph: Graph): number[] {
  const { n } = routed;
  const link = routed.link.slice();
  const cycles = new Map<number, number>();
  const age = (at: number): number => graph.arrival[at] ?? 0;
  const isWorse = (one: number, other: number): boolean =>
    ((cycles.get(one) ?? 0) - (cycles.get(other) ?? 0) ||
      wasOut(graph, one) - wasOut(graph, other) ||
      age(one) - age(other)) > 0;
  const found: number[][] = [];
  const blamed = new Set<number>();
  while (found.length < MAX_LONG_CYCLES) {
    const nodes = findNegativeCycle({ ...routed, link });
    if (!nodes) break;
    const links = nodes.map((from, i) => from * n + (nodes[(i + 1) % nodes.length] ?? from));
    for (const at of links) cycles.set(at, (cycles.get(at) ?? 0) + 1);
    const newest = links.reduce((newer, at) => (age(at) > age(newer) ? at : newer));
    link[newest] = Infinity;
    blamed.add(newest);
    found.push(links);
  }
  for (const links of found) blamed.add(links.reduce((worse, at) => (isWorse(at, worse) ? at : worse)));
  return [...blamed].sort((one, other) => (isWorse(one, other) ? -1 : 1));
}

function wasOut(graph: Graph, at: number): 0 | 1 {
  return graph.outcast[at] === 0 ? 0 : 1;
}

/** The negative cycles of two and three links between relays, counted. Relays stand for their rows, links at i·R + j. */
class ShortCycles {
  readonly #size: number;
  /** Key of a link and of passing its end; and the same of the link back: both are read in order. */
  readonly #there: Float64Array;
  readonly #back: Float64Array;
  /** Cycles that a link stands in. */
  readonly ofLink: Int32Array;
  /** Cycles that a node stood in at first. */
  readonly around: Float64Array;

  constructor({ n, link, relays, weight }: RoutedGraph) {
    const size = relays.length;
    this.#size = size;
    this.#there = new Float64Array(size * size);
    this.#back = new Float64Array(size * size);
    this.ofLink = new Int32Array(size * size);
    this.around = new Float64Array(size);
    relays.forEach((i, from) => {
      relays.forEach((j, to) => {
        const key = (link[i * n + j] ?? Infinity) + (weight[j] ?? 0);
        this.#there[from * size + to] = this.#back[to * size + from] = key;
      });
    });
    for (let a = 0; a < size; a++) {
      for (let b = a + 1; b < size; b++) {
        // Each triangle once, from its first node on; the pair goes with one of its links.
        this.#count(a, b, a + 1, 1);
        this.#countPair(a, b, 1);
      }
    }
    for (let at = 0; at < size * size; at++) {
      const from = Math.floor(at / size);
      this.around[from] = (this.around[from] ?? 0) + (this.ofLink[at] ?? 0);
    }
  }

  remove(at: number): void {
    const [from, to] = [Math.floor(at / this.#size), at % this.#size];
    this.#count(from, to, 0, -1);
    this.#countPair(from, to, -1);
    this.#there[at] = this.#back[to * this.#size + from] = Infinity;
  }

  /** Triangles a → b → c → a with c from `first` on. */
  #count(a: number, b: number, first: number, by: 1 | -1): void {
    const size = this.#size;
    const ab = this.#there[a * size + b] ?? Infinity;
    if (ab === Infinity) return;
    for (let c = first; c < size; c++) {
      const length = ab + (this.#there[b * size + c] ?? Infinity) + (this.#back[a * size + c] ?? Infinity);
      if (!(length < 0) || c === a || c === b) continue;
      this.#add(a, b, by);
      this.#add(b, c, by);
      this.#add(c, a, by);
    }
  }

  #countPair(a: number, b: number, by: 1 | -1): void {
    const at = a * this.#size + b;
    if (!((this.#there[at] ?? Infinity) + (this.#back[at] ?? Infinity) < 0)) return;
    this.#add(a, b, by);
    this.#add(b, a, by);
  }

  #add(from: number, to: number, by: 1 | -1): void {
    const at = from * this.#size + to;
    this.ofLink[at] = (this.ofLink[at] ?? 0) + by;
  }
}
