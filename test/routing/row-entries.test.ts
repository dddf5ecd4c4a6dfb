import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import type { ReportResult } from "../../src/routing/coordinator.ts";
import { advert, report } from "./networks.ts";

/** IPv6's least MTU without the headers of IPv6 and UDP: what links carry of which nothing is known. */
const LEAST = 1232;
/** The least MTU that Linux believes of an IPv4 path, without headers, less one. */
const NARROW = 523;

describe("an entry of a row", () => {
  it("counts the transit header in the record size of every link but the last, and fits the backup too", () => {
    const coordinator = new Coordinator({ incarnation: 1 });
    coordinator.setMembers([1, 2, 3, 4].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    const say = (to: number, counter: number, mtus: Record<number, [cost: number, mtu: number]>): void => {
      const links = Object.entries(mtus).map(([from, [cost, mtu]]) =>
        advert(Number(from), to, cost, { mtu }),
      );
      coordinator.report(0, to, report(to, counter, links));
    };
    say(1, 1, {});
    say(2, 1, { 1: [1000, 1472] });
    say(3, 1, { 1: [2000, 1452] });
    say(4, 1, { 2: [1000, 1420], 3: [1000, 1472] });
    coordinator.compute();
    const entry = (): unknown => coordinator.row(1).entries.find(({ destination }) => destination === 4);
    const base = { destination: 4, nextHop: 2, backup: 3, hops: 2, costUs: 4000 };
    assert.deepEqual(entry(), { ...base, size: 1452 - 40 });
    say(4, 2, { 2: [1000, 1400], 3: [1000, 1472] });
    assert.equal(coordinator.compute(), true);
    assert.deepEqual(entry(), { ...base, size: 1400 });
    say(4, 3, { 2: [1000, 0], 3: [1000, 1472] });
    coordinator.compute();
    assert.deepEqual(entry(), { ...base, size: 1232 });
  });

  it("never has a link that is too narrow as next hop or backup of others, and says whose it is", () => {
    const coordinator = new Coordinator({ incarnation: 1 });
    const ids = [1, 2, 3, 4];
    coordinator.setMembers(ids.map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    const say = (to: number, counter: number, mtu: number, costUs = 1000): ReportResult =>
      coordinator.report(0, to, report(to, counter, ids.filter((from) => from !== to).map((from) => advert(from, to, costUs, { mtu })))); // prettier-ignore
    for (const id of [1, 2, 4]) assert.deepEqual(say(id, 1, 1452).refused, []);
    const sizes = (): number[] => ids.flatMap((id) => coordinator.row(id).entries.map(({ size }) => size));
    // Just wide enough: 3 is everybody's backup, or a hop of the way back.
    assert.deepEqual(say(3, 1, LEAST).refused, []);
    coordinator.compute();
    assert.ok(coordinator.links().every(({ state }) => state === "used"));
    assert.ok(ids.some((id) => coordinator.row(id).entries.some(({ destination, backup, nextHop }) => destination !== 3 && (backup === 3 || nextHop === 3)))); // prettier-ignore
    assert.ok(Math.min(...sizes()) >= LEAST - 40);
    for (const [counter, mtu] of [128, NARROW].entries()) {
      assert.deepEqual(say(3, counter + 2, mtu).refused, [1, 2, 4].map((peer) => ({ reason: "narrow", peer }))); // prettier-ignore
      coordinator.compute();
      for (const id of [1, 2, 4]) {
        for (const { destination, nextHop, backup, size } of coordinator.row(id).entries) {
          assert.deepEqual([nextHop, size], [destination, destination === 3 ? mtu : 1452 - 40]);
          assert.notEqual(backup, 3);
        }
      }
    }
    assert.match(coordinator.candidates(1, 2).find(({ path }) => path[1] === 3)?.reason ?? "", /carries too little/); // prettier-ignore
    // Told again it is no news; wide again it is used again.
    assert.deepEqual(say(3, 9, NARROW).refused, []);
    say(3, 10, LEAST);
    coordinator.compute();
    assert.ok(coordinator.links().every(({ state }) => state === "used"));
    assert.ok(coordinator.verify());
  });

  it("has no backup that would cut the frames of its way into pieces, but a way that does where there is no other", () => {
    const coordinator = new Coordinator({ incarnation: 1 });
    coordinator.setMembers([1, 2, 3, 4].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    const say = (to: number, counter: number, costs: Record<number, number>, mtu: number): ReportResult =>
      coordinator.report(0, to, report(to, counter, Object.entries(costs).map(([from, cost]) => advert(Number(from), to, cost, { mtu })))); // prettier-ignore
    say(1, 1, {}, 1452);
    say(2, 1, { 1: 1000 }, 1452);
    assert.deepEqual(say(3, 1, { 1: 2000 }, LEAST - 1).refused, []);
    say(4, 1, { 2: 1000, 3: 1000 }, 1452);
    coordinator.compute();
    const entry = () => coordinator.row(1).entries.find(({ destination }) => destination === 4);
    assert.deepEqual([entry()?.nextHop, entry()?.backup, entry()?.size], [2, null, 1452 - 40]);
    say(4, 2, { 3: 1000 }, 1452);
    coordinator.compute();
    assert.deepEqual([entry()?.nextHop, entry()?.size], [3, LEAST - 1 - 40]);
    assert.ok(coordinator.verify());
  });

  it("prefers a backup that avoids the next hop, though another is cheaper", () => {
    const coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
    coordinator.setMembers([1, 2, 3, 4, 5].map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
    // From 1 to 5: by 2; 3 is near, but itself goes by 2; 4 is far, with a link of its own.
    coordinator.report(0, 2, report(2, 1, [advert(1, 2, 1000), advert(3, 2, 1000)]));
    coordinator.report(0, 3, report(3, 1, [advert(1, 3, 1000)]));
    coordinator.report(0, 4, report(4, 1, [advert(1, 4, 9000)]));
    coordinator.report(0, 5, report(5, 1, [advert(2, 5, 1000), advert(4, 5, 9000)]));
    coordinator.report(0, 1, report(1, 1, []));
    coordinator.compute();
    const entry = coordinator.row(1).entries.find(({ destination }) => destination === 5);
    assert.deepEqual([entry?.nextHop, entry?.backup], [2, 4]);
    // Without 4, node 3 at least avoids the link to 2.
    coordinator.report(0, 5, report(5, 2, [advert(2, 5, 1000)]));
    coordinator.compute();
    const second = coordinator.row(1).entries.find(({ destination }) => destination === 5);
    assert.deepEqual([second?.nextHop, second?.backup], [2, 3]);
  });
});
