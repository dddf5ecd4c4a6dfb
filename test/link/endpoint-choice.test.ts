import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LINK_TUNING } from "../../src/link/tuning.ts";
import { UnprovenBudget } from "../../src/link/unproven-budget.ts";
import { PROBE_IS_REPLY } from "../../src/wire/probe.ts";
import { LinkPair, makeLink, MS, SECOND, seeded } from "./link-pair.ts";
import type { Side } from "./link-pair.ts";

const LAN_A = "10.0.0.1:1000";
const LAN_B = "10.0.0.2:1000";

function told(pair: LinkPair, side: Side, ...addresses: string[]): void {
  for (const address of addresses) pair.tell(side, { type: "candidate", address, source: "told" });
}

function bothSessions(pair: LinkPair): void {
  for (const side of [pair.a, pair.b]) pair.tell(side, { type: "session", up: true });
}

function keepBusy(pair: LinkPair, everyUs: number): void {
  const again = (): void => {
    for (const side of [pair.a, pair.b]) pair.frame(side);
    pair.at(pair.nowUs + everyUs, again);
  };
  again();
}

describe("link: addresses told by the supernode", () => {
  it("are tried at once and all together when there is a session, also when told later", () => {
    const pair = new LinkPair(1, 10 * MS);
    told(pair, pair.a, "203.0.113.1:1", "203.0.113.2:2");
    assert.equal(pair.a.link.nextDeadline(), Infinity);
    assert.equal(pair.a.sent.length, 0);
    bothSessions(pair);
    told(pair, pair.a, pair.b.address);
    const first = pair.a.sent.map((seen) => seen.to);
    assert.deepEqual(first, ["203.0.113.1:1", "203.0.113.2:2", pair.b.address]);
    assert.equal(pair.nowUs, 0);
    pair.run(100 * MS);
    assert.equal(pair.a.link.endpoint, pair.b.address);
    assert.equal(pair.a.link.up && pair.b.link.up, true);
  });

  it("open the NATs in front of both ends within a second, although one begins a little later", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new LinkPair(seed, 40 * MS);
      pair.a.pinholes = new Map();
      pair.b.pinholes = new Map();
      told(pair, pair.a, pair.b.address);
      told(pair, pair.b, pair.a.address);
      pair.tell(pair.a, { type: "session", up: true });
      pair.run(seed * 10 * MS);
      pair.tell(pair.b, { type: "session", up: true });
      pair.run(SECOND);
      assert.ok(pair.a.link.up && pair.b.link.up, `seed ${seed}`);
      assert.equal(pair.a.link.endpoint, pair.b.address);
      assert.equal(pair.b.link.endpoint, pair.a.address);
    }
  });

  it("open them too when one end's first tries are long over", () => {
    const pair = new LinkPair(5, 40 * MS);
    pair.a.pinholes = new Map();
    pair.b.pinholes = new Map();
    bothSessions(pair);
    told(pair, pair.a, pair.b.address);
    pair.run(15 * SECOND);
    told(pair, pair.b, pair.a.address);
    pair.run(26 * SECOND);
    assert.ok(pair.a.link.up && pair.b.link.up);
  });

  it("get five tries and then one in 25 s where nothing works, one a minute where something does", () => {
    const dead = "203.0.113.9:9";
    const pair = new LinkPair(1, 10 * MS);
    told(pair, pair.a, dead);
    bothSessions(pair);
    const count = (): number => pair.a.sent.filter((seen) => seen.to === dead).length;
    pair.run(10 * SECOND);
    assert.equal(count(), LINK_TUNING.candidateTries);
    pair.run(100 * SECOND);
    assert.equal(count(), LINK_TUNING.candidateTries + 4);
    const works = new LinkPair(1, 10 * MS);
    works.start();
    works.run(SECOND);
    told(works, works.a, dead);
    const countWorks = (): number => works.a.sent.filter((seen) => seen.to === dead).length;
    works.run(10 * SECOND);
    assert.equal(countWorks(), LINK_TUNING.candidateTries);
    works.run(100 * SECOND);
    assert.ok(countWorks() <= LINK_TUNING.candidateTries + 2);
  });

  it("leave two places for addresses that are seen, are not pushed out by them, and give way to the operator", () => {
    const pair = new LinkPair(1, 10 * MS);
    bothSessions(pair);
    told(pair, pair.a, ...Array.from({ length: 20 }, (_, i) => `203.0.113.${i + 1}:7`));
    const by = (source: string): string[] =>
      pair.a.link
        .snapshot(pair.nowUs)
        .candidates.filter((known) => known.source === source)
        .map((known) => known.address);
    assert.equal(by("told").length, LINK_TUNING.maxTold);
    for (let i = 0; i < 50; i++) {
      pair.tell(pair.a, { type: "authentic", from: `198.51.100.${i + 1}:7` });
      pair.run(20 * MS);
    }
    assert.equal(by("told").length, LINK_TUNING.maxTold);
    assert.equal(by("seen").length, 2);
    for (let i = 1; i <= 4; i++) {
      pair.tell(pair.a, { type: "endpoint", address: `192.0.2.${i + 100}:1`, source: "configured" });
    }
    // A name leads to one place at a time.
    assert.deepEqual(by("configured"), ["192.0.2.104:1"]);
    assert.equal(pair.a.link.snapshot(pair.nowUs).candidates.length, 8);
  });

  it("are found although the name that is configured has led to many other places before", () => {
    const pair = new LinkPair(1, 10 * MS);
    for (let i = 1; i <= 20; i++) {
      const address = `203.0.113.${i}:1000`;
      pair.tell(pair.a, { type: "endpoint", address, source: i % 2 === 0 ? "configured" : "set" });
      assert.equal(pair.a.link.endpoint, address);
    }
    bothSessions(pair);
    pair.tell(pair.b, { type: "endpoint", address: pair.a.address, source: "configured" });
    pair.run(SECOND);
    assert.equal(pair.a.link.endpoint, pair.b.address);
    assert.equal(pair.a.link.up && pair.b.link.up, true);
  });

  it("are forgotten when told no longer, but not while they work", () => {
    const pair = new LinkPair(1, 10 * MS);
    bothSessions(pair);
    told(pair, pair.a, pair.b.address, "203.0.113.1:1", "203.0.113.2:2");
    pair.run(SECOND);
    pair.tell(pair.a, { type: "forget-candidates", keep: ["203.0.113.2:2"] });
    const known = pair.a.link.snapshot(pair.nowUs).candidates;
    assert.deepEqual(known.map((one) => [one.address, one.source]).sort(), [
      [pair.b.address, "seen"],
      ["203.0.113.2:2", "told"],
    ]);
    assert.equal(pair.a.link.endpoint, pair.b.address);
    pair.tell(pair.a, { type: "forget-candidates" });
    assert.equal(pair.a.link.snapshot(pair.nowUs).candidates.length, 1);
  });

  it("are refused when they cannot be a peer's, and of no use to a pinned link", () => {
    const link = makeLink(1, 2, 7, { refused: (address) => address === "10.9.9.9:1" });
    const random = seeded(1);
    link.handle(0, { type: "session", up: true }, random);
    for (const address of ["224.0.0.1:1", "127.0.0.1:1", "192.0.2.1:0", "10.9.9.9:1", "rubbish", ""]) {
      assert.deepEqual(link.handle(0, { type: "candidate", address, source: "told" }, random), [], address);
    }
    assert.deepEqual(link.snapshot(0).candidates, []);
    const pinned = new LinkPair(1, 10 * MS, { staticEndpoint: true });
    pinned.start();
    told(pinned, pinned.a, "203.0.113.1:1");
    assert.equal(pinned.a.link.snapshot(0).candidates.length, 1);
  });

  it("share the budget of unproven addresses: at most 50 probes in any second for 100 members", () => {
    const budget = new UnprovenBudget();
    const random = seeded(5);
    const links = Array.from({ length: 100 }, (_, i) => makeLink(1, i + 2, i, { budget }));
    const times: number[] = [];
    links.forEach((link, i) => {
      for (let k = 1; k <= 4; k++) {
        link.handle(0, { type: "candidate", address: `192.0.${k}.${i + 1}:9`, source: "told" }, random);
      }
      for (const action of link.handle(0, { type: "session", up: true }, random)) {
        if (action.type === "probe") times.push(0);
      }
    });
    for (let now = 10 * MS; now < 10 * SECOND; now += 10 * MS) {
      for (const link of links) {
        if (link.nextDeadline() > now) continue;
        for (const action of link.handle(now, { type: "tick" }, random)) {
          if (action.type === "probe") times.push(now);
        }
      }
    }
    assert.ok(times.length > 300);
    times.forEach((start, i) => {
      assert.ok((times[i + 50] ?? Infinity) >= start + SECOND, `more than 50 in the second from ${start}`);
    });
  });
});

describe("link: the best of several addresses", () => {
  /** Both are told each other's addresses, public and on the LAN. */
  function neighbours(seed: number, jitterUs = 0): LinkPair {
    const pair = new LinkPair(seed, 12 * MS);
    for (const side of [pair.a, pair.b]) side.jitterUs = jitterUs;
    pair.a.lan = LAN_A;
    pair.b.lan = LAN_B;
    pair.start();
    pair.run(3 * SECOND);
    return pair;
  }

  it("is the LAN's within fifteen seconds, for both ends, once, and then for good", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = neighbours(seed);
      told(pair, pair.a, LAN_B);
      told(pair, pair.b, LAN_A);
      pair.run(15 * SECOND);
      assert.equal(pair.a.link.endpoint, LAN_B, `seed ${seed}`);
      assert.equal(pair.b.link.endpoint, LAN_A);
      const moves = pair.a.endpoints.length;
      keepBusy(pair, 100 * MS);
      pair.run(60 * SECOND);
      assert.equal(pair.a.link.endpoint, LAN_B);
      assert.ok(pair.a.endpoints.length - moves <= 0, "moves later");
      assert.ok(moves <= 3, `${moves} moves`);
      assert.ok((pair.a.link.snapshot(pair.nowUs).rtt ?? Infinity) < MS);
      assert.equal(pair.a.states.length, 1);
    }
  });

  it("stays the endpoint when an alternative is only a little better, or both jitter", () => {
    for (const [lanDelayUs, jitterUs] of [
      [11 * MS, 0],
      [12 * MS, 8 * MS],
      [12 * MS, 20 * MS],
    ] as const) {
      const pair = neighbours(3, jitterUs);
      for (const side of [pair.a, pair.b]) side.lanDelayUs = lanDelayUs;
      told(pair, pair.a, LAN_B);
      pair.run(600 * SECOND);
      assert.equal(pair.a.link.endpoint, pair.b.address);
      assert.equal(pair.a.endpoints.length, 1);
    }
  });

  it("costs an idle link no more than one probe in ten seconds for each address that is not used", () => {
    const pair = neighbours(4);
    for (const side of [pair.a, pair.b]) side.lanDelayUs = 12 * MS;
    told(pair, pair.a, LAN_B);
    pair.run(30 * SECOND);
    const asked = (): number =>
      pair.a.sent.filter((seen) => seen.to === LAN_B && (seen.probe.flags & PROBE_IS_REPLY) === 0).length;
    const before = asked();
    pair.run(100 * SECOND);
    assert.ok(asked() - before <= 11, `${asked() - before} in 100 s`);
  });

  it("is left alone more and more when the peer keeps to another", () => {
    const pair = new LinkPair(9, 12 * MS, {}, { staticEndpoint: true });
    pair.a.lan = LAN_A;
    pair.b.lan = LAN_B;
    pair.start();
    pair.tell(pair.b, { type: "endpoint", address: pair.a.address, source: "configured" });
    told(pair, pair.a, LAN_B);
    pair.run(900 * SECOND);
    const moves = pair.a.endpoints.length - 1;
    assert.ok(moves >= 2 && moves <= 10, `${moves} moves in 15 minutes`);
    assert.equal(pair.a.states.length, 1);
  });

  it("is given up for the other when it dies, without the link being down for long", () => {
    const pair = neighbours(6);
    told(pair, pair.a, LAN_B);
    told(pair, pair.b, LAN_A);
    keepBusy(pair, 50 * MS);
    pair.run(20 * SECOND);
    assert.equal(pair.a.link.endpoint, LAN_B);
    pair.a.lan = pair.b.lan = undefined;
    pair.run(2 * SECOND);
    assert.equal(pair.a.link.endpoint, pair.b.address);
    assert.equal(pair.b.link.endpoint, pair.a.address);
    assert.ok(pair.a.link.up && pair.b.link.up);
  });

  it("does not bring a link back that is cut one way: what echoed before the death must echo again", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const pair = neighbours(seed);
      for (const side of [pair.a, pair.b]) side.lanDelayUs = 12 * MS;
      told(pair, pair.a, LAN_B);
      told(pair, pair.b, LAN_A);
      keepBusy(pair, 50 * MS);
      pair.run((9 + seed / 8) * SECOND);
      pair.a.cut = true;
      pair.run(10 * SECOND);
      assert.deepEqual(
        pair.a.states.map(({ up }) => up),
        [true, false],
        `seed ${seed}`,
      );
    }
  });
});

describe("link: handshake targets", () => {
  const link = (): ReturnType<typeof makeLink> => makeLink(1, 2, 7);

  it("are all addresses that may be right, the endpoint first, at most as many as wanted, each in its turn", () => {
    const random = seeded(1);
    const one = link();
    assert.deepEqual(one.handshakeTargets(0, 4), []);
    const told = Array.from({ length: 5 }, (_, i) => `203.0.113.${i + 1}:7`);
    for (const address of told) one.handle(0, { type: "candidate", address, source: "told" }, random);
    assert.deepEqual(one.handshakeTargets(0, 8), told);
    assert.deepEqual(one.handshakeTargets(0, 4), told.slice(0, 4));
    one.handle(0, { type: "endpoint", address: "192.0.2.9:1", source: "configured" }, random);
    const turns = [0, 1, 2, 3].map(() => one.handshakeTargets(0, 4));
    for (const turn of turns) {
      assert.equal(turn[0], "192.0.2.9:1");
      assert.equal(turn.length, 4);
      assert.equal(new Set(turn).size, 4);
    }
    assert.deepEqual([...new Set(turns.flat())].sort(), ["192.0.2.9:1", ...told].sort());
  });

  it("are the endpoint alone while it is proven and works, and never what was only seen", () => {
    const pair = new LinkPair(1, 10 * MS);
    pair.start();
    told(pair, pair.a, "203.0.113.1:7");
    assert.deepEqual(pair.a.link.handshakeTargets(0, 4), [pair.b.address, "203.0.113.1:7"]);
    pair.run(SECOND);
    assert.deepEqual(pair.a.link.handshakeTargets(pair.nowUs, 4), [pair.b.address]);
    pair.tell(pair.a, { type: "authentic", from: "203.0.113.5:5" });
    pair.tell(pair.a, { type: "session", up: false });
    assert.deepEqual(pair.a.link.handshakeTargets(pair.nowUs, 4), [pair.b.address, "203.0.113.1:7"]);
  });

  it("include an address that was proven but is not the endpoint any more", () => {
    const pair = new LinkPair(1, 10 * MS);
    pair.start();
    pair.run(SECOND);
    const home = pair.a.address;
    pair.a.address = "198.51.100.7:4242";
    pair.run(3 * SECOND);
    pair.tell(pair.b, { type: "session", up: false });
    assert.deepEqual(pair.b.link.handshakeTargets(pair.nowUs, 4), [pair.a.address, home]);
  });
});
