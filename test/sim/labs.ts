/** Networks to run scenarios on, and what the best ways through them truly are. */
import { Random } from "./random.ts";
import { MS, SECOND, Simulation } from "./simulation.ts";
import type { SimulationOptions } from "./scenario.ts";
import { SUPER_ID } from "./supernode.ts";
import type { Underlay } from "./underlay.ts";

const RELAY_US = 2 * MS;

/** n edges, every one-way delay drawn for itself, so that relays pay off often. */
export function randomLab(seed: number, nodes: number, options: Partial<SimulationOptions> = {}): Simulation {
  const random = new Random(seed + 7e6);
  const delays = new Map<string, number>();
  for (let from = 0; from <= nodes; from++) {
    for (let to = 0; to <= nodes; to++) {
      const isControl = from === SUPER_ID || to === SUPER_ID;
      delays.set(
        `${from}>${to}`,
        Math.round(isControl ? random.between(5, 30) * MS : random.between(5, 60) * MS),
      );
    }
  }
  return new Simulation({ seed, nodes, delayUs: (from, to) => delays.get(`${from}>${to}`), ...options });
}

/** Delays in ms by "from>to"; what is not named takes `others`. The supernode is 10 ms away from everybody. */
export function namedLab(
  seed: number,
  nodes: number,
  delaysMs: Record<string, number>,
  othersMs: number,
  options: Partial<SimulationOptions> = {},
): Simulation {
  const delayUs = (from: number, to: number): number => {
    if (from === SUPER_ID || to === SUPER_ID) return 10 * MS;
    return (delaysMs[`${from}>${to}`] ?? othersMs) * MS;
  };
  return new Simulation({ seed, nodes, delayUs, ...options });
}

/** A simulation that has run long enough for clocks, links and routes to have settled. */
export function settled(simulation: Simulation, seconds = 30): Simulation {
  simulation.start();
  simulation.run(seconds * SECOND);
  return simulation;
}

/** What a way truly costs now, relays included and loss left out, µs. */
export function trueCost(underlay: Underlay, way: readonly number[]): number {
  let cost = 0;
  way.slice(1).forEach((to, i) => {
    const link = underlay.way(way[i] ?? 0, to);
    cost += link.cut ? Infinity : link.delayUs + (i > 0 ? RELAY_US : 0);
  });
  return cost;
}

/** The best ways, best first: all with at most two relays. */
export function bestWays(
  underlay: Underlay,
  nodes: readonly number[],
  from: number,
  to: number,
): { way: number[]; costUs: number }[] {
  const others = nodes.filter((node) => node !== from && node !== to);
  const ways = [[from, to]];
  for (const one of others) {
    ways.push([from, one, to]);
    for (const two of others) if (two !== one) ways.push([from, one, two, to]);
  }
  const costs = ways.map((way) => ({ way, costUs: trueCost(underlay, way) }));
  return costs.filter(({ costUs }) => Number.isFinite(costUs)).sort((a, b) => a.costUs - b.costUs);
}
