/** Networks in which nothing gets worse, so that no way should change: ten minutes each. */
import { namedLab, randomLab, settled } from "./labs.ts";
import { relayedPair } from "./failover.ts";
import { MS, SECOND } from "./simulation.ts";
import type { RouteChange } from "./scenario.ts";
import type { Simulation } from "./simulation.ts";
import type { Flow } from "./traffic.ts";

const TEN_MINUTES = 600 * SECOND;
const NODES = 6;
/** The member whose links are bad. */
export const JITTERY = 6;

export interface Quiet {
  simulation: Simulation;
  /** Next hops that tables changed in the ten minutes. */
  changes: RouteChange[];
  flows: Flow[];
}

function tenMinutes(simulation: Simulation, flows: Flow[]): Quiet {
  const before = simulation.routeChanges.length;
  simulation.run(TEN_MINUTES);
  return { simulation, changes: simulation.routeChanges.slice(before), flows };
}

/** Frames on every pair, so that all links are probed often. */
export function talkToEverybody(sim: Simulation, perSecond: number): Flow[] {
  const pairs = sim.nodes.flatMap((from) => sim.nodes.map((to) => ({ from, to })));
  return pairs.filter(({ from, to }) => from !== to).map(({ from, to }) => sim.flow(from, to, perSecond));
}

/** 0.5 % loss on every link, and three flows over relays. */
export function littleLoss(seed: number): Quiet {
  const sim = settled(randomLab(seed, NODES), 120);
  for (const from of sim.nodes) for (const to of sim.nodes) sim.underlay.way(from, to).loss = 0.005;
  return tenMinutes(
    sim,
    [1, 2, 3].map(() => sim.flow(...relayedPair(sim), 200)),
  );
}

/** 10 ± 8 ms on every link, and so many frames a second on every pair: with none, links are probed slowly. */
export function jitterEverywhere(seed: number, perSecond: number): Quiet {
  const jitterUs = (from: number, to: number): number => (from !== 0 && to !== 0 ? 8 * MS : 0);
  const sim = settled(namedLab(seed, NODES, {}, 10, { jitterUs }), 60);
  return tenMinutes(sim, perSecond === 0 ? [] : talkToEverybody(sim, perSecond));
}

/** One member with 100 to 300 ms on each of its links. */
export function oneJitteryMember(seed: number): Quiet {
  const sim = randomLab(seed, NODES);
  for (const other of sim.nodes) {
    for (const way of [sim.underlay.way(JITTERY, other), sim.underlay.way(other, JITTERY)]) {
      way.delayUs = 200 * MS;
      way.jitterUs = 100 * MS;
    }
  }
  settled(sim, 150);
  return tenMinutes(sim, talkToEverybody(sim, 5));
}

export function mostPerPair(changes: readonly RouteChange[]): number {
  const counts = new Map<string, number>();
  for (const { node, destination } of changes) {
    const pair = `${node}>${destination}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
