import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { Activity } from "../../src/dataplane/activity.ts";
import { Drops, FRAME_DROPS, TRANSIT_DROPS } from "../../src/dataplane/drops.ts";
import { Members, NO_NODE } from "../../src/dataplane/members.ts";
import { NodeBuckets } from "../../src/dataplane/node-buckets.ts";
import { Waiting } from "../../src/dataplane/waiting.ts";
import { addon } from "../support/engines.ts";

describe("members", () => {
  it("know nothing before they are told", () => {
    const members = new Members();
    for (const node of [0, 1, 65535]) {
      assert.equal(members.nextHop[node], NO_NODE);
      assert.equal(members.sendSlot[node], -1);
      assert.equal(members.link[node], -1);
      assert.equal(members.known[node], 0);
    }
    assert.equal(members.floodSet.length, 0);
  });

  it("forget routes that a new table does not have", () => {
    const members = new Members();
    members.setRoutes([{ destination: 3, nextHop: 2, hops: 2 }], Uint16Array.of(3));
    assert.equal(members.nextHop[3], 2);
    members.setRoutes([{ destination: 4, nextHop: 4, hops: 1 }], Uint16Array.of(4));
    assert.equal(members.nextHop[3], NO_NODE);
    assert.equal(members.hops[3], 0);
    assert.deepEqual([...members.floodSet], [4]);
  });

  it("give a frame two hops more than its way has, 255 at most, the default where that is unknown", () => {
    const members = new Members();
    members.setRoutes(
      [
        { destination: 2, nextHop: 2, hops: 1 },
        { destination: 3, nextHop: 2, hops: 254 },
        { destination: 4, nextHop: 2, hops: 0 },
      ],
      Uint16Array.of(),
    );
    assert.deepEqual(
      [2, 3, 4].map((node) => members.ttl(node, 200)),
      [3, 255, 200],
    );
  });

  it("fill a 1500-byte packet: UDP over IPv4 or IPv6, the record, and a transit header where a relay is", () => {
    const members = new Members();
    members.setRoutes(
      [
        { destination: 2, nextHop: 2, hops: 1 },
        { destination: 3, nextHop: 2, hops: 2 },
      ],
      Uint16Array.of(),
    );
    const fits = (node: number, mtu: number, ipv6: boolean): number => {
      members.linkMtu[2] = mtu;
      members.linkIpv4[2] = ipv6 ? 0 : 1;
      return members.maxFrame(node, 2);
    };
    assert.equal(fits(2, 1500, false), 1500 - 20 - 8 - 40);
    assert.equal(fits(2, 1500, true), 1500 - 40 - 8 - 40);
    assert.equal(fits(2, 0, false), 1432);
    assert.equal(fits(2, 9000, false), 1432);
    assert.equal(fits(2, 1420, true), 1332);
    // What lies behind the relay is taken for IPv6.
    assert.equal(fits(3, 1500, false), 1500 - 40 - 8 - 40 - 40);
    assert.equal(fits(3, 1492, true), 1364);
    // The default port's frames always fit.
    assert(fits(3, 1492, true) >= 1350 + 14);
    assert.equal(fits(2, 60, true), 0);
  });

  it("take the table's word for what fits behind a relay, but never more than the first link", () => {
    const members = new Members();
    const route = { destination: 3, nextHop: 2, hops: 2 };
    const fits = (size: number, mtu: number): number => {
      members.setRoutes([{ ...route, size }], Uint16Array.of());
      members.linkMtu[2] = mtu;
      members.linkIpv4[2] = 1;
      return members.maxFrame(3, 2);
    };
    assert.equal(fits(0, 1500), 1500 - 40 - 8 - 40 - 40);
    // The table has left room for transit headers; the first link's must fit, too.
    assert.equal(fits(1472, 1500), 1472 - 80);
    assert.equal(fits(1472 - 40, 1500), 1472 - 80);
    assert.equal(fits(1300, 1500), 1300 - 40);
    assert.equal(fits(1472, 1400), 1400 - 28 - 80);
    assert.equal(fits(65507, 0), 1472 - 80);
    assert.equal(fits(60, 1500), 20);
    assert.equal(fits(30, 1500), 0);
  });

  it("know nothing of a link that is gone", () => {
    const members = new Members();
    members.link[2] = 7;
    for (const table of [members.linkState, members.linkMtu, members.linkIpv4, members.addressed])
      table[2] = 1;
    members.forgetLink(2);
    assert.equal(members.link[2], -1);
    for (const table of [members.linkState, members.linkMtu, members.linkIpv4, members.addressed])
      assert.equal(table[2], 0);
  });
});

describe("waiting frames", () => {
  const frame = (text: string): Uint8Array => Buffer.from(text);
  const texts = (frames: Uint8Array[]): string[] => frames.map((one) => Buffer.from(one).toString());

  it("come out oldest first, for their node alone, once", () => {
    const waiting = new Waiting();
    for (const text of ["a", "b", "c"]) waiting.add(2, frame(text), 0);
    waiting.add(3, frame("other"), 0);
    assert.equal(waiting.size, 4);
    assert.deepEqual([...waiting.nodes], [2, 3]);
    assert.deepEqual(texts(waiting.take(2)), ["a", "b", "c"]);
    assert.deepEqual(waiting.take(2), []);
    assert.equal(waiting.size, 1);
  });

  it("are 32 for a node and 1024 in all", () => {
    const waiting = new Waiting();
    for (let i = 0; i < 32; i++) assert(waiting.add(2, frame("x"), 0));
    assert(!waiting.add(2, frame("x"), 0));
    let taken = 32;
    for (let node = 3; node < 100; node++)
      for (let i = 0; i < 32; i++) if (waiting.add(node, frame("x"), 0)) taken++;
    assert.equal(taken, 1024);
    assert.equal(waiting.size, 1024);
    assert(!waiting.add(200, frame("x"), 0));
    waiting.take(2);
    assert(waiting.add(200, frame("x"), 0));
  });

  it("leave room to others when they are copies of floods: sixteen for a node and half of all", () => {
    const waiting = new Waiting();
    for (let i = 0; i < 16; i++) assert(waiting.add(2, frame("x"), 0, true));
    assert(!waiting.hasRoom(2, true));
    assert(waiting.add(2, frame("x"), 0));
    for (let node = 3; node < 200; node++)
      for (let i = 0; i < 16; i++) waiting.add(node, frame("x"), 0, true);
    assert.equal(waiting.size, 512);
    for (let i = 0; i < 32; i++) assert(waiting.add(300, frame("x"), 0));
  });

  it("wait three seconds each", () => {
    const waiting = new Waiting();
    waiting.add(2, frame("old"), 0);
    waiting.add(2, frame("young"), 1000);
    waiting.add(3, frame("old"), 0);
    assert.equal(waiting.expire(3000), 0);
    assert.equal(waiting.expire(3001), 2);
    assert.deepEqual([...waiting.nodes], [2]);
    assert.deepEqual(texts(waiting.take(2)), ["young"]);
    assert.equal(waiting.size, 0);
  });

  it("are never more or fewer than went in and did not come out", () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 40 }), times: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ pass: fc.integer({ min: 0, max: 4000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const waiting = new Waiting();
        let now = 0;
        let inside = 0;
        for (const one of steps) {
          if ("add" in one) {
            for (let i = 0; i < one.times; i++) if (waiting.add(one.add, frame("x"), now)) inside++;
          } else if ("take" in one) {
            inside -= waiting.take(one.take).length;
          } else {
            now += one.pass;
            inside -= waiting.expire(now);
          }
          assert.equal(waiting.size, inside);
          assert(inside >= 0 && inside <= 1024);
        }
        assert.equal(
          [...waiting.nodes].reduce((sum, node) => sum + waiting.take(node).length, 0),
          inside,
        );
      }),
    );
  });
});

describe("activity", () => {
  it("dates the oldest record without an answer and the oldest frame that is owed one", () => {
    const activity = new Activity();
    activity.sent(2, 100, true);
    activity.sent(2, 200, true);
    assert.equal(activity.unanswered[2], 100);
    activity.received(2, 300, true);
    activity.received(2, 400, true);
    assert.equal(activity.unanswered[2], 0);
    assert.equal(activity.owed[2], 300);
    assert.equal(activity.heard[2], 400);
    activity.sent(2, 500, false);
    assert.equal(activity.owed[2], 0);
    assert.equal(activity.unanswered[2], 0);
  });

  it("is owed nothing by a probe or a keepalive, and forgets a node", () => {
    const activity = new Activity();
    activity.received(2, 100, false);
    assert.equal(activity.owed[2], 0);
    activity.received(2, 100, true);
    activity.sent(3, 100, true);
    activity.forget(2);
    activity.forget(3);
    for (const table of [activity.heard, activity.owed, activity.unanswered]) {
      assert.deepEqual([table[2], table[3]], [0, 0]);
    }
  });
});

describe("drop counters", () => {
  it("are named as status shows them, each at zero first", () => {
    const drops = new Drops();
    assert.equal(drops.report()["dropNoRoute"], 0);
    drops.count("noRoute");
    drops.count("noRoute", 40);
    drops.count("transitLoop", 2);
    assert.equal(drops.report()["dropNoRoute"], 41);
    assert.equal(drops.report()["dropTransitLoop"], 2);
    assert.equal(
      Object.values(drops.report()).reduce((sum, count) => sum + count),
      43,
    );
  });

  it("share no name with the engine's, of which status would lose one", () => {
    const own = Object.keys(new Drops().report());
    assert.deepEqual(
      own.filter((name) => addon.counterNames.includes(name)),
      [],
    );
  });

  it("of frames and of transit exist, are no one's twice", () => {
    const all = [...addon.counterNames, ...Object.keys(new Drops().report())];
    for (const name of [...FRAME_DROPS, ...TRANSIT_DROPS]) {
      assert.equal(all.filter((one) => one === name).length, 1, name);
      assert.equal([...FRAME_DROPS, ...TRANSIT_DROPS].filter((one) => one === name).length, 1, name);
    }
  });
});

describe("token buckets by node", () => {
  it("give a burst, then the rate, to each node its own, all or none", () => {
    const buckets = new NodeBuckets(100, 50);
    assert(buckets.take(2, 50, 0));
    assert(!buckets.take(2, 1, 0));
    assert(buckets.take(3, 50, 0));
    assert(!buckets.take(2, 11, 100));
    assert(buckets.take(2, 10, 100));
    assert(!buckets.take(2, 51, 1_000_000));
    assert(buckets.take(2, 50, 1_000_000));
  });
});
