import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { randomLab, settled } from "./labs.ts";
import { relayedPair } from "./failover.ts";
import { forSeeds } from "./random.ts";
import { MS, SECOND } from "./simulation.ts";
import type { LinkChange } from "./scenario.ts";
import type { Simulation } from "./simulation.ts";
import { SUPER_ID } from "./supernode.ts";

const NODES = 6;
const SEEDS = 3;
const NO_WAY = 0xffff;

function betweenEdges(sim: Simulation): LinkChange[] {
  return sim.linkChanges.filter(({ peer }) => peer !== SUPER_ID);
}

/** Long enough for the clocks' rates to be known. */
function settledLab(seed: number): Simulation {
  return settled(randomLab(seed, NODES), 90);
}

describe("simulated supernode", function () {
  this.timeout(120_000);

  it("gone for five minutes, then started anew: no way and no link changes while it is gone, none is torn down after", () => {
    goneForFiveMinutes(true);
  });

  it("gone and started anew without its state directory: the same", () => {
    goneForFiveMinutes(false);
  });

  function goneForFiveMinutes(remembers: boolean): void {
    let [changes, seconds] = [0, 0];
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const flow = sim.flow(...relayedPair(sim), 100);
      sim.run(10 * SECOND);
      const [links, routes] = [betweenEdges(sim).length, sim.routeChanges.length];
      sim.stopSupernode();
      sim.run(300 * SECOND);
      assert.equal(sim.routeChanges.length, routes, "ways changed while it was gone");
      sim.restartSupernode(remembers);
      const startedUs = sim.nowUs;
      while (sim.nowUs < startedUs + 60 * SECOND) {
        sim.run(100 * MS);
        if (!sim.supernode.settled) seconds = Math.max(seconds, (sim.nowUs - startedUs) / SECOND);
      }
      assert.ok(sim.supernode.settled, "rows are kept back for ever");
      flow.stopped = true;
      sim.run(SECOND);
      const after = sim.routeChanges.slice(routes);
      changes += after.length;
      assert.ok(
        after.every(({ to }) => to !== NO_WAY),
        "ways were torn down",
      );
      assert.equal(betweenEdges(sim).length, links, "links changed");
      assert.equal(flow.lost, 0);
    });
    const told = `${changes} next hops of ${NODES * (NODES - 1)} changed afterwards, rows came after at most ${seconds.toFixed(1)} s`;
    console.log(`      ${SEEDS} seeds of ${NODES} nodes: ${told}`);
    assert.ok(seconds > 0 && seconds < 26);
    assert.ok(changes <= 0.02 * SEEDS * NODES * (NODES - 1));
  }

  it("started anew before its uplink works, with a new edge on its own host: no way is torn down", () => {
    for (const remembers of [true, false]) {
      forSeeds(SEEDS, (seed) => {
        const sim = settledLab(seed);
        const local = sim.random.pick(sim.nodes);
        const others = sim.nodes.filter((node) => node !== local);
        sim.stopSupernode();
        for (const node of others) sim.channel(node).cut(true);
        sim.kill(local);
        sim.run(15 * SECOND);
        const before = sim.routeChanges.length;
        sim.restartSupernode(remembers);
        sim.revive(local);
        sim.run(60 * SECOND);
        for (const node of others) sim.channel(node).cut(false);
        sim.run(60 * SECOND);
        assert.ok(sim.supernode.settled);
        const torn = sim.routeChanges
          .slice(before)
          .filter(({ node, destination, to }) => to === NO_WAY && node !== local && destination !== local);
        assert.deepEqual(torn, []);
      });
    }
  });

  it("gone: a relay that dies is replaced by its neighbours' own repair", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const [from, to] = relayedPair(sim);
      const flow = sim.flow(from, to, 100);
      sim.run(5 * SECOND);
      sim.stopSupernode();
      sim.run(10 * SECOND);
      const brokeUs = sim.nowUs;
      sim.kill(sim.way(from, to)[1] ?? 0);
      sim.run(60 * SECOND);
      const outageUs = flow.outage(brokeUs - 100 * MS);
      assert.ok(outageUs < SECOND, `nothing arrived for ${outageUs / MS} ms`);
      assert.equal(sim.tally.revisits, 0);
    });
  });

  it("cut off from one edge for half a minute: that edge keeps its ways, and has the new ones soon after", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const edge = sim.random.pick(sim.nodes);
      const before = sim.routeChanges.length;
      sim.channel(edge).cut(true);
      sim.run(25 * SECOND);
      assert.equal(sim.routeChanges.length, before);
      // Meanwhile another one dies.
      const dead = sim.random.pick(sim.nodes.filter((node) => node !== edge));
      sim.kill(dead);
      sim.run(5 * SECOND);
      sim.channel(edge).cut(false);
      sim.run(15 * SECOND);
      for (const to of sim.nodes) {
        if (to === edge || to === dead) continue;
        assert.ok(!sim.way(edge, to).includes(dead), `still by ${dead}`);
        assert.equal(sim.way(edge, to).at(-1), to);
      }
    });
  });

  it("cut off from one edge for minutes: everybody keeps the ways to it and through it, until it really dies", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const [from, to] = relayedPair(sim);
      const edge = sim.way(from, to)[1] ?? 0;
      const way = sim.way(from, to);
      const before = sim.routeChanges.length;
      sim.channel(edge).cut(true);
      sim.run(180 * SECOND);
      assert.deepEqual(sim.way(from, to), way);
      const since = sim.routeChanges.slice(before);
      assert.ok(since.length <= 1, "more than a way of equal length");
      assert.ok(since.every((change) => change.to !== NO_WAY));
      sim.kill(edge);
      sim.run(5 * SECOND);
      for (const one of sim.nodes) {
        for (const other of sim.nodes) {
          if (one === edge || other === edge || one === other) continue;
          assert.ok(!sim.way(one, other).includes(edge), `still by ${edge}`);
          assert.equal(sim.way(one, other).at(-1), other);
        }
      }
    });
  });

  it("cut off from all edges but one for minutes: they keep their ways, then and when they are back", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const local = sim.random.pick(sim.nodes);
      const others = sim.nodes.filter((node) => node !== local);
      // The uplink of both: nobody hears the one beside the supernode any more.
      const before = sim.routeChanges.length;
      for (const node of others) {
        sim.channel(node).cut(true);
        sim.underlay.cutBoth(local, node);
      }
      sim.run(180 * SECOND);
      for (const node of others) sim.channel(node).cut(false);
      sim.run(30 * SECOND);
      const torn = sim.routeChanges
        .slice(before)
        .filter(({ node, destination, to }) => to === NO_WAY && node !== local && destination !== local);
      assert.deepEqual(torn, []);
    });
  });

  it("an edge whose process is started anew is reached again within 5 s", () => {
    forSeeds(SEEDS, (seed) => {
      const sim = settledLab(seed);
      const [from, to] = relayedPair(sim);
      const flow = sim.flow(from, to, 100);
      sim.run(5 * SECOND);
      sim.kill(to);
      sim.run(3 * SECOND);
      sim.revive(to);
      const revivedUs = sim.nowUs;
      sim.run(20 * SECOND);
      const first = flow.arrivedUs.find((arrived) => arrived > revivedUs) ?? Infinity;
      assert.ok(first - revivedUs < 5 * SECOND, `after ${(first - revivedUs) / SECOND} s`);
      assert.equal(sim.tally.revisits, 0);
    });
  });
});
