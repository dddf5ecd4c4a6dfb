import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { MAX_CHOSEN } from "../../src/routing/relay-set.ts";
import { checkOrder, checkTables, networkOf, newCounts, walkAfterDeath, walkMixed } from "./invariants.ts";
import { randomLab, settled } from "./labs.ts";
import { forSeeds } from "./random.ts";
import { SECOND } from "./simulation.ts";

const NODES = 250;

describe("a simulated network of 250 nodes", function () {
  this.timeout(300_000);

  it("has the same relays and the same tables for the same reports in any order; they form trees and lead everywhere", () => {
    forSeeds(1, (seed) => {
      const network = networkOf(seed, NODES);
      const coordinator = checkOrder(network, seed);
      const relays = coordinator.nodes().filter(({ isRelay }) => isRelay);
      assert.equal(relays.length, MAX_CHOSEN);
      checkTables(network, coordinator);
      const [death, mixed] = [newCounts(), newCounts()];
      walkAfterDeath(network, coordinator, seed, death);
      walkMixed(network, coordinator, seed, mixed);
      console.log(`      a node has just died: ${JSON.stringify(death)}`);
      console.log(`      rows of two generations: ${JSON.stringify(mixed)}`);
      assert.equal(death.looped, 0);
      assert.ok(mixed.looped / mixed.walks < 1e-4);
    });
  });

  it("of 60: relays die one after the other under traffic; nothing loops, and the rest stays reachable", () => {
    forSeeds(1, (seed) => {
      const sim = settled(randomLab(seed, 60, { coarse: true, noiseUs: 500 }), 15);
      const dead = sim.random.shuffled(sim.nodes).slice(0, 4);
      const alive = sim.nodes.filter((node) => !dead.includes(node));
      for (let i = 0; i < 100; i++) {
        const [from = 1, to = 2] = sim.random.shuffled(alive);
        sim.flow(from, to, 20);
      }
      for (const node of dead) {
        sim.run(sim.random.between(1, 3) * SECOND);
        sim.kill(node);
      }
      sim.run(12 * SECOND);
      const lost = sim.tally.sent - sim.tally.delivered;
      console.log(
        `      ${sim.tally.sent} packets, ${lost} lost or on their way, ${JSON.stringify(sim.tally.dropped)}`,
      );
      assert.equal(sim.tally.revisits, 0);
      for (const from of alive)
        for (const to of alive) if (from !== to) assert.equal(sim.way(from, to).at(-1), to);
    });
  });
});
