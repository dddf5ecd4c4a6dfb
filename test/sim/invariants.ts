/** What must hold of all rows together, for one random network: alone, after a failure, and while rows are mixed. */
import assert from "node:assert/strict";
import type { Coordinator } from "../../src/routing/coordinator.ts";
import { advertsOf, coordinatorOf, randomNetwork, report } from "../routing/networks.ts";
import type { NetworkShape, TrueNetwork } from "../routing/networks.ts";
import { Random } from "./random.ts";
import { faultsOf, fingerprint, rowsOf, Walker } from "./table-walks.ts";
import type { Walk } from "./table-walks.ts";

/** Of many walks. */
export interface WalkCounts {
  walks: number;
  arrived: number;
  looped: number;
  /** By reason. */
  ended: Record<string, number>;
}

export function newCounts(): WalkCounts {
  return { walks: 0, arrived: 0, looped: 0, ended: {} };
}

export function shapeOf(seed: number, nodes: number): NetworkShape {
  const random = new Random(seed);
  return {
    n: nodes,
    density: random.pick([1, 1, 0.9, 0.6]),
    stepUs: random.pick([1, 1000, 10_000]),
    leaves: random.pick([0, 0, 0.3]),
  };
}

function count(counts: WalkCounts, walks: readonly Walk[]): void {
  for (const { end, looped } of walks) {
    counts.walks++;
    if (end === "arrived") counts.arrived++;
    else counts.ended[end] = (counts.ended[end] ?? 0) + 1;
    if (looped) counts.looped++;
  }
}

/** The same rows for the same reports, in whatever order they came and however often rows were computed in between. */
export function checkOrder(network: TrueNetwork, seed: number): Coordinator {
  const random = new Random(seed);
  const { ids } = network;
  const indices = ids.map((_, i) => i);
  const coordinator = coordinatorOf(network);
  const expected = fingerprint(coordinator, ids);
  assert.equal(
    fingerprint(coordinatorOf(network, {}, random.shuffled(indices)), ids),
    expected,
    "another order",
  );
  return coordinator;
}

/** No loop, trees towards every destination; every packet takes its table's way. */
export function checkTables(network: TrueNetwork, coordinator: Coordinator): void {
  const rows = rowsOf(coordinator, network.ids);
  assert.deepEqual(faultsOf(rows), []);
  const walker = new Walker(network.ids, (id) => rowOf(rows, id), worksIn(network));
  for (const [from, row] of rows) {
    for (const { destination } of row.entries) {
      const { end, looped, visited } = walker.walk(from, destination);
      assert.ok(!looped, `${visited.join()} is a loop`);
      assert.equal(end, "arrived", visited.join());
    }
  }
}

/** One node is dead, its neighbours know it, and nobody else was told. */
export function walkAfterDeath(
  network: TrueNetwork,
  coordinator: Coordinator,
  seed: number,
  counts: WalkCounts,
): void {
  const rows = rowsOf(coordinator, network.ids);
  const dead = new Random(seed).pick(network.ids);
  const works = worksIn(network);
  const alive = network.ids.filter((id) => id !== dead);
  const walker = new Walker(
    network.ids,
    (id) => rowOf(rows, id),
    (from, to) => from !== dead && to !== dead && works(from, to),
  );
  count(counts, walker.walks(alive));
}

/** Some nodes have the rows from before a change, some those from after it. */
export function walkMixed(
  network: TrueNetwork,
  coordinator: Coordinator,
  seed: number,
  counts: WalkCounts,
): void {
  const random = new Random(seed + 5e5);
  const { ids } = network;
  const before = rowsOf(coordinator, ids);
  change(network, random);
  ids.forEach((id, j) => coordinator.report(1, id, report(id, 2, advertsOf(network, j))));
  coordinator.compute();
  assert.equal(
    fingerprint(coordinator, ids),
    fingerprint(coordinatorOf(network), ids),
    "incremental and anew",
  );
  const after = rowsOf(coordinator, ids);
  const share = random.uniform();
  const mixed = new Map(ids.map((id) => [id, random.uniform() < share ? before.get(id) : after.get(id)]));
  const walker = new Walker(ids, (id) => mixed.get(id) ?? rowOf(after, id), worksIn(network));
  count(counts, walker.walks(ids));
}

/** Some links become slower or faster, one may vanish. */
function change(network: TrueNetwork, random: Random): void {
  const { delay, ids } = network;
  const changes = random.integer(1, 4);
  for (let c = 0; c < changes; c++) {
    const [i, j] = [random.integer(0, ids.length - 1), random.integer(0, ids.length - 1)];
    const row = delay[i] ?? [];
    const old = row[j] ?? Infinity;
    if (i === j || old === Infinity) continue;
    row[j] =
      random.uniform() < 0.3 ? Infinity : Math.max(1000, old + Math.round(random.between(-40, 40)) * 1000);
  }
}

export function networkOf(seed: number, nodes: number): TrueNetwork {
  return randomNetwork(seed, shapeOf(seed, nodes));
}

function worksIn(network: TrueNetwork): (from: number, to: number) => boolean {
  const index = new Map(network.ids.map((id, i) => [id, i]));
  return (from, to) =>
    Number.isFinite(network.delay[index.get(from) ?? -1]?.[index.get(to) ?? -1] ?? Infinity);
}

function rowOf(rows: ReturnType<typeof rowsOf>, id: number): ReturnType<Coordinator["row"]> {
  const row = rows.get(id);
  if (!row) throw new Error(`no row of ${id}`);
  return row;
}
