import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { LinkAdvert, LinkReport } from "../../src/routing/types.ts";
import { bestWays, randomLab, settled, trueCost } from "./labs.ts";
import { forSeeds } from "./random.ts";
import { MS, SECOND } from "./simulation.ts";
import type { Simulation } from "./simulation.ts";

const NODES = 6;
const LIAR = 4;
const SEEDS = 6;
const LIE_US = 30 * MS;

function change(report: LinkReport, lie: (link: LinkAdvert) => LinkAdvert): LinkReport {
  return { ...report, links: report.links.map(lie) };
}

/** Ways of others that lead through the liar although a better one is known, by more than the margin. */
function drawn(sim: Simulation): string[] {
  return sim.nodes.flatMap((from) =>
    sim.nodes.flatMap((to) => {
      const way = sim.way(from, to);
      if (from === to || !way.slice(1, -1).includes(LIAR)) return [];
      const [best] = bestWays(sim.underlay, sim.nodes, from, to);
      const worse = trueCost(sim.underlay, way) - (best?.costUs ?? 0);
      return worse > 3 * MS ? [`${way.join("-")} costs ${worse / MS} ms too much`] : [];
    }),
  );
}

function calledDishonest(sim: Simulation): number[] {
  const refused = sim.supernode.coordinator.refusedBy().filter(({ reason }) => reason === "dishonest");
  return [...new Set(refused.map(({ nodeId }) => nodeId))];
}

function started(seed: number, tamper: (report: LinkReport, sim: Simulation) => LinkReport): Simulation {
  const sim = randomLab(seed, NODES);
  sim.edge(LIAR).tamper = (report) => tamper(report, sim);
  return settled(sim, 60);
}

describe("simulated members that lie", function () {
  this.timeout(120_000);

  it("incoming delays 30 ms too low: named, and no hop for others", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = started(seed, (report) =>
        change(report, (link) => ({
          ...link,
          owdUs: link.owdUs - LIE_US,
          costUs: link.costUs === null ? null : link.costUs - LIE_US,
        })),
      );
      assert.deepEqual(drawn(sim), []);
      assert.ok(
        sim.nodes.every((from) => sim.nodes.every((to) => !sim.way(from, to).slice(1, -1).includes(LIAR))),
      );
      assert.deepEqual(calledDishonest(sim), [LIAR]);
    });
  });

  it("costs 30 ms too low besides true delays: draws no traffic", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = started(seed, (report) =>
        change(report, (link) => ({ ...link, costUs: link.costUs === null ? null : link.costUs - LIE_US })),
      );
      assert.deepEqual(drawn(sim), []);
    });
  });

  it("delays and round trips 30 ms too low: draws no traffic", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = started(seed, (report) =>
        change(report, (link) => ({
          ...link,
          owdUs: link.owdUs - LIE_US,
          costUs: link.costUs === null ? null : link.costUs - LIE_US,
          rttMinUs: link.rttMinUs === null ? null : Math.max(0, link.rttMinUs - LIE_US),
        })),
      );
      assert.deepEqual(drawn(sim), []);
      assert.deepEqual(calledDishonest(sim), [LIAR]);
    });
  });

  it("a link that does not exist: not used, for its sender says that it is dead", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = started(seed, (report, { underlay }) => {
        // The liar goes on telling what it told of links that are cut.
        const cut = (from: number): boolean => underlay.way(from, LIAR).cut;
        return {
          ...change(report, (link) => (cut(link.from) ? { ...link, costUs: link.costUs ?? 1000 } : link)),
          dead: [],
        };
      });
      for (const other of [1, 2, 3]) sim.underlay.cutBoth(other, LIAR);
      sim.run(60 * SECOND);
      for (const from of [1, 2, 3]) for (const to of sim.nodes) assert.notEqual(sim.nextHop(from, to), LIAR);
    });
  });

  it("links of others, numbers that are none, old reports: refused with their reasons, and nothing changes", () => {
    forSeeds(3, (seed) => {
      const sim = settled(randomLab(seed, NODES), 60);
      const before = sim.routeChanges.length;
      const { coordinator } = sim.supernode;
      const sample = { owdUs: 1, jitterUs: 0, loss: 0, rttMinUs: null, mtu: 0, remoteEpoch: 0 };
      const good = { ...sample, from: 1, costUs: 1, localEpoch: sim.edge(LIAR).clock.epoch };
      const head = {
        incarnation: LIAR,
        counter: 1e6,
        epoch: sim.edge(LIAR).clock.epoch,
        full: false,
        gone: [],
        dead: [],
      };
      const reasons = [
        { ...head, counter: NaN, links: [] },
        { ...head, counter: 1, links: [] },
        { ...head, links: [{ ...good, costUs: 1e308 }] },
        { ...head, counter: 1e6 + 1, links: [{ ...good, from: LIAR }] },
        { ...head, counter: 1e6 + 2, links: [{ ...good, from: 77 }] },
      ].map((report) =>
        coordinator
          .report(sim.nowUs, LIAR, report)
          .refused.map(({ reason }) => reason)
          .join(),
      );
      console.log(`      refused: ${reasons.join(", ")}`);
      assert.ok(reasons.every((reason) => reason !== ""));
      assert.deepEqual(coordinator.report(sim.nowUs, 99, { ...head, links: [] }).refused, [
        { reason: "unknown-member" },
      ]);
      sim.run(SECOND);
      assert.equal(sim.routeChanges.length, before);
    });
  });
});
