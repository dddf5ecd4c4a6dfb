import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { TRANSIT_DROPS } from "../../src/dataplane/drops.ts";
import { LINK_DEAD, LINK_UP } from "../../src/dataplane/members.ts";
import { CREDIT } from "../../src/dataplane/relay-credit.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import { Transit } from "../../src/dataplane/transit.ts";
import {
  addMember,
  dropsOf,
  type FakeEngine,
  linkOf,
  makeState,
  OWN,
  type Run,
  slotOf,
  type Told,
} from "./fake-engine.ts";

interface Plane {
  state: PlaneState;
  engine: FakeEngine;
  told: Told;
  transit: Transit;
  pass: (...runs: Run[]) => void;
}

/** Neighbours 2, 3 and 4; 5 behind 4. */
function plane(relay: PlaneState["relay"] = "auto", directFallback = false): Plane {
  const { state, engine, told } = makeState([], relay, directFallback);
  for (const node of [2, 3, 4]) addMember(state, node, node, 1);
  addMember(state, 5, 4, 2);
  const transit = new Transit(state);
  return { state, engine, told, transit, pass: (...runs) => transit.forward(engine.transit(runs)) };
}

const from2 = { keypair: slotOf(2), source: 2 };

describe("transit", () => {
  it("takes the header off a record for a neighbour: it is the last relay", () => {
    const { engine, state, pass } = plane();
    pass({ ...from2, destination: 3, items: 40, ttl: 9 });
    assert.deepEqual(engine.forwarded, [{ run: 0, items: 40, hop: -1, link: linkOf(3), ttl: 3, kind: 4 }]);
    assert.deepEqual(dropsOf(state), {});
    assert.equal(state.activity.carried[3], 1);
    // What passes through is no reason to answer.
    assert.equal(state.activity.heard[2], state.nowMs);
    assert.equal(state.activity.owed[2], 0);
  });

  it("seals the header anew for the next relay, with a TTL that only shrinks", () => {
    const { engine, pass } = plane();
    for (const ttl of [200, 5, 4, 2]) pass({ ...from2, destination: 5, ttl });
    assert.deepEqual(
      engine.forwarded.map((one) => [one.hop, one.link, one.ttl]),
      [
        [slotOf(4), linkOf(4), 4],
        [slotOf(4), linkOf(4), 4],
        [slotOf(4), linkOf(4), 3],
        [slotOf(4), linkOf(4), 1],
      ],
    );
  });

  it("keeps the header on a handshake to its end", () => {
    const { engine, pass } = plane();
    for (const kind of [1, 2, 3]) pass({ ...from2, destination: 3, kind });
    assert.deepEqual(
      engine.forwarded.map(({ hop, kind }) => [hop, kind]),
      [1, 2, 3].map((kind) => [slotOf(3), kind]),
    );
  });

  it("keeps the flags of the header", () => {
    const { engine, pass } = plane();
    pass({ ...from2, destination: 5, kind: 0x24 });
    assert.equal(engine.forwarded[0]?.kind, 0x24);
  });

  const refused: [string, Partial<Run>, string, ((state: PlaneState) => void)?][] = [
    ["to a node that is no member", { destination: 77 }, "dropTransitRefused"],
    ["from a source that is no member", { destination: 3, source: 77 }, "dropTransitSource"],
    ["from this node itself", { destination: 3, source: OWN }, "dropTransitSource"],
    ["with TTL 1", { destination: 3, ttl: 1 }, "dropTtl"],
    ["with TTL 0", { destination: 3, ttl: 0 }, "dropTtl"],
    ["back to where it came from", { destination: 2, source: 3 }, "dropTransitLoop"],
    ["to its source", { destination: 3, source: 3 }, "dropTransitLoop"],
    [
      "to a member without a route",
      { destination: 3 },
      "dropTransitNoRoute",
      (state) => void (state.members.nextHop[3] = 0xffff),
    ],
    [
      "over a relay without a session",
      { destination: 5 },
      "dropTransitNoSession",
      (state) => void (state.members.sendSlot[4] = -1),
    ],
  ];
  for (const [what, run, reason, change] of refused) {
    it(`${what} goes nowhere and is counted by the datagram`, () => {
      const { engine, state, pass } = plane();
      change?.(state);
      pass({ ...from2, destination: 3, items: 7, ...run });
      assert.deepEqual(engine.forwarded, []);
      assert.deepEqual(dropsOf(state), { [reason]: 7 });
    });
  }

  describe("that its table would turn back or end, of a destination whose link is up", () => {
    /** Links may stand in for the table, and node 5 is a neighbour, too, although the way to it is over 4. */
    const near = (directFallback = true): Plane => {
      const made = plane("auto", directFallback);
      const { members } = made.state;
      for (const node of [2, 3, 4, 5]) members.linkState[node] = LINK_UP;
      members.link[5] = linkOf(5);
      members.addressed[5] = 1;
      return made;
    };
    const from4 = { keypair: slotOf(4), source: 4, destination: 5 };

    const ended: [string, Run][] = [
      ["to where it came from", { ...from4, source: 2 }],
      ["to its source", { ...from4, keypair: slotOf(2) }],
      ["with its TTL used up", { ...from2, destination: 5, ttl: 1 }],
      ["without any TTL", { ...from2, destination: 5, ttl: 0 }],
    ];
    for (const [what, run] of ended) {
      it(`${what} is given to the destination itself: a walk that ends cannot loop`, () => {
        const { engine, state, pass } = near();
        pass(run);
        assert.deepEqual(
          engine.forwarded.map(({ hop, link, kind }) => [hop, link, kind]),
          [[-1, linkOf(5), 0x24]],
        );
        assert.deepEqual(dropsOf(state), {});
      });
    }

    it("is given to it also after a repair, when the next hop is dead", () => {
      const { engine, state, pass } = near();
      state.members.linkState[4] = LINK_DEAD;
      pass({ ...from2, destination: 5, kind: 0x24 });
      assert.deepEqual(
        engine.forwarded.map(({ link, kind }) => [link, kind]),
        [[linkOf(5), 0x24]],
      );
    });

    it("goes as a handshake with a TTL that does not wrap round", () => {
      const { engine, pass } = near();
      pass({ ...from2, destination: 5, kind: 1, ttl: 0 });
      assert.deepEqual(
        engine.forwarded.map(({ hop, kind, ttl }) => [hop, kind, ttl]),
        [[slotOf(5), 0x21, 0]],
      );
    });

    it("is never given back to where it came from or to its source", () => {
      const { engine, state, pass } = near();
      pass({ ...from2, source: 3, destination: 2, items: 2 });
      pass({ ...from2, source: 3, destination: 3, ttl: 1, items: 3 });
      assert.deepEqual(engine.forwarded, []);
      assert.deepEqual(dropsOf(state), { dropTransitLoop: 2, dropTtl: 3 });
    });

    it("goes nowhere where the file gives the table: links do not stand in for it", () => {
      const { engine, state, pass } = near(false);
      pass({ ...from4, source: 2 });
      assert.deepEqual(engine.forwarded, []);
      assert.deepEqual(dropsOf(state), { dropTransitLoop: 1 });
    });
  });

  it("wants the session that it lacks", () => {
    const { state, told, pass } = plane();
    state.members.sendSlot[4] = -1;
    pass({ ...from2, destination: 5 });
    assert.deepEqual(told.wanted, [4]);
  });

  it("needs no session with the last hop: the record is sealed for it already", () => {
    const { engine, state, pass } = plane();
    state.members.sendSlot[3] = -1;
    pass({ ...from2, destination: 3 });
    assert.equal(engine.forwarded.length, 1);
  });

  it("comes from any member behind the previous hop", () => {
    const { engine, pass } = plane();
    pass({ keypair: slotOf(4), source: 5, destination: 2 });
    assert.equal(engine.forwarded.length, 1);
  });

  it("earns its previous hop credit with the engine, whose use is a sign of life", () => {
    const { state, pass, transit } = plane();
    pass({ ...from2, destination: 3 });
    assert.deepEqual([state.relayCredit[2], state.relayCredit[3]], [CREDIT, 0]);
    state.nowMs = 5000;
    transit.settle([2, 3]);
    assert.equal(state.activity.heard[2], 1000);
    state.relayCredit[2] = CREDIT - 1;
    state.activity.unanswered[2] = 4000;
    state.nowMs = 5050;
    transit.settle([2, 3]);
    assert.deepEqual([state.activity.heard[2], state.activity.heard[3]], [5000, 0]);
    assert.deepEqual([state.activity.unanswered[2], state.relayCredit[2]], [0, CREDIT]);
    // What left after the last look may have left after what was sent on, too.
    state.activity.unanswered[2] = 5060;
    state.relayCredit[2] = CREDIT - 1;
    state.nowMs = 5100;
    transit.settle([2, 3]);
    assert.equal(state.activity.unanswered[2], 5060);
    transit.forget(2);
    assert.equal(state.relayCredit[2], 0);
  });

  for (const [what, relay, run] of [
    ["a node that does not relay", "never", { destination: 3 }],
    ["what is refused", "auto", { destination: 77 }],
  ] as const) {
    it(`earns no credit with ${what}`, () => {
      const { state, pass } = plane(relay);
      pass({ ...from2, ...run });
      assert.equal(state.relayCredit[2], 0);
    });
  }

  it("is refused by a node that does not relay", () => {
    const { engine, state, pass } = plane("never");
    pass({ ...from2, destination: 3, items: 2 });
    assert.deepEqual(engine.forwarded, []);
    assert.deepEqual(dropsOf(state), { dropTransitRefused: 2 });
  });

  it("passes ten handshakes a second for each previous hop, and records without regard to them", () => {
    const { engine, state, pass } = plane();
    for (let i = 0; i < 15; i++) pass({ ...from2, destination: 3, kind: 1 });
    assert.equal(engine.forwarded.length, 10);
    assert.deepEqual(dropsOf(state), { dropTransitHandshakeRate: 5 });
    pass({ keypair: slotOf(3), source: 3, destination: 2, kind: 1 });
    pass({ ...from2, destination: 3 });
    assert.equal(engine.forwarded.length, 12);
    state.nowMs += 500;
    for (let i = 0; i < 15; i++) pass({ ...from2, destination: 3, kind: 1 });
    assert.equal(engine.forwarded.length, 17);
  });

  it("is limited in datagrams a second for each previous hop", () => {
    const { engine, state, pass } = plane();
    for (let i = 0; i < 500; i++) pass({ ...from2, destination: 3, items: 1000 });
    const passed = engine.forwarded.length;
    assert(passed >= 100 && passed < 500, `${passed}`);
    assert.deepEqual(dropsOf(state), { dropTransitRate: (500 - passed) * 1000 });
    pass({ keypair: slotOf(3), source: 3, destination: 2 });
    assert.equal(engine.forwarded.length, passed + 1);
  });

  describe("whose next hop's link is dead", () => {
    /** 5 is reached over 4, or else over 3; all links have been up. */
    const repairing = (): Plane => {
      const made = plane();
      const { members } = made.state;
      for (const node of [2, 3, 4]) members.linkState[node] = LINK_UP;
      members.backup[5] = 3;
      members.linkState[4] = LINK_DEAD;
      return made;
    };

    it("goes to the backup, flagged, with a header for it", () => {
      const { engine, state, pass } = repairing();
      pass({ ...from2, destination: 5, items: 9, ttl: 3 });
      assert.deepEqual(engine.forwarded, [
        { run: 0, items: 9, hop: slotOf(3), link: linkOf(3), ttl: 2, kind: 0x24 },
      ]);
      assert.deepEqual(dropsOf(state), {});
      assert.equal(state.activity.carried[3], 1);
    });

    it("goes to the backup without a header when that is its end", () => {
      const { engine, state, pass } = repairing();
      state.members.backup[5] = 5;
      state.members.linkState[5] = LINK_UP;
      state.members.addressed[5] = 1;
      state.members.link[5] = linkOf(5);
      pass({ ...from2, destination: 5 });
      assert.deepEqual(
        engine.forwarded.map(({ hop, link }) => [hop, link]),
        [[-1, linkOf(5)]],
      );
    });

    it("is dropped and counted when it was repaired before, whether or not there is a backup", () => {
      const { engine, state, pass } = repairing();
      pass({ ...from2, destination: 5, items: 2, kind: 0x24 });
      state.members.backup[5] = 0xffff;
      pass({ ...from2, destination: 5, items: 3, kind: 0x24 });
      assert.deepEqual(engine.forwarded, []);
      assert.deepEqual(dropsOf(state), { dropTransitRepairedTwice: 5 });
      pass({ ...from2, destination: 3, kind: 0x24 });
      assert.deepEqual(
        engine.forwarded.map(({ kind }) => kind),
        [0x24],
      );
    });

    it("is not given back to the hop it came from or to its source, though they be the backup", () => {
      const { engine, state, pass } = repairing();
      pass({ keypair: slotOf(3), source: 2, destination: 5 });
      pass({ keypair: slotOf(2), source: 3, destination: 5 });
      // Nothing better is known than the dead link.
      assert.deepEqual(
        engine.forwarded.map(({ link, kind }) => [link, kind]),
        [
          [linkOf(4), 4],
          [linkOf(4), 4],
        ],
      );
      assert.deepEqual(dropsOf(state), {});
    });

    it("returns to the next hop when its link is up again", () => {
      const { engine, state, pass } = repairing();
      state.members.linkState[4] = LINK_UP;
      pass({ ...from2, destination: 5 });
      assert.deepEqual(
        engine.forwarded.map(({ link, kind }) => [link, kind]),
        [[linkOf(4), 4]],
      );
    });
  });

  it("keeps the link to a backup awake", () => {
    const { state, pass } = plane();
    state.members.backup[5] = 3;
    pass({ ...from2, destination: 5 });
    assert.deepEqual([state.activity.carried[4], state.activity.carried[3]], [1, 1]);
  });

  it("leaves books that balance, whatever is asked for", () => {
    const node = fc.integer({ min: 0, max: 7 });
    const run = fc.record({
      items: fc.integer({ min: 1, max: 64 }),
      keypair: fc.integer({ min: 2, max: 5 }).map(slotOf),
      destination: node,
      source: node,
      ttl: fc.integer({ min: 0, max: 255 }),
      kind: fc.constantFrom(1, 2, 3, 4, 0x24),
    });
    fc.assert(
      fc.property(
        fc.array(run, { maxLength: 50 }),
        fc.boolean(),
        fc.constantFrom("auto", "never"),
        fc.array(fc.tuple(node, fc.nat(2)), { maxLength: 5 }),
        fc.array(fc.tuple(node, node), { maxLength: 5 }),
        (runs, lame, relay, links, backups) => {
          const { engine, state, pass } = plane(relay);
          if (lame) state.members.sendSlot[4] = -1;
          for (const [at, link] of links) state.members.linkState[at] = link;
          for (const [at, backup] of backups) state.members.backup[at] = backup;
          pass(...runs);
          const report = state.drops.report();
          const dropped = TRANSIT_DROPS.reduce((sum, name) => sum + (report[name] ?? 0), 0);
          const asked = runs.reduce((sum, { items }) => sum + items, 0);
          assert.equal(asked, engine.forwarded.reduce((sum, { items }) => sum + items, 0) + dropped);
          for (const one of engine.forwarded) {
            const run = runs[one.run];
            assert(one.ttl >= 1 && one.ttl < (run?.ttl ?? 0));
            // What was flagged stays flagged, and nothing returns.
            assert.equal(one.kind & (run?.kind ?? 0), run?.kind);
            assert.notEqual(one.link, linkOf((run?.keypair ?? 0) - slotOf(0)));
            assert.notEqual(one.link, linkOf(run?.source ?? 0));
          }
        },
      ),
    );
  });
});
