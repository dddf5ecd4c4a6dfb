/** A way that gets worse while it is used: how long until a better one is taken. */
import { bestWays, randomLab, settled } from "./labs.ts";
import { SECOND } from "./simulation.ts";
import type { Simulation } from "./simulation.ts";
import type { Flow } from "./traffic.ts";

const NODES = 6;
const SETTLE_S = 12;
const WATCH_US = 15 * SECOND;
const ATTEMPTS = 10;

export interface Adapted {
  /** From the change until the first packet leaves by another way, µs; Infinity = never. */
  afterUs: number;
  /** Share of what was sent later than 5 s after the change that left by another way. */
  share: number;
  flow: Flow;
}

/**
 * @param perSecond packets
 * @param spoil makes the first link of the way in use worse
 * @param worthUs what that costs: there is another way that costs at most half of it more than the first one
 */
export function adaptation(
  seed: number,
  perSecond: number,
  worthUs: number,
  spoil: (simulation: Simulation, from: number, hop: number) => void,
): Adapted {
  const { simulation, from, to } = contestedLab(seed, worthUs);
  const flow = simulation.flow(from, to, perSecond);
  simulation.run(simulation.random.between(6, 7) * SECOND);
  const hop = simulation.way(from, to)[1] ?? 0;
  const spoiltUs = simulation.nowUs;
  spoil(simulation, from, hop);
  simulation.run(WATCH_US);
  const spoilt = `${from}-${hop}`;
  const leftUs = flow.sentUs.filter((sent, i) => sent > spoiltUs && isOther(flow.ways[i], spoilt));
  const later = flow.ways.filter((way, i) => (flow.sentUs[i] ?? 0) > spoiltUs + 5 * SECOND && way !== "");
  const share = later.filter((way) => isOther(way, spoilt)).length / later.length;
  return { afterUs: (leftUs[0] ?? Infinity) - spoiltUs, share, flow };
}

interface Contested {
  simulation: Simulation;
  from: number;
  to: number;
}

/** The first of a few networks in which there is such a pair of nodes. */
function contestedLab(seed: number, worthUs: number): Contested {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const simulation = settled(randomLab(seed + attempt * 1e5, NODES), SETTLE_S);
    const found = contestedPair(simulation, worthUs);
    if (found) return { simulation, from: found[0], to: found[1] };
  }
  throw new Error("no pair of nodes has two good ways");
}

/** Two nodes whose best way is in use, and whose second best one by another first link is hardly worse. */
function contestedPair(simulation: Simulation, worthUs: number): [number, number] | undefined {
  const { underlay, nodes, random } = simulation;
  const pairs = random.shuffled(nodes.flatMap((from) => nodes.map((to): [number, number] => [from, to])));
  return pairs.find(([from, to]) => {
    if (from === to) return false;
    const ways = bestWays(underlay, nodes, from, to);
    const [best] = ways;
    const other = ways.find(({ way }) => way[1] !== best?.way[1]);
    if (!best || !other || best.way.join() !== simulation.way(from, to).join()) return false;
    return other.costUs - best.costUs < worthUs / 2;
  });
}

function isOther(way: string | undefined, spoilt: string): boolean {
  return way !== undefined && way !== "" && way !== spoilt && !way.startsWith(`${spoilt}-`);
}
