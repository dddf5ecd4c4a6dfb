/** One failover: a flow over a relay, something on its way breaks, and how long nothing arrives. */
import { randomLab, settled } from "./labs.ts";
import { MS, SECOND } from "./simulation.ts";
import type { Simulation } from "./simulation.ts";
import type { Flow } from "./traffic.ts";

export type Break =
  "next hop killed" | "link cut both ways" | "link cut one way" | "link behind the next hop cut";

export interface Outcome {
  outageUs: number;
  simulation: Simulation;
  flow: Flow;
}

const NODES = 6;
const SETTLE_S = 12;
const WATCH_US = 5 * SECOND;

export function failover(seed: number, what: Break): Outcome {
  const simulation = settled(randomLab(seed, NODES), SETTLE_S);
  const [from, to] = relayedPair(simulation);
  const flow = simulation.flow(from, to, 100);
  simulation.run(simulation.random.between(3, 4) * SECOND);
  const [, hop = 0, behind = 0] = simulation.way(from, to);
  const brokeUs = simulation.nowUs;
  breakIt(simulation, what, from, hop, behind);
  simulation.run(WATCH_US);
  return { outageUs: flow.outage(brokeUs - 100 * MS), simulation, flow };
}

/** Two nodes between which the table has a relay. */
export function relayedPair(simulation: Simulation): [number, number] {
  const pairs = simulation.nodes.flatMap((from) =>
    simulation.nodes.map((to): [number, number] => [from, to]),
  );
  const relayed = pairs.filter(([from, to]) => from !== to && simulation.way(from, to).length > 2);
  return simulation.random.pick(relayed);
}

function breakIt(simulation: Simulation, what: Break, from: number, hop: number, behind: number): void {
  const { underlay } = simulation;
  switch (what) {
    case "next hop killed":
      return simulation.kill(hop);
    case "link cut both ways":
      return underlay.cutBoth(from, hop);
    case "link cut one way":
      return underlay.cut(from, hop);
    case "link behind the next hop cut":
      return underlay.cutBoth(hop, behind);
  }
}
