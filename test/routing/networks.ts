/** Random networks for the routing tests: true delays, clocks that lie apart, and what nodes would report. */
import { Coordinator } from "../../src/routing/coordinator.ts";
import type { CoordinatorOptions, Member } from "../../src/routing/coordinator.ts";
import type { LinkAdvert, LinkReport } from "../../src/routing/types.ts";

/** Mulberry32: 0 ≤ x < 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface TrueNetwork {
  /** NodeIDs, ascending. */
  ids: number[];
  /** True delay of the link i→j (indices), µs; Infinity = none. */
  delay: number[][];
  /** Clock offset of each node, µs. */
  offset: number[];
  members: Member[];
}

export interface NetworkShape {
  n: number;
  /** Share of directed links that exist. */
  density?: number;
  /** Offsets lie within ± this, µs. */
  clocksApartUs?: number;
  /** Delays are multiples of this, so that ties are common. */
  stepUs?: number;
  maxUs?: number;
  /** Share of nodes that never relay. */
  leaves?: number;
  /** NodeIDs are i · this + 1. */
  idStep?: number;
}

export function randomNetwork(seed: number, shape: NetworkShape): TrueNetwork {
  const random = randomFrom(seed);
  const {
    n,
    density = 1,
    clocksApartUs = 1e12,
    stepUs = 1000,
    maxUs = 60_000,
    leaves = 0,
    idStep = 3,
  } = shape;
  const ids = Array.from({ length: n }, (_, i) => i * idStep + 1);
  const steps = Math.floor(maxUs / stepUs);
  const delay = ids.map((_, i) =>
    ids.map((_id, j) => (i === j || random() > density ? Infinity : Math.ceil(random() * steps) * stepUs)),
  );
  const offset = ids.map(() => Math.round((random() * 2 - 1) * clocksApartUs));
  const members = ids.map((nodeId): Member => {
    const relay = random() < leaves ? "never" : "auto";
    return { nodeId, relay, additionalCostUs: Math.floor(random() * 3) * 500 };
  });
  return { ids, delay, offset, members };
}

/**
 * Nodes on a map of so many ms across: delays follow the distance, plus up to 10 ms that differ by direction. Like the
 * Internet, and unlike a random network, the direct way is often the best.
 */
export function mapNetwork(seed: number, n: number, acrossMs = 100): TrueNetwork {
  const random = randomFrom(seed);
  const network = randomNetwork(seed, { n });
  const places = network.ids.map(() => [random() * acrossMs, random() * acrossMs] as const);
  const delay = places.map(([x, y], i) =>
    places.map(([u, v], j) => {
      return i === j ? Infinity : Math.round((1 + Math.hypot(x - u, y - v) + 10 * random()) * 1000);
    }),
  );
  return { ...network, delay };
}

/** The clock epoch of each node in these tests. */
export function epochOf(nodeId: number): number {
  return 1000 + nodeId;
}

export function advert(
  from: number,
  to: number,
  costUs: number | null,
  more: Partial<LinkAdvert> = {},
): LinkAdvert {
  return {
    from,
    costUs,
    owdUs: costUs ?? 0,
    jitterUs: 0,
    loss: 0,
    rttMinUs: null,
    mtu: 0,
    localEpoch: epochOf(to),
    remoteEpoch: epochOf(from),
    ...more,
  };
}

export function report(
  node: number,
  counter: number,
  links: LinkAdvert[],
  more: Partial<LinkReport> = {},
): LinkReport {
  return { incarnation: 1, counter, epoch: epochOf(node), full: true, links, gone: [], dead: [], ...more };
}

/** What the node with index j measures of its links. */
export function advertsOf(network: TrueNetwork, j: number): LinkAdvert[] {
  const { ids, delay, offset } = network;
  const to = ids[j] ?? 0;
  return ids.flatMap((from, i) => {
    const there = delay[i]?.[j] ?? Infinity;
    const back = delay[j]?.[i] ?? Infinity;
    if (there === Infinity) return [];
    const measured = there + (offset[j] ?? 0) - (offset[i] ?? 0);
    return [advert(from, to, measured, { rttMinUs: back === Infinity ? null : there + back })];
  });
}

/** A coordinator that has heard everything, in the order given (indices). */
export function coordinatorOf(
  network: TrueNetwork,
  options: Partial<CoordinatorOptions> = {},
  order: readonly number[] = network.ids.map((_, i) => i),
): Coordinator {
  const coordinator = new Coordinator({ incarnation: 7, ...options });
  coordinator.setMembers(network.members);
  for (const j of order)
    coordinator.report(0, network.ids[j] ?? 0, report(network.ids[j] ?? 0, 1, advertsOf(network, j)));
  coordinator.compute();
  return coordinator;
}

/** Follow next hops: the nodes passed, both ends included; throws on a loop or a gap. */
export function follow(coordinator: Coordinator, from: number, to: number): number[] {
  const path = [from];
  for (let at = from; at !== to;) {
    const entry = coordinator.row(at).entries.find(({ destination }) => destination === to);
    if (!entry) throw new Error(`no way at ${at} towards ${to} after ${path.join()}`);
    if (path.includes(entry.nextHop)) throw new Error(`loop ${path.join()},${entry.nextHop}`);
    path.push((at = entry.nextHop));
  }
  return path;
}
