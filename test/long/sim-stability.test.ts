// Networks in which nothing gets worse, ten simulated minutes each, over many seeds.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { forSeeds } from "../sim/random.ts";
import { JITTERY, jitterEverywhere, littleLoss, mostPerPair, oneJitteryMember } from "../sim/stability.ts";

const SEEDS = 20;

describe("simulated networks in which nothing gets worse, over many seeds", () => {
  it("0.5 % loss on every link: no flow of 200 records a second changes its way", () => {
    let [changed, switches] = [0, 0];
    forSeeds(SEEDS, (seed) => {
      const { flows, changes } = littleLoss(seed);
      changed += flows.filter(({ ways }) => new Set(ways.filter((way) => way !== "")).size > 1).length;
      switches += changes.length;
    });
    console.log(`      ${changed} of ${3 * SEEDS} flows moved; ${switches} switches of ${30 * SEEDS} pairs`);
    assert.ok(changed <= 1);
  });

  for (const perSecond of [0, 1, 20]) {
    it(`10 ± 8 ms on every link, ${perSecond} frames a second on every pair: at most five switches a pair`, () => {
      const totals: number[] = [];
      forSeeds(SEEDS, (seed) => {
        const { simulation, changes } = jitterEverywhere(seed, perSecond);
        totals.push(changes.length);
        assert.ok(mostPerPair(changes) <= 5);
        assert.equal(simulation.linkChanges.filter(({ up }) => !up).length, 0);
        assert.deepEqual(simulation.supernode.coordinator.refusedBy(), []);
      });
      console.log(`      switches of 30 pairs by seed: ${totals.join(", ")}`);
    });
  }

  it("one member with 100 to 300 ms of jitter moves nobody else's ways", () => {
    forSeeds(SEEDS, (seed) => {
      const { changes } = oneJitteryMember(seed);
      assert.ok(changes.every(({ node, destination }) => node === JITTERY || destination === JITTERY));
    });
  });
});
