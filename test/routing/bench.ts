/**
 * What it takes from an event to new rows, in CPU time of the process. DESIGN §12: ≤ 20 ms at 100 nodes, ≤ 150 ms at 1000 nodes with 50 relays.
 *
 * In a random network hardly any direct way is the best, so every event moves nearly everything: the worst case. On a
 * map it is as between real places.
 *
 *     node test/routing/bench.ts [runs]
 */
import type { Coordinator } from "../../src/routing/coordinator.ts";
import { advertsOf, coordinatorOf, mapNetwork, randomFrom, randomNetwork, report } from "./networks.ts";
import type { TrueNetwork } from "./networks.ts";

const runs = Number(process.argv[2] ?? 20);

/** Changes the true delay of the links on which j receives; only those from `senders`. */
function change(
  network: TrueNetwork,
  random: () => number,
  j: number,
  senders: readonly number[],
  down: boolean,
): void {
  for (const i of senders) {
    const row = network.delay[i];
    const delay = row?.[j] ?? Infinity;
    if (row && i !== j)
      row[j] = down ? Infinity : Math.max(1000, Math.round(delay + (random() - 0.5) * 20_000));
  }
}

function measure(name: string, event: () => void, coordinator: Coordinator): void {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const began = process.cpuUsage().user;
    event();
    coordinator.compute();
    times.push((process.cpuUsage().user - began) / 1000);
  }
  times.sort((a, b) => a - b);
  const [median, p95] = [times[runs >> 1] ?? 0, times[Math.floor(runs * 0.95)] ?? 0];
  console.log(`${name.padEnd(64)} median ${median.toFixed(2)} ms   p95 ${p95.toFixed(2)} ms`);
}

const networks = [100, 200, 1000].flatMap((n): [string, TrueNetwork][] => [
  ["map", mapNetwork(1, n)],
  ["random", randomNetwork(1, { n })],
]);
for (const [kind, network] of networks) {
  const n = network.ids.length;
  const random = randomFrom(2);
  const coordinator = coordinatorOf(network);
  const relays = coordinator.nodes().flatMap(({ isRelay }, i) => (isRelay ? [i] : []));
  const leaves = coordinator.nodes().flatMap(({ isRelay }, i) => (isRelay ? [] : [i]));
  const name = `${kind}, ${n} nodes, ${relays.length} relays: `;
  const counters = new Map<number, number>();
  const one = (of: readonly number[]): number => of[Math.floor(random() * of.length)] ?? 0;
  const say = (j: number, down: boolean, senders: readonly number[]): void => {
    change(network, random, j, senders, down);
    const counter = (counters.get(j) ?? 1) + 1;
    counters.set(j, counter);
    const changed = new Set(senders.map((i) => network.ids[i]));
    const links = advertsOf(network, j).filter(({ from }) => changed.has(from));
    const gone = down ? senders.map((i) => network.ids[i] ?? 0) : [];
    coordinator.report(
      0,
      network.ids[j] ?? 0,
      report(network.ids[j] ?? 0, counter, links, { full: false, gone }),
    );
  };
  const everybody = network.ids.map((_, i) => i);
  measure(`${name}one link between relays`, () => say(one(relays), false, [one(relays)]), coordinator);
  if (leaves.length > 0) {
    measure(`${name}one link relay → leaf`, () => say(one(leaves), false, [one(relays)]), coordinator);
    measure(`${name}one link leaf → relay`, () => say(one(relays), false, [one(leaves)]), coordinator);
  }
  measure(
    `${name}all links of one node, new delays`,
    () => say(one(everybody), false, everybody),
    coordinator,
  );
  let dying = 0;
  measure(`${name}a relay dies`, () => say(relays[dying++] ?? 0, true, everybody), coordinator);
  measure(`${name}everything from scratch`, () => coordinator.setMembers(network.members), coordinator);
  const held = network.ids.map((id) => coordinator.rowVersion(id));
  say(one(relays), false, everybody);
  coordinator.compute();
  const began = performance.now();
  let bytes = 0;
  network.ids.forEach(
    (id, i) =>
      (bytes += JSON.stringify(coordinator.delta(id, held[i] ?? { incarnation: 0, counter: 0 })).length),
  );
  console.log(
    `${name}all deltas then: ${(performance.now() - began).toFixed(1)} ms, ${(bytes / 1e3).toFixed(0)} KB of JSON`,
  );
}
