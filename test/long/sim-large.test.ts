// 250 nodes: tables of many random networks, and a whole network in virtual time while nodes die.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { MAX_CHOSEN } from "../../src/routing/relay-set.ts";
import {
  checkOrder,
  checkTables,
  networkOf,
  newCounts,
  walkAfterDeath,
  walkMixed,
} from "../sim/invariants.ts";
import { randomLab, settled } from "../sim/labs.ts";
import { forSeeds } from "../sim/random.ts";
import { SECOND } from "../sim/simulation.ts";

const NODES = 250;

describe("simulated networks of 250 nodes", () => {
  it("have the same relays and tables in every run; loops are one packet in ten thousand while rows are mixed, else none", () => {
    const [death, mixed] = [newCounts(), newCounts()];
    forSeeds(60, (seed) => {
      const network = networkOf(seed, NODES);
      const coordinator = checkOrder(network, seed);
      assert.equal(coordinator.nodes().filter(({ isRelay }) => isRelay).length, MAX_CHOSEN);
      checkTables(network, coordinator);
      walkAfterDeath(network, coordinator, seed, death);
      walkMixed(network, coordinator, seed, mixed);
    });
    console.log(`      a node has just died: ${JSON.stringify(death)}`);
    console.log(`      rows of two generations: ${JSON.stringify(mixed)}`);
    assert.equal(death.looped, 0);
    assert.ok(mixed.looped / mixed.walks < 1e-4);
  });

  it("lose relays under traffic on 500 pairs, and loop nothing", () => {
    forSeeds(2, (seed) => {
      const sim = settled(randomLab(seed, NODES, { coarse: true, noiseUs: 500 }), 15);
      const dead = sim.random.shuffled(sim.nodes).slice(0, 6);
      const alive = sim.nodes.filter((node) => !dead.includes(node));
      for (let i = 0; i < 500; i++) {
        const [from = 1, to = 2] = sim.random.shuffled(alive);
        sim.flow(from, to, 20);
      }
      for (const node of dead) {
        sim.run(sim.random.between(1, 3) * SECOND);
        sim.kill(node);
      }
      sim.run(15 * SECOND);
      const { sent, delivered, dropped, revisits } = sim.tally;
      console.log(
        `      ${sent} packets, ${sent - delivered} lost or on their way, ${JSON.stringify(dropped)}`,
      );
      assert.equal(revisits, 0);
      for (const from of alive)
        for (const to of alive) if (from !== to) assert.equal(sim.way(from, to).at(-1), to);
    });
  });
});
