import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { checkOrder, checkTables, networkOf, newCounts, walkAfterDeath, walkMixed } from "./invariants.ts";
import type { WalkCounts } from "./invariants.ts";
import { forSeeds, Random } from "./random.ts";

const SEEDS = 1000;

function told(what: string, { walks, arrived, looped, ended }: WalkCounts): string {
  return `      ${what}: ${walks} packets, ${arrived} arrived, ${looped} came to a node twice; ${JSON.stringify(ended)}`;
}

describe("simulated tables of random networks of 4 to 40 nodes", function () {
  this.timeout(300_000);

  it("are the same for the same reports in any order, form trees, and lead everywhere; mixed rows hardly ever loop", () => {
    const [death, mixed] = [newCounts(), newCounts()];
    forSeeds(SEEDS, (seed) => {
      const random = new Random(seed);
      const nodes = Math.round(4 + 36 * random.uniform() ** 2);
      const network = networkOf(seed, nodes);
      const coordinator = checkOrder(network, seed);
      checkTables(network, coordinator);
      walkAfterDeath(network, coordinator, seed, death);
      walkMixed(network, coordinator, seed, mixed);
    });
    console.log(`      seeds 1 … ${SEEDS}`);
    console.log(told("a node has just died", death));
    console.log(told("rows of two generations", mixed));
    assert.equal(death.looped, 0);
    assert.ok(death.arrived / death.walks > 0.9999);
    // Between two tables three nodes can disagree; TTLs end it.
    assert.ok(mixed.looped / mixed.walks < 1e-4);
    assert.ok(mixed.arrived / mixed.walks > 0.9999);
  });
});
