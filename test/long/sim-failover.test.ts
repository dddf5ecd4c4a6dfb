// Failover and adaptation in the simulator, over hundreds of seeds: the tails that fifty seeds do not show.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { adaptation } from "../sim/adaptation.ts";
import { failover } from "../sim/failover.ts";
import type { Break } from "../sim/failover.ts";
import { forSeeds } from "../sim/random.ts";
import { MS, SECOND } from "../sim/simulation.ts";
import type { Simulation } from "../sim/simulation.ts";
import { percentile } from "../sim/traffic.ts";

const SEEDS = 500;

function told(seconds: readonly number[]): string {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(seconds, share).toFixed(2));
  return `p50 ${p50} s, p95 ${p95} s, p99 ${p99} s, longest ${Math.max(...seconds).toFixed(2)} s`;
}

describe("simulated failover over many seeds", () => {
  const breaks: readonly Break[] = [
    "next hop killed",
    "link cut both ways",
    "link cut one way",
    "link behind the next hop cut",
  ];
  for (const what of breaks) {
    it(what, () => {
      const outages: number[] = [];
      let overTtl = 0;
      forSeeds(SEEDS, (seed) => {
        const { outageUs, simulation, flow } = failover(seed, what);
        outages.push(outageUs / SECOND);
        overTtl += simulation.tally.dropped["ttl"] ?? 0;
        assert.equal(simulation.tally.revisits, 0);
        assert.equal(flow.duplicates, 0);
      });
      console.log(`      ${told(outages)}; ${overTtl} frames on their way when it happened ran out of TTL`);
      assert.ok(percentile(outages, 0.5) <= 0.6 && percentile(outages, 0.95) <= 1);
    });
  }

  const spoilers: readonly [string, number, number, (sim: Simulation, from: number, hop: number) => void][] =
    [
      ["20 ms more", 50, 20 * MS, (sim, from, hop) => void (sim.underlay.way(from, hop).delayUs += 20 * MS)],
      ["5 % loss", 200, 10 * MS, (sim, from, hop) => void (sim.underlay.way(from, hop).loss = 0.05)],
    ];
  for (const [what, perSecond, worthUs, spoil] of spoilers) {
    it(`${what} in one direction: the better way`, () => {
      const seconds: number[] = [];
      forSeeds(
        SEEDS,
        (seed) => void seconds.push(adaptation(seed, perSecond, worthUs, spoil).afterUs / SECOND),
      );
      console.log(`      ${told(seconds)}`);
      assert.ok(percentile(seconds, 0.95) <= 5);
    });
  }
});
