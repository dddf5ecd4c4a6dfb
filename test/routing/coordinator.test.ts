import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { applyDelta, isDelta } from "../../src/routing/row-delta.ts";
import type { LinkAdvert, Row } from "../../src/routing/types.ts";
import {
  advert,
  advertsOf,
  coordinatorOf,
  epochOf,
  follow,
  randomFrom,
  randomNetwork,
  report,
} from "./networks.ts";
import type { TrueNetwork } from "./networks.ts";

const SEEDS = 1000;

function rowsOf(coordinator: Coordinator, ids: readonly number[]): Row["entries"][] {
  return ids.map((id) => coordinator.row(id).entries);
}

function smallNetwork(seed: number): TrueNetwork {
  return randomNetwork(seed, { n: 3 + (seed % 8), density: 0.7, leaves: 0.3, stepUs: 2000, maxUs: 30_000 });
}

/** True cost of a path: delays, and what it costs to go through the nodes inside. */
function trueCost(network: TrueNetwork, path: readonly number[]): number {
  const place = (id: number | undefined): number => network.ids.indexOf(id ?? -1);
  return path.slice(1).reduce((sum, id, i) => {
    const delay = network.delay[place(path[i])]?.[place(id)] ?? Infinity;
    const inside = i === 0 ? 0 : 2000 + (network.members[place(path[i])]?.additionalCostUs ?? 0);
    return sum + delay + inside;
  }, 0);
}

/** Something happens to the network: a delay changes, a link dies or comes up, a sender cannot send. */
function disturb(network: TrueNetwork, random: () => number): { node: number; dead: number[] } {
  const n = network.ids.length;
  const node = Math.floor(random() * n);
  const other = (node + 1 + Math.floor(random() * (n - 1))) % n;
  const row = network.delay[other] ?? [];
  const dead: number[] = [];
  const what = random();
  if (what < 0.2) row[node] = Infinity;
  else if (what < 0.3) dead.push(network.ids[other] ?? 0);
  else row[node] = Math.ceil(random() * 15) * 2000;
  return { node, dead };
}

function sameEntries(one: Row, other: Row): boolean {
  return JSON.stringify(one.entries) === JSON.stringify(other.entries);
}

describe("coordinator", () => {
  it("makes trees of next hops and loop-free backups, whatever the clocks say (1000 seeds)", () => {
    let protecting = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const network = smallNetwork(seed);
      const { ids } = network;
      const coordinator = coordinatorOf(network);
      for (const from of ids) {
        for (const entry of coordinator.row(from).entries) {
          const { destination, nextHop, backup, hops } = entry;
          const path = follow(coordinator, from, destination);
          assert.ok(path.length - 1 <= hops, `seed ${seed}`);
          if (backup === null) continue;
          assert.notEqual(backup, nextHop);
          const rest = backup === destination ? [backup] : follow(coordinator, backup, destination);
          assert.ok(!rest.includes(from), `seed ${seed}: backup of ${path.join()} is ${rest.join()}`);
          assert.ok(rest.length <= hops);
          if (nextHop !== destination && !rest.includes(nextHop)) protecting++;
        }
      }
    }
    assert.ok(protecting > SEEDS);
  });

  it("takes the cheapest way there is through nodes that relay (1000 seeds)", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const network = smallNetwork(seed);
      const coordinator = coordinatorOf(network);
      for (const from of network.ids) {
        for (const { destination } of coordinator.row(from).entries) {
          const cost = trueCost(network, follow(coordinator, from, destination));
          const direct = trueCost(network, [from, destination]);
          const byOne = network.members
            .filter(({ nodeId, relay }) => relay !== "never" && nodeId !== from && nodeId !== destination)
            .map(({ nodeId }) => trueCost(network, [from, nodeId, destination]));
          assert.ok(cost <= Math.min(direct, ...byOne), `seed ${seed}: ${from} → ${destination}`);
        }
      }
    }
  });

  it("gives the same next hops, backups and sizes however far the clocks are apart", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const network = smallNetwork(seed);
      const aligned = coordinatorOf({ ...network, offset: network.ids.map(() => 0) });
      const apart = coordinatorOf(network);
      const plain = (entries: Row["entries"]): unknown => entries.map((entry) => ({ ...entry, costUs: 0 }));
      for (const id of network.ids)
        assert.deepEqual(plain(apart.row(id).entries), plain(aligned.row(id).entries));
    }
  });

  it("gives the same rows in whatever order the reports come", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const network = smallNetwork(seed);
      const random = randomFrom(seed);
      const order = network.ids.map((_, i) => i).sort(() => random() - 0.5);
      assert.deepEqual(
        rowsOf(coordinatorOf(network, {}, order), network.ids),
        rowsOf(coordinatorOf(network), network.ids),
      );
    }
  });

  it("computes the same step by step as from scratch, and deltas lead to the same rows (1000 seeds)", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const network = smallNetwork(seed);
      const { ids } = network;
      const random = randomFrom(seed);
      const coordinator = coordinatorOf(network);
      let held = new Map(ids.map((id) => [id, coordinator.row(id)]));
      for (let step = 2; step < 8; step++) {
        const { node, dead } = disturb(network, random);
        const id = ids[node] ?? 0;
        coordinator.report(0, id, report(id, step, advertsOf(network, node), { dead }));
        const before = rowsOf(coordinator, ids);
        const changed = coordinator.compute();
        assert.equal(
          changed,
          JSON.stringify(before) !== JSON.stringify(rowsOf(coordinator, ids)),
          `seed ${seed}`,
        );
        // Some nodes hear only of every second change.
        const late = random() < 0.5;
        const next = new Map<number, Row>();
        for (const [owner, row] of held) {
          const now = coordinator.row(owner);
          assert.equal(now.hash === row.hash, now.counter === row.counter || sameEntries(now, row));
          const answer = coordinator.delta(owner, row);
          const after = isDelta(answer) ? applyDelta(row, answer) : answer;
          assert.deepEqual(after, now, `seed ${seed}`);
          next.set(owner, late ? row : now);
        }
        held = next;
        assert.ok(coordinator.verify(), `seed ${seed} step ${step}: a shadow run differs`);
      }
      assert.equal(coordinator.runs().differences, 0);
    }
  });

  it("notices a delta that does not fit", () => {
    const network = smallNetwork(5);
    const { ids } = network;
    const coordinator = coordinatorOf(network);
    const id = ids[0] ?? 0;
    const row = coordinator.row(id);
    const [link] = network.delay;
    assert.ok(link);
    link[1] = 1000;
    coordinator.report(0, ids[1] ?? 0, report(ids[1] ?? 0, 2, advertsOf(network, 1)));
    assert.equal(coordinator.compute(), true);
    const delta = coordinator.delta(id, row);
    assert.ok(isDelta(delta));
    assert.deepEqual(applyDelta(row, delta), coordinator.row(id));
    const [first, ...others] = row.entries;
    assert.ok(first);
    const wrong = { ...row, entries: [{ ...first, hops: first.hops + 1 }, ...others] };
    const untouched = delta.set.every(({ destination }) => destination !== first.destination);
    if (untouched) assert.equal(applyDelta(wrong, delta), undefined);
    assert.equal(applyDelta({ ...row, counter: row.counter + 1 }, delta), undefined);
    assert.equal(applyDelta({ ...row, entries: others }, { ...delta, set: [] }), undefined);
    // Another issuer's, or a future base: the whole row.
    assert.ok(!isDelta(coordinator.delta(id, { incarnation: 6, counter: row.counter })));
    assert.ok(!isDelta(coordinator.delta(id, { incarnation: 7, counter: 1e6 })));
  });

  it("tells of destinations that vanished, members that left and members that came back", () => {
    const network = randomNetwork(1, { n: 12 });
    const { ids } = network;
    const [a = 0, b = 0, c = 0] = ids;
    const coordinator = coordinatorOf(network);
    const others = (...without: number[]): number[] => ids.filter((id) => id !== a && !without.includes(id));
    const destinations = (row: Row): number[] => row.entries.map(({ destination }) => destination);
    const old = coordinator.row(a);
    assert.deepEqual(destinations(old), others());
    // Every link to b dies.
    const dead = advertsOf(network, 1).map((link) => ({ ...link, costUs: null }));
    coordinator.report(0, b, report(b, 2, dead));
    assert.equal(coordinator.compute(), true);
    let delta = coordinator.delta(a, old);
    assert.ok(isDelta(delta));
    assert.deepEqual(delta.removed, [b]);
    assert.deepEqual(applyDelta(old, delta), coordinator.row(a));
    assert.deepEqual(destinations(coordinator.row(a)), others(b));
    // c is struck off the list.
    coordinator.setMembers(network.members.filter(({ nodeId }) => nodeId !== c));
    assert.equal(coordinator.compute(), true);
    delta = coordinator.delta(a, old);
    assert.ok(isDelta(delta));
    assert.deepEqual(delta.removed, [b, c]);
    assert.deepEqual(applyDelta(old, delta), coordinator.row(a));
    assert.deepEqual(coordinator.row(c).entries, []);
    assert.equal(coordinator.report(0, c, report(c, 9, [])).accepted, false);
    // And back: nothing of what it said before counts.
    coordinator.setMembers(network.members);
    coordinator.compute();
    assert.deepEqual(destinations(coordinator.row(a)), others(b, c));
    coordinator.report(0, c, report(c, 1, advertsOf(network, 2)));
    coordinator.compute();
    const answer = coordinator.delta(a, old);
    assert.deepEqual(isDelta(answer) ? applyDelta(old, answer) : answer, coordinator.row(a));
    assert.deepEqual(destinations(coordinator.row(a)), others(b));
  });

  it("leaves links alone when a connection closes, and forgets reports only after the timeout", () => {
    const network = randomNetwork(2, { n: 3 });
    const [a = 0, b = 0] = network.ids;
    const coordinator = coordinatorOf(network);
    coordinator.setPresence(1e6, b, true);
    // Who is there does not hear it.
    coordinator.setPresence(1e6, a, true);
    const links = advertsOf(network, 0).map((link) => (link.from === b ? { ...link, costUs: null } : link));
    coordinator.report(2e6, a, report(a, 2, links));
    coordinator.setPresence(50e6, b, false);
    coordinator.expire(60e6, 20e6);
    coordinator.compute();
    assert.ok(coordinator.row(a).entries.some(({ destination }) => destination === b));
    coordinator.expire(71e6, 20e6);
    assert.equal(coordinator.compute(), true);
    assert.ok(!coordinator.row(a).entries.some(({ destination }) => destination === b));
    assert.deepEqual(coordinator.silent(), []);
  });

  it("keeps the links of a node without a connection while somebody present receives from it", () => {
    const network = randomNetwork(2, { n: 3 });
    const [a = 0, b = 0, c = 0] = network.ids;
    const coordinator = coordinatorOf(network);
    const before = rowsOf(coordinator, network.ids);
    for (const id of network.ids) coordinator.setPresence(1e6, id, true);
    coordinator.setPresence(2e6, b, false);
    for (let s = 3; s < 300; s++) coordinator.expire(s * 1e6, 20e6);
    coordinator.compute();
    assert.deepEqual(rowsOf(coordinator, network.ids), before);
    const reaches = (id: number): boolean => {
      coordinator.compute();
      return coordinator.row(id).entries.some(({ destination }) => destination === b);
    };
    // c, which alone hears it in the end, goes itself: whether it still hears it nobody can say after a while.
    const without = (node: number): LinkAdvert[] =>
      advertsOf(network, node).map((link) => (link.from === b ? { ...link, costUs: null } : link));
    coordinator.report(300e6, a, report(a, 2, without(0)));
    coordinator.expire(300e6, 20e6);
    assert.ok(reaches(a));
    coordinator.setPresence(301e6, c, false);
    for (const s of [302, 319]) coordinator.expire(s * 1e6, 20e6);
    assert.ok(reaches(a));
    coordinator.expire(321e6, 20e6);
    assert.ok(!reaches(a));
  });

  it("forgets nothing while it is cut off from everybody, nor before the others had time to come back", () => {
    const network = randomNetwork(2, { n: 4 });
    const [first = 0, ...others] = network.ids;
    const coordinator = coordinatorOf(network);
    const before = rowsOf(coordinator, network.ids);
    for (const id of network.ids) coordinator.setPresence(1e6, id, true);
    for (const id of network.ids) coordinator.setPresence(2e6, id, false);
    for (let s = 3; s < 300; s++) coordinator.expire(s * 1e6, 20e6);
    // The first one back hears nobody any more.
    coordinator.setPresence(300e6, first, true);
    coordinator.report(300e6, first, report(first, 2, []));
    const links = advertsOf(network, 0);
    coordinator.report(300e6, first, report(first, 3, links));
    for (let s = 300; s < 315; s++) coordinator.expire(s * 1e6, 20e6);
    coordinator.compute();
    assert.deepEqual(rowsOf(coordinator, network.ids), before);
    const silent = links.map((link) => ({ ...link, costUs: null }));
    coordinator.report(316e6, first, report(first, 4, silent));
    for (let s = 316; s < 340; s++) coordinator.expire(s * 1e6, 20e6);
    coordinator.compute();
    const reached = coordinator.row(first).entries.map(({ destination }) => destination);
    assert.ok(others.every((other) => !reached.includes(other)));
  });

  it("does not take an old word for it that a node without a connection cannot send on a link", () => {
    const network = randomNetwork(2, { n: 3 });
    const [a = 0, b = 0] = network.ids;
    const coordinator = coordinatorOf(network);
    for (const id of network.ids) coordinator.setPresence(1e6, id, true);
    coordinator.report(2e6, b, { ...report(b, 2, advertsOf(network, 1)), dead: [a] });
    const state = (): string | undefined =>
      coordinator.links().find(({ from, to }) => from === b && to === a)?.state;
    coordinator.compute();
    assert.equal(state(), "dead");
    coordinator.setPresence(3e6, b, false);
    coordinator.expire(22e6, 20e6);
    coordinator.compute();
    assert.equal(state(), "dead");
    coordinator.expire(24e6, 20e6);
    coordinator.compute();
    assert.equal(state(), "used");
    for (let s = 25; s < 200; s++) coordinator.expire(s * 1e6, 20e6);
    assert.deepEqual(coordinator.takeAccusations(), []);
  });

  it("forgets a node without a connection once nobody receives from it for a while, and once it is no member at once", () => {
    const network = randomNetwork(2, { n: 3 });
    const [a = 0, b = 0, c = 0] = network.ids;
    for (const what of ["down", "another clock", "struck off"]) {
      const coordinator = coordinatorOf(network);
      for (const present of [a, c]) coordinator.setPresence(1e6, present, true);
      coordinator.expire(50e6, 20e6);
      coordinator.compute();
      assert.ok(coordinator.row(a).entries.some(({ destination }) => destination === b));
      for (const [j, node] of network.ids.entries()) {
        if (node === b) continue;
        const change = what === "down" ? { costUs: null } : { remoteEpoch: 77 };
        const links = advertsOf(network, j).map((link) => (link.from === b ? { ...link, ...change } : link));
        if (what !== "struck off") coordinator.report(51e6, node, report(node, 2, links));
      }
      if (what === "struck off") coordinator.setMembers(network.members.filter(({ nodeId }) => nodeId !== b));
      else {
        // Who heard it last may only have been busy for a moment.
        for (const s of [52, 60, 69]) coordinator.expire(s * 1e6, 20e6);
        coordinator.compute();
        assert.ok(coordinator.row(a).entries.some(({ destination }) => destination === b));
        coordinator.expire(71e6, 20e6);
      }
      coordinator.compute();
      assert.ok(!coordinator.row(a).entries.some(({ destination }) => destination === b), what);
    }
  });

  it("keeps a node in reach whose clock began a new epoch, but leads no path over its old delays", () => {
    // a → b is long, a → c → b short.
    const coordinator = new Coordinator({ incarnation: 1 });
    const member = (nodeId: number) => ({ nodeId, relay: "auto" as const, additionalCostUs: 0 });
    coordinator.setMembers([1, 2, 3].map(member));
    coordinator.report(0, 1, report(1, 1, [advert(2, 1, 50_000), advert(3, 1, 5000)]));
    coordinator.report(0, 2, report(2, 1, [advert(1, 2, 50_000), advert(3, 2, 5000)]));
    coordinator.report(0, 3, report(3, 1, [advert(1, 3, 5000), advert(2, 3, 5000)]));
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
    coordinator.report(0, 3, { ...report(3, 2, []), epoch: 77, full: false });
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 2]);
    assert.deepEqual(follow(coordinator, 1, 3), [1, 3]);
    assert.deepEqual(coordinator.links().filter(({ state }) => state === "direct").length, 4);
    // Measured anew by all: in use again.
    const fresh = { localEpoch: 77, remoteEpoch: epochOf(1) };
    const links = [
      advert(1, 3, 1005000, fresh),
      advert(2, 3, 1005000, { ...fresh, remoteEpoch: epochOf(2) }),
    ];
    coordinator.report(0, 3, { ...report(3, 3, links), epoch: 77 });
    for (const id of [1, 2]) {
      const link = advert(3, id, -995_000, { remoteEpoch: 77 });
      coordinator.report(0, id, report(id, 2, [link], { full: false }));
    }
    coordinator.compute();
    assert.deepEqual(follow(coordinator, 1, 2), [1, 3, 2]);
  });

  it("lets the sender's word that a link is dead win", () => {
    const network = randomNetwork(3, { n: 2 });
    const [a = 0, b = 0] = network.ids;
    const coordinator = coordinatorOf(network);
    coordinator.report(0, a, report(a, 2, [], { full: false, dead: [b] }));
    assert.equal(coordinator.compute(), true);
    assert.deepEqual(coordinator.row(a).entries, []);
    assert.equal(coordinator.row(b).entries.length, 1);
    coordinator.report(0, a, report(a, 3, [], { full: false }));
    coordinator.compute();
    assert.equal(coordinator.row(a).entries.length, 1);
  });
});
