import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { MAX_ROW_COST_US } from "../../src/routing/row-store.ts";
import { RelayTable } from "../../src/routing/relay-table.ts";
import { advert, advertsOf, coordinatorOf, follow, randomNetwork, report } from "./networks.ts";

const SECOND = 1_000_000;

function threeMembers(): Coordinator {
  return coordinatorOf(randomNetwork(1, { n: 3, idStep: 1 }));
}

function reasons(result: { refused: { reason: string }[] }): string[] {
  return result.refused.map(({ reason }) => reason);
}

/** 1, 2 and 3 in a full mesh, 10 ms each way; `lie` changes what 3 says of the link from a peer. */
function meshWithLiar(lie: (from: number, cost: number) => object): {
  coordinator: Coordinator;
  say: (nowUs: number, counter: number) => void;
} {
  const coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
  coordinator.setMembers([1, 2, 3].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
  const delay = (i: number, j: number): number => (i + j === 3 ? 15_000 : 10_000);
  const say = (nowUs: number, counter: number): void => {
    for (const to of [1, 2, 3]) {
      const links = [1, 2, 3]
        .filter((from) => from !== to)
        .map((from) => {
          const cost = delay(from, to);
          const honest = advert(from, to, cost, { rttMinUs: 2 * cost });
          return to === 3 ? { ...honest, ...lie(from, cost) } : honest;
        });
      coordinator.report(nowUs, to, report(to, counter, links));
    }
  };
  return { coordinator, say };
}

describe("taking in reports", () => {
  it("refuses with a stable reason, counts, and names who it was", () => {
    const coordinator = threeMembers();
    const link = advert(2, 1, 5000);
    let counter = 10;
    const said = (links: unknown[], more: object = {}): string[] => {
      const result = coordinator.report(0, 1, {
        ...report(1, counter++, [], { full: false }),
        links,
        ...more,
      });
      return [...(result.accepted ? [] : ["!"]), ...reasons(result)];
    };
    assert.deepEqual(said([link]), []);
    assert.deepEqual(said([{ ...link, costUs: NaN }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, costUs: 1e308 }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, costUs: 1.5 }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, costUs: "5" }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, loss: -0.1 }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, rttMinUs: -1 }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, mtu: 70_000 }]), ["bad-number"]);
    assert.deepEqual(said([{ ...link, from: 1 }]), ["own-id"]);
    assert.deepEqual(said([{ ...link, from: 9 }]), ["unknown-peer"]);
    assert.deepEqual(said([{ ...link, from: 2, to: 3 }]), ["not-receiver"]);
    assert.deepEqual(said([link, link]), ["duplicate"]);
    assert.deepEqual(said([{ ...link, localEpoch: 1 }]), ["wrong-epoch"]);
    assert.deepEqual(said([null]), ["malformed"]);
    assert.deepEqual(said(new Array<unknown>(4097).fill(link)), ["!", "too-many"]);
    assert.deepEqual(said([link, { ...link, from: 8 }, { ...link, from: 9 }, { ...link, from: 10 }]), [
      "unknown-peer",
      "unknown-peer",
      "unknown-peer",
    ]);
    assert.deepEqual(said([], { epoch: -1 }), ["!", "bad-number"]);
    assert.deepEqual(said([], { gone: "2" }), ["!", "malformed"]);
    assert.deepEqual(said([], { counter: 10 }), ["!", "stale"]);
    assert.deepEqual(said([], { incarnation: 0 }), ["!", "stale"]);
    assert.deepEqual(said([], { incarnation: 2, counter: 1, full: true }), []);
    assert.deepEqual(reasons(coordinator.report(0, 7, report(7, 1, []))), ["unknown-member"]);
    const counters = coordinator.refusals();
    assert.equal(counters["bad-number"], 8);
    assert.equal(counters["stale"], 2);
    assert.equal(counters["unknown-member"], 1);
    const named = coordinator.refusedBy().find(({ reason }) => reason === "unknown-peer");
    assert.deepEqual(named, { nodeId: 1, reason: "unknown-peer", peer: 10, count: 4 });
  });

  it("hears the process that is connected, also after a newer one with the same key", () => {
    const coordinator = threeMembers();
    const said = (incarnation: number, costUs: number): object =>
      coordinator.report(0, 1, report(1, 1, [advert(2, 1, costUs)], { incarnation }));
    assert.deepEqual(said(200, 9000), { accepted: true, refused: [] });
    assert.deepEqual(said(100, 5000), { accepted: false, refused: [{ reason: "stale" }] });
    coordinator.setPresence(0, 1, false);
    coordinator.setPresence(0, 1, true, 100);
    assert.deepEqual(said(100, 5000), { accepted: true, refused: [] });
    coordinator.compute();
    assert.equal(coordinator.links().find(({ from, to }) => from === 2 && to === 1)?.costUs, 5000);
    // The same process on a new connection counts on.
    coordinator.setPresence(0, 1, true, 100);
    assert.deepEqual(said(100, 6000), { accepted: false, refused: [{ reason: "stale" }] });
  });

  it("tells costs that a message can hold, whatever liars in a row add up to", () => {
    const ids = [1, 2, 3, 4, 5, 6, 7];
    const coordinator = new Coordinator({ incarnation: 1 });
    coordinator.setMembers(ids.map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    for (const id of ids) {
      const links = [id - 1, id + 1]
        .filter((from) => ids.includes(from))
        .map((from) => advert(from, id, from < id ? 2 ** 50 : -(2 ** 50)));
      coordinator.report(0, id, report(id, 1, links));
    }
    coordinator.compute();
    const costs = ids.flatMap((id) => coordinator.row(id).entries.map(({ costUs }) => costUs));
    assert.ok(costs.length > 0);
    const most = costs.reduce((max, cost) => Math.max(max, Math.abs(cost)), 0);
    assert.equal(most, MAX_ROW_COST_US);
  });

  it("keeps what was said of a link before when a report of it is refused", () => {
    const coordinator = threeMembers();
    const before = coordinator.row(2);
    coordinator.report(0, 1, report(1, 5, [{ ...advert(2, 1, 0), costUs: NaN }, advert(3, 1, 1e9)]));
    coordinator.compute();
    assert.ok(coordinator.links().some(({ from, to }) => from === 2 && to === 1));
    assert.deepEqual(coordinator.row(2).entries[0], before.entries[0]);
  });

  it("survives anything, and what it accepts never breaks the routes", () => {
    const number = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom(null, "1", undefined, {}, -1, 1, 2, 3),
    );
    const link = fc.record({
      from: number,
      costUs: number,
      owdUs: number,
      jitterUs: number,
      loss: number,
      rttMinUs: number,
      mtu: number,
      localEpoch: fc.oneof(number, fc.constant(1001)),
      remoteEpoch: fc.oneof(number, fc.constant(1002)),
    });
    const head = fc.record(
      {
        incarnation: number,
        counter: number,
        epoch: fc.oneof(number, fc.constant(1001)),
        full: fc.oneof(fc.boolean(), number),
        links: fc.oneof(fc.array(fc.oneof(link, number), { maxLength: 4 }), number),
        gone: fc.oneof(fc.array(number, { maxLength: 3 }), number),
        dead: fc.oneof(fc.array(number, { maxLength: 3 }), number),
        forwardUs: number,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(head, fc.anything()), { maxLength: 5 }), (reports) => {
        const coordinator = threeMembers();
        for (const thing of reports) coordinator.report(0, 1, thing);
        coordinator.compute();
        for (const { destination } of coordinator.row(2).entries) follow(coordinator, 2, destination);
        assert.ok(coordinator.verify());
      }),
    );
  });
});

describe("honesty", () => {
  it("does not lead through a member that under-reports its own incoming delays, and names it", () => {
    const { coordinator, say } = meshWithLiar((_, cost) => ({
      costUs: cost - 9000,
      owdUs: cost - 9000,
      rttMinUs: null,
    }));
    say(0, 1);
    coordinator.compute();
    // Lifted to the round trip at once: no profit.
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    for (let s = 1; s <= 12; s++) {
      say(s * SECOND, s + 1);
      coordinator.expire(s * SECOND, 60 * SECOND);
      coordinator.compute();
    }
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    assert.deepEqual(follow(coordinator, 1, 3), [1, 3]);
    assert.equal(coordinator.refusals()["dishonest"], 2);
    assert.deepEqual(coordinator.refusedBy().map(({ nodeId, reason }) => [nodeId, reason]), [[3, "dishonest"]]); // prettier-ignore
    assert.ok(
      coordinator
        .candidates(1, 2)
        .some(({ path, reason }) => path[1] === 3 && /not to be trusted/.test(reason)),
    );
  });

  it("does not believe a cost far below the delay that is reported with it", () => {
    const { coordinator, say } = meshWithLiar((_, cost) => ({ costUs: cost - 100_000, rttMinUs: null }));
    say(0, 1);
    coordinator.expire(11 * SECOND, 60 * SECOND);
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    assert.equal(coordinator.refusals()["dishonest"], 2);
  });

  it("forgives a contradiction that goes away, and one that was due to the time between two reports", () => {
    let lying = true;
    const { coordinator, say } = meshWithLiar((_, cost) =>
      lying ? { owdUs: cost - 9000, rttMinUs: null } : {},
    );
    say(0, 1);
    lying = false;
    say(5 * SECOND, 2);
    coordinator.expire(20 * SECOND, 60 * SECOND);
    assert.equal(coordinator.refusals()["dishonest"], 0);
    lying = true;
    say(21 * SECOND, 3);
    coordinator.expire(40 * SECOND, 60 * SECOND);
    coordinator.compute();
    assert.equal(coordinator.links().filter(({ state }) => state === "direct").length, 4);
    lying = false;
    say(41 * SECOND, 4);
    coordinator.compute();
    assert.equal(coordinator.links().filter(({ state }) => state === "direct").length, 0);
  });

  it("leaves honest members in peace, whatever their clocks and delays", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const network = randomNetwork(seed, { n: 6 });
      const coordinator = coordinatorOf(network);
      coordinator.expire(100 * SECOND, 1000 * SECOND);
      assert.equal(coordinator.refusals()["dishonest"], 0);
      assert.ok(coordinator.links().every(({ state }) => state === "used"));
    }
  });
});

describe("measurement errors", () => {
  it("lifts a pair to its round trip in equal halves", () => {
    const coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
    coordinator.setMembers([1, 2].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    coordinator.report(0, 1, report(1, 1, [advert(2, 1, -100_000, { rttMinUs: 1001 })]));
    coordinator.report(0, 2, report(2, 1, [advert(1, 2, 100_000)]));
    coordinator.compute();
    assert.equal(coordinator.row(1).entries[0]?.costUs, 100_501);
    assert.equal(coordinator.row(2).entries[0]?.costUs, -99_500);
  });

  it("hears no more of whoever makes one negative cycle after the other", () => {
    const count = 40;
    const ids = Array.from({ length: count }, (_, i) => i + 1);
    const coordinator = new Coordinator({ incarnation: 1 });
    coordinator.setMembers(ids.map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: null })));
    for (const to of ids) {
      const cost = to === count ? -1_000_000 : 10_000;
      const links = ids.filter((from) => from !== to).map((from) => advert(from, to, cost));
      coordinator.report(0, to, report(to, 1, links));
    }
    const { rebuild } = RelayTable.prototype;
    let rebuilds = 0;
    RelayTable.prototype.rebuild = function (this: RelayTable) {
      rebuilds++;
      return rebuild.call(this);
    };
    try {
      coordinator.compute();
    } finally {
      RelayTable.prototype.rebuild = rebuild;
    }
    assert.ok(rebuilds <= 10, `${rebuilds} computations`);
    const [refused, ...others] = coordinator.refusedBy();
    assert.deepEqual(others, []);
    assert.deepEqual(
      [refused?.nodeId, refused?.reason, refused?.count],
      [count, "negative-cycle", count - 1],
    );
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
  });

  it("drops the newest report in a cycle that would cost less than nothing, and counts it once", () => {
    const coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
    coordinator.setMembers([1, 2, 3].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    const say = (to: number, counter: number, costs: Record<number, number>): void => {
      const links = Object.entries(costs).map(([from, cost]) => advert(Number(from), to, cost));
      coordinator.report(0, to, report(to, counter, links));
    };
    say(2, 1, { 1: 1000, 3: 9000 });
    say(3, 1, { 2: 1000, 1: 9000 });
    say(1, 1, { 3: 1000, 2: 9000 });
    coordinator.compute();
    assert.equal(coordinator.refusals()["negative-cycle"], 0);
    say(3, 2, { 2: -3000, 1: 9000 });
    coordinator.compute();
    assert.equal(coordinator.refusals()["negative-cycle"], 1);
    assert.deepEqual(coordinator.refusedBy()[0], { nodeId: 3, reason: "negative-cycle", peer: 2, count: 1 });
    assert.deepEqual(follow(coordinator, 2, 3), [2, 1, 3]);
    say(3, 3, { 2: -3000, 1: 9000 });
    coordinator.compute();
    assert.equal(coordinator.refusals()["negative-cycle"], 1);
    say(3, 4, { 2: -1000, 1: 9000 });
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 2, 3), [2, 3]);
    assert.ok(coordinator.verify());
  });

  it("keeps routes free of loops whatever the errors (1000 seeds)", () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const network = randomNetwork(seed, { n: 6, density: 0.8, clocksApartUs: 4000, maxUs: 8000 });
      const coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
      coordinator.setMembers(network.members);
      network.ids.forEach((id, j) => {
        const wrong = advertsOf(network, j).map((link) => ({
          ...link,
          costUs: (link.costUs ?? 0) - ((seed * link.from) % 5) * 1000,
        }));
        coordinator.report(0, id, report(id, 1, wrong));
      });
      coordinator.compute();
      for (const from of network.ids) {
        for (const { destination } of coordinator.row(from).entries) follow(coordinator, from, destination);
      }
    }
  });

  it("does not use a link that is far from what all clocks say", () => {
    const network = randomNetwork(4, { n: 4, idStep: 1 });
    const coordinator = coordinatorOf(network);
    const wrong = advertsOf(network, 2).map((link) =>
      link.from === 1 ? { ...link, costUs: 2 ** 49, owdUs: 2 ** 49, rttMinUs: null } : link,
    );
    coordinator.report(0, 3, report(3, 2, wrong));
    coordinator.compute();
    assert.equal(coordinator.refusals()["implausible"], 1);
    for (const to of [2, 3, 4]) assert.equal(follow(coordinator, 1, to).at(-1), to);
    assert.equal(follow(coordinator, 1, 3).length, 3);
  });
});
