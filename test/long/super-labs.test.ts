// Ways in labs of six and of twenty nodes against the optimum of their configured delays.
// tools/test-long test/long/super-labs.test.ts          SEED=7 NODES=20 for another random lab

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { flow, percentile, SuperBed, statusOf, wayOf, why, type CloudMesh } from "../e2e/super-bed.ts";
import { seeded } from "../link/link-pair.ts";

const seed = Number(process.env["SEED"] ?? 1);
const nodes = Number(process.env["NODES"] ?? 20);
const settleSeconds = 30;
/** Pairs whose delay is measured by packets of their own. */
const measuredPairs = 20;

type Delays = Record<string, number>;

/** Delays of every direction, 2 to 100 ms, some of them far from their way back. */
function randomDelays(names: readonly string[], random: () => number): Delays {
  const delays: Delays = {};
  for (const from of names) {
    for (const to of names) if (from !== to) delays[`${from}>${to}`] = 2 + (random() % 99);
  }
  return delays;
}

/** 1-2, 2-3, 2-4, 3-4, 3-5, 4-6 are good; every other direction is bad. */
function sixNodes(): { names: string[]; delays: Delays } {
  const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
  const good: Delays = { "1-2": 5, "2-3": 8, "2-4": 12, "3-4": 3, "3-5": 6, "4-6": 10 };
  const delays: Delays = {};
  for (const from of names) for (const to of names) if (from !== to) delays[`${from}>${to}`] = 120;
  for (const [pair, ms] of Object.entries(good)) {
    const [a, b] = pair.split("-");
    delays[`n${a}>n${b}`] = ms;
    delays[`n${b}>n${a}`] = ms + 1;
  }
  return { names, delays };
}

/** Cheapest cost of each direction when every node in between costs `relayMs`. */
function optimum(names: readonly string[], delays: Delays, relayMs: number): Delays {
  const best = { ...delays };
  for (const k of names) {
    for (const i of names) {
      for (const j of names) {
        if (i === j || i === k || j === k) continue;
        const through = (best[`${i}>${k}`] ?? Infinity) + relayMs + (best[`${k}>${j}`] ?? Infinity);
        if (through < (best[`${i}>${j}`] ?? Infinity)) best[`${i}>${j}`] = through;
      }
    }
  }
  return best;
}

function bestWay(
  names: readonly string[],
  delays: Delays,
  relayMs: number,
  from: string,
  to: string,
): string[] {
  const best = optimum(names, delays, relayMs);
  const cost = (a: string, b: string): number => (a === b ? 0 : (best[`${a}>${b}`] ?? Infinity));
  const way = [from];
  for (let here = from; here !== to && way.length <= names.length;) {
    const next = names
      .filter((name) => name !== here)
      .find((name) => {
        const rest = name === to ? 0 : relayMs + cost(name, to);
        return Math.abs((delays[`${here}>${name}`] ?? Infinity) + rest - cost(here, to)) < 1e-6;
      });
    if (next === undefined) break;
    way.push(next);
    here = next;
  }
  return way;
}

/** The way of each direction by all nodes' tables, read once. */
async function allWays(mesh: CloudMesh, names: readonly string[]): Promise<Record<string, string[]>> {
  const nextHops = new Map<string, Map<number, number>>();
  for (const name of names) {
    const { routes } = await statusOf(mesh, name);
    nextHops.set(
      name,
      new Map(routes.map((route) => [route.destination, route.inUse?.nextHop ?? route.nextHop])),
    );
  }
  const nameOf = new Map(mesh.sites.map(({ id, name }) => [id, name]));
  const ways: Record<string, string[]> = {};
  for (const from of names) {
    for (const to of names) {
      if (from === to) continue;
      const way = [from];
      for (let here = from; here !== to && way.length <= names.length;) {
        here = nameOf.get(nextHops.get(here)?.get(mesh.site(to).id) ?? -1) ?? to;
        way.push(here);
      }
      ways[`${from}>${to}`] = way;
    }
  }
  return ways;
}

const sum = (way: readonly string[], delays: Delays): number =>
  way.slice(1).reduce((total, name, i) => total + (delays[`${way[i]}>${name}`] ?? NaN), 0);

async function check(names: readonly string[], delays: Delays, relayMs: number): Promise<void> {
  const bed = new SuperBed();
  const ways = Object.fromEntries(Object.entries(delays).map(([way, delayMs]) => [way, { delayMs }]));
  const mesh = bed.prepare({
    edges: names,
    all: { delayMs: 20 },
    ways,
    adjust: (config, site) => {
      if (site.mode === "super") config["graphRecalculateSetting"] = { relayCost: relayMs };
    },
  });
  try {
    await mesh.start({ timeout: 60_000 });
    await sleep(settleSeconds * 1000);
    const best = optimum(names, delays, relayMs);
    const chosen = await allWays(mesh, names);
    const excess = Object.entries(chosen).map(
      ([pair, way]) => sum(way, delays) + relayMs * (way.length - 2) - (best[pair] ?? NaN),
    );
    const worst = Math.max(...excess);
    for (const [i, pair] of Object.keys(chosen).entries()) {
      if ((excess[i] ?? 0) <= 3) continue;
      const [from = "", to = ""] = pair.split(">");
      const wanted = bestWay(names, delays, relayMs, from, to);
      const states: string[] = [];
      for (const [at, name] of wanted.slice(1).entries()) {
        const { candidates } = await why(mesh, wanted[at] ?? "", name);
        const link = candidates.find(({ path }) => path.length === 2);
        states.push(`${wanted[at]} ${name} ${link?.costUs ?? link?.reason}`);
      }
      console.log(
        `      ${pair}: ${excess[i]?.toFixed(0)} ms too much by ${chosen[pair]?.join(" ")}; best: ${states.join(", ")}`,
      );
    }
    console.log(
      `      ${excess.length} directions: over the optimum p95 ${percentile(excess, 0.95).toFixed(2)} ms, worst ${worst.toFixed(2)} ms; ` +
        `${Object.values(chosen).filter((way) => way.length > 2).length} over relays`,
    );
    const random = seeded(seed + 99);
    const pairs = Object.keys(chosen);
    const errors: number[] = [];
    for (let i = 0; i < measuredPairs; i++) {
      const pair = pairs[random() % pairs.length] ?? "";
      const [from = "", to = ""] = pair.split(">");
      const packets = await flow(mesh, from, to, 50);
      await sleep(1500);
      await packets.stop(300);
      const way = chosen[pair] ?? [];
      const error = percentile(packets.delays(), 0.5) - sum(way, delays);
      errors.push(error);
      if (Math.abs(error) > 1.5) {
        const now = await wayOf(mesh, from, to);
        console.log(
          `      ${pair}: packets took ${error.toFixed(2)} ms longer than by ${way.join(" ")}; now ${now.join(" ")}`,
        );
      }
    }
    const off = Math.max(...errors.map(Math.abs));
    console.log(`      packets took at most ${off.toFixed(2)} ms other than their way's configured delay`);
    assert.ok(worst <= (relayMs === 0 ? 1.5 : 3), `${worst} ms`);
    assert.ok(off <= 1.5, `${off} ms`);
  } catch (error) {
    console.error(mesh.logs(500));
    throw error;
  } finally {
    await bed.close();
  }
}

describeAsRoot("thirty seconds after their start the ways in a lab", function () {
  this.timeout(300_000);
  it("of six nodes are the best ones", async () => {
    const { names, delays } = sixNodes();
    await check(names, delays, 2);
  });
  it("of twenty random nodes are the best ones", async () => {
    const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
    console.log(`      SEED=${seed}`);
    await check(names, randomDelays(names, seeded(seed)), 2);
  });
  it("are the fastest ones when relays cost nothing", async () => {
    const { names, delays } = sixNodes();
    await check(names, delays, 0);
  });
});
