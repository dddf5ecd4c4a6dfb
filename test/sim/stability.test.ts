import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { relayedPair } from "./failover.ts";
import { randomLab, settled } from "./labs.ts";
import { forSeeds } from "./random.ts";
import { MS, SECOND } from "./simulation.ts";
import {
  JITTERY,
  jitterEverywhere,
  littleLoss,
  mostPerPair,
  oneJitteryMember,
  talkToEverybody,
} from "./stability.ts";

describe("simulated networks in which nothing gets worse", function () {
  this.timeout(120_000);

  it("0.5 % loss on every link, 200 records a second, ten minutes: no flow changes its way", () => {
    const others: number[] = [];
    forSeeds(1, (seed) => {
      const { flows, changes } = littleLoss(seed);
      for (const { ways } of flows) assert.equal(new Set(ways.filter((way) => way !== "")).size, 1);
      others.push(changes.length);
    });
    console.log(`      switches of all pairs: ${others.join(", ")}`);
    assert.ok(others.every((count) => count <= 2));
  });

  it("10 ± 8 ms on every link, ten minutes: at most five switches a pair, and nobody is taken for a liar", () => {
    const totals: string[] = [];
    for (const perSecond of [0, 5]) {
      forSeeds(1, (seed) => {
        const { simulation, changes } = jitterEverywhere(seed, perSecond);
        totals.push(`${changes.length} (${mostPerPair(changes)})`);
        assert.ok(mostPerPair(changes) <= 5, `${mostPerPair(changes)} switches of one pair`);
        assert.equal(simulation.linkChanges.filter(({ up }) => !up).length, 0);
        assert.deepEqual(simulation.supernode.coordinator.refusedBy(), []);
      });
    }
    console.log(`      voluntary switches of 30 pairs (most of one pair): ${totals.join(", ")}`);
  });

  it("one member with 100 to 300 ms of jitter moves nobody else's ways", () => {
    const totals: string[] = [];
    forSeeds(1, (seed) => {
      const { changes } = oneJitteryMember(seed);
      const own = changes.filter(({ node, destination }) => node === JITTERY || destination === JITTERY);
      totals.push(`${changes.length - own.length} of others, ${own.length} of its own`);
      assert.equal(changes.length, own.length);
    });
    console.log(`      switches: ${totals.join("; ")}`);
  });

  it("every main thread blocked for 3 s: no link is declared dead, no way changes, nothing is lost", () => {
    forSeeds(5, (seed) => {
      const sim = settled(randomLab(seed, 6), 120);
      const flow = sim.flow(...relayedPair(sim), 100);
      sim.run(5 * SECOND);
      const [links, routes] = [sim.linkChanges.length, sim.routeChanges.length];
      for (const node of sim.nodes) sim.edge(node).main.block(3 * SECOND);
      sim.supernode.main.block(3 * SECOND);
      sim.run(8 * SECOND);
      flow.stopped = true;
      sim.run(SECOND);
      assert.equal(sim.linkChanges.length, links);
      assert.equal(sim.routeChanges.length, routes);
      assert.equal(flow.lost, 0);
    });
  });

  it("the same seed gives the same run", () => {
    const run = (): string => {
      const sim = settled(randomLab(7, 5, { jitterUs: () => 2 * MS }), 20);
      talkToEverybody(sim, 10);
      sim.run(10 * SECOND);
      sim.kill(2);
      sim.run(10 * SECOND);
      return JSON.stringify([sim.tally, sim.linkChanges, sim.routeChanges]);
    };
    assert.equal(run(), run());
  });
});
