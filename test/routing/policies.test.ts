import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { ManualLatencies } from "../../src/routing/manual-latency.ts";
import { chooseRelays } from "../../src/routing/relay-set.ts";
import { buildTopology } from "../../src/routing/topology.ts";
import type { RelayPolicy } from "../../src/routing/types.ts";
import { advert, advertsOf, coordinatorOf, follow, randomFrom, randomNetwork, report } from "./networks.ts";

function costsOf(n: number, cost: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return i === j ? Infinity : cost(i, j);
  });
}

/** 1 → 2 directly in 40 ms, by 3 in 5 + 5 ms; the other way round 8 ms directly, 40 + 40 by 3. */
function triangle(options: object = {}, offsets: readonly number[] = [0, 0, 0]): Coordinator {
  const coordinator = new Coordinator({ incarnation: 1, ...options });
  coordinator.setMembers([1, 2, 3].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
  const delay: Record<string, number> = { "1>2": 40, "2>1": 8, "1>3": 5, "3>2": 5, "3>1": 40, "2>3": 40 };
  for (const to of [1, 2, 3]) {
    const links = [1, 2, 3]
      .filter((from) => from !== to)
      .map((from) => {
        const there = (delay[`${from}>${to}`] ?? 0) * 1000;
        const back = (delay[`${to}>${from}`] ?? 0) * 1000;
        const measured = there + (offsets[to - 1] ?? 0) - (offsets[from - 1] ?? 0);
        return advert(from, to, measured, { rttMinUs: there + back });
      });
    coordinator.report(0, to, report(to, 1, links));
  }
  coordinator.compute();
  return coordinator;
}

describe("one-way routing", () => {
  it("sends each direction its own fastest way, whatever the clocks say", () => {
    for (const offsets of [
      [0, 0, 0],
      [8.64e11, -3e9, 12],
    ]) {
      const coordinator = triangle({}, offsets);
      assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
      assert.deepEqual(follow(coordinator, 2, 1), [2, 1]);
    }
  });

  it("tells chosen and rejected paths with their costs", () => {
    const coordinator = triangle();
    assert.deepEqual(coordinator.candidates(1, 2), [
      { path: [1, 3, 2], costUs: 12_000, chosen: true, reason: "chosen" },
      { path: [1, 2], costUs: 40_000, chosen: false, reason: "backup, 28.000 ms more" },
    ]);
    coordinator.report(0, 3, report(3, 2, [], { full: false, dead: [2] }));
    coordinator.report(0, 2, report(2, 2, [advert(1, 2, null)], { full: false }));
    coordinator.compute();
    assert.deepEqual(
      coordinator.candidates(1, 2).map(({ path, reason }) => [path.join("-"), reason]),
      [
        ["1-2", "link 1 → 2 is down"],
        ["1-3-2", "no way from there"],
      ],
    );
    assert.deepEqual(coordinator.candidates(1, 9), []);
  });

  it("makes a relay worth its additional cost, set by the supernode or by the edge itself", () => {
    const coordinator = triangle();
    const members = (cost: number | null) =>
      [1, 2, 3].map((nodeId) => ({
        nodeId,
        relay: "auto" as const,
        additionalCostUs: nodeId === 3 ? cost : 0,
      }));
    coordinator.setMembers(members(27_000));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
    coordinator.setMembers(members(29_000));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    coordinator.setMembers(members(null));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
    const more = { full: false, additionalCostUs: 29_000 };
    coordinator.report(0, 3, report(3, 2, [], more));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    coordinator.report(0, 3, report(3, 3, [], { full: false, forwardUs: 27_000 }));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
  });

  it("does not lead through who never relays", () => {
    const coordinator = triangle();
    coordinator.setMembers(
      [1, 2, 3].map((nodeId) => ({ nodeId, relay: nodeId === 3 ? "never" : "auto", additionalCostUs: 0 })),
    );
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    assert.equal(coordinator.candidates(1, 2)[1]?.reason, "does not relay");
  });
});

describe("latencies by hand", () => {
  it("replace measured ones, the more exact entry first, and make no links", () => {
    const manual = new ManualLatencies([
      { from: "*", to: "*", latencyMs: 1 },
      { from: "*", to: 2, latencyMs: 2 },
      { from: 1, to: "*", latencyMs: 3 },
      { from: 1, to: 2, latencyMs: 4.5 },
    ]);
    assert.deepEqual([manual.cost(5, 6), manual.cost(5, 2), manual.cost(1, 6), manual.cost(1, 2)], [1000, 2000, 3000, 4500]); // prettier-ignore
    const coordinator = new Coordinator({
      incarnation: 1,
      manualLatency: [{ from: "*", to: "*", latencyMs: 1 }],
    });
    coordinator.setMembers([1, 2].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    coordinator.report(0, 1, report(1, 1, []));
    coordinator.report(0, 2, report(2, 1, []));
    coordinator.compute();
    assert.deepEqual(coordinator.row(1).entries, []);
  });

  it("mean the same whatever the clocks say", () => {
    for (const offsets of [
      [0, 0, 0],
      [8.64e11, -3e9, 12],
    ]) {
      const direct = triangle({ manualLatency: [{ from: 1, to: 2, latencyMs: 1 }] }, offsets);
      assert.deepEqual(follow(direct, 1, 2), [1, 2]);
      const far = triangle({ manualLatency: [{ from: 2, to: 1, latencyMs: 200 }] }, offsets);
      assert.deepEqual(follow(far, 2, 1), [2, 3, 1]);
      const all = triangle({ manualLatency: [{ from: "*", to: "*", latencyMs: 10 }] }, offsets);
      assert.deepEqual(follow(all, 1, 2), [1, 2]);
    }
  });
});

describe("a fixed table", () => {
  it("is what rows are made of, whatever is measured; the rest is read off the links", () => {
    const row = (...entries: [number, number][]): Map<number, number> => new Map(entries);
    const staticTable = new Map([
      [1, row([2, 3], [3, 3])],
      [3, row([2, 2], [1, 1])],
      [2, row([1, 3], [3, 1])],
    ]);
    const coordinator = triangle({ staticTable });
    const before = coordinator.rowVersion(1);
    assert.deepEqual(
      coordinator
        .row(2)
        .entries.map(({ destination, nextHop, backup, hops }) => [destination, nextHop, backup, hops]),
      [
        [1, 3, null, 2],
        [3, 1, null, 2],
      ],
    );
    assert.deepEqual(coordinator.row(1).entries[0], { destination: 2, nextHop: 3, backup: null, hops: 2, size: 1192, costUs: 10_000 }); // prettier-ignore
    coordinator.report(0, 2, report(2, 2, [advert(1, 2, 1)], { full: false }));
    assert.equal(coordinator.compute(), false);
    assert.deepEqual(coordinator.rowVersion(1), before);
    assert.deepEqual(coordinator.candidates(2, 1)[0]?.path, [2, 3, 1]);
  });

  it("has no entry where it leads nowhere or in circles", () => {
    const row = (...entries: [number, number][]): Map<number, number> => new Map(entries);
    const staticTable = new Map([
      [1, row([2, 3], [3, 9])],
      [3, row([2, 1])],
    ]);
    assert.deepEqual(triangle({ staticTable }).row(1).entries, []);
  });
});

describe("the relay set", () => {
  it("is everybody willing up to 200 nodes", () => {
    const policies = Array.from({ length: 200 }, (_, i): RelayPolicy => (i % 10 === 0 ? "never" : "auto"));
    assert.equal(
      chooseRelays(
        policies,
        costsOf(200, () => 1000),
      ).length,
      180,
    );
  });

  it("is the best connected above, besides those set to always; same graph, same set", () => {
    const n = 250;
    const policies = Array.from({ length: n }, (_, i): RelayPolicy =>
      i === 249 ? "always" : i < 10 ? "never" : "auto",
    );
    // 100..119 are near everybody; 200..248 lack a third of their links.
    const near = (i: number): boolean => i >= 100 && i < 120;
    const cost = costsOf(n, (i, j) => {
      if ((i >= 200 || j >= 200) && (i + j) % 3 === 0) return Infinity;
      return near(i) || near(j) ? 5000 : 50_000;
    });
    const relays = chooseRelays(policies, cost);
    assert.equal(relays.length, 50);
    assert.ok(Array.from({ length: 20 }, (_, i) => 100 + i).every((i) => relays.includes(i)));
    assert.ok(relays.includes(249) && !relays.some((i) => i < 10 || (i >= 200 && i < 249)));
    // A millisecond, or one dead link, changes nothing.
    const random = randomFrom(1);
    const almost = cost.map((us) => us + Math.round(random() * 1000 - 500));
    almost[100 * n + 10] = Infinity;
    assert.deepEqual(chooseRelays(policies, almost), relays);
  });

  it("makes the same tables for 250 nodes in whatever order they report", () => {
    const network = randomNetwork(11, { n: 250, leaves: 0.1, idStep: 7 });
    const random = randomFrom(3);
    const order = network.ids.map((_, i) => i).sort(() => random() - 0.5);
    const [one, other] = [coordinatorOf(network), coordinatorOf(network, {}, order)];
    for (const id of network.ids) assert.equal(one.row(id).hash, other.row(id).hash);
    assert.equal(one.nodes().filter(({ isRelay }) => isRelay).length, 50);
    for (const from of network.ids.slice(0, 20)) for (const { destination } of one.row(from).entries) follow(one, from, destination); // prettier-ignore
    // Incremental changes of links of relays and of leaves.
    for (let step = 2; step < 12; step++) {
      const j = Math.floor(random() * 250);
      const row = network.delay[Math.floor(random() * 250)];
      if (row && row[j] !== Infinity) row[j] = Math.ceil(random() * 60) * 1000;
      const id = network.ids[j] ?? 0;
      one.report(0, id, report(id, step, advertsOf(network, j)));
      one.compute();
      assert.ok(one.verify());
    }
  }).timeout(30_000);
});

describe("the topology", () => {
  it("is a graphology graph with what is known of nodes and links", () => {
    const topology = buildTopology(triangle());
    assert.equal(topology.order, 3);
    assert.equal(topology.size, 6);
    assert.equal(topology.getEdgeAttribute("1", "2", "costUs"), 40_000);
    assert.equal(topology.getNodeAttribute("3", "isRelay"), true);
  });
});
