import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LINK_TUNING } from "../../src/link/tuning.ts";
import { UnprovenBudget } from "../../src/link/unproven-budget.ts";
import {
  decodeProbe,
  encodeProbe,
  PROBE_BYTES,
  PROBE_IS_REPLY,
  PROBE_REPLY_WANTED,
  PROBE_SIDE_PATH,
} from "../../src/wire/probe.ts";
import { LinkPair, makeLink, MS, SECOND, seeded } from "./link-pair.ts";
import type { Side } from "./link-pair.ts";

const MOVED = "198.51.100.7:4242";

function running(seed = 1, delayUs = 10 * MS): LinkPair {
  const pair = new LinkPair(seed, delayUs);
  pair.start();
  pair.run(3 * SECOND);
  return pair;
}

/** Frames of an application both ways, every so often, from now on. */
function keepBusy(pair: LinkPair, everyUs: number, sides: Side[] = [pair.a, pair.b]): void {
  const again = (): void => {
    for (const side of sides) pair.frame(side);
    pair.at(pair.nowUs + everyUs, again);
  };
  again();
}

describe("link: made anew in the same process", () => {
  it("goes on with its sequence numbers, so that the peer takes its probes for new ones", () => {
    const first = running();
    const last = first.a.link.sequence;
    assert.ok(last > 0);
    const link = makeLink(1, 2, 7, { lastSequence: last });
    const random = seeded(1);
    link.handle(0, { type: "endpoint", address: "192.0.2.2:1", source: "configured" }, random);
    const actions = link.handle(0, { type: "session", up: true }, random);
    const probes = actions.flatMap((action) =>
      action.type === "probe" ? [decodeProbe(action.payload)] : [],
    );
    assert.equal(probes[0]?.sequence, last + 1);
  });
});

describe("link: coming up", () => {
  it("is up on both ends after the first echo, and the end that was told nothing finds the other by proof", () => {
    const pair = new LinkPair(1, 10 * MS);
    pair.start();
    pair.run(100 * MS);
    assert.deepEqual(
      pair.a.states.map((state) => state.up),
      [true],
    );
    assert.deepEqual(
      pair.b.states.map((state) => state.up),
      [true],
    );
    assert.equal(pair.b.link.endpoint, pair.a.address);
    assert.deepEqual(
      pair.b.endpoints.map((move) => move.proven),
      [true],
    );
    assert.deepEqual(
      pair.a.endpoints.map((move) => move.proven),
      [false],
    );
  });

  it("sends nothing without a session and wants no tick", () => {
    const link = makeLink(1, 2, 7);
    const random = seeded(1);
    link.handle(0, { type: "start" }, random);
    const told = link.handle(0, { type: "endpoint", address: "192.0.2.9:1", source: "configured" }, random);
    assert.deepEqual(told, [{ type: "endpoint", address: "192.0.2.9:1", proven: false }]);
    assert.equal(link.nextDeadline(), Infinity);
    assert.deepEqual(link.handle(5 * SECOND, { type: "tick" }, random), []);
  });

  it("goes down with the session and comes back with it at once", () => {
    const pair = running();
    for (const up of [false, true])
      for (const side of [pair.a, pair.b]) pair.tell(side, { type: "session", up });
    pair.run(100 * MS);
    assert.deepEqual(
      pair.a.states.map((state) => state.up),
      [true, false, true],
    );
    assert.equal(pair.a.link.snapshot(pair.nowUs).deaths, 0);
  });
});

describe("link: rates", () => {
  const scheduled = (side: Side, fromUs: number): number =>
    side.sent.filter((seen) => seen.atUs >= fromUs && (seen.probe.flags & PROBE_IS_REPLY) === 0).length;

  it("probes once a second when idle, about five times when either end carries frames", () => {
    const pair = running();
    const idleFrom = pair.nowUs;
    pair.run(60 * SECOND);
    const idle = scheduled(pair.b, idleFrom);
    assert.ok(idle > 50 && idle < 75, `idle: ${idle} in 60 s`);
    keepBusy(pair, 50 * MS, [pair.a]);
    pair.run(SECOND);
    const busyFrom = pair.nowUs;
    pair.run(20 * SECOND);
    for (const side of [pair.a, pair.b]) {
      const busy = scheduled(side, busyFrom);
      assert.ok(busy > 85 && busy < 125, `busy: ${busy} in 20 s`);
    }
  });

  it("asks for a reply in one scheduled probe of five", () => {
    const pair = running();
    keepBusy(pair, 50 * MS);
    pair.run(2 * SECOND);
    const from = pair.nowUs;
    pair.run(20 * SECOND);
    const sent = pair.a.sent.filter((seen) => seen.atUs >= from && (seen.probe.flags & PROBE_IS_REPLY) === 0);
    const asking = sent.filter((seen) => (seen.probe.flags & PROBE_REPLY_WANTED) !== 0).length;
    assert.ok(asking >= sent.length / 6 && asking <= sent.length / 4, `${asking} of ${sent.length}`);
  });

  it("sends three quick probes when traffic begins after idleness", () => {
    const pair = running();
    pair.run(15 * SECOND);
    const from = pair.nowUs;
    pair.traffic(pair.a, true);
    pair.run(110 * MS);
    assert.ok(scheduled(pair.a, from) >= 3);
  });

  for (const busy of [false, true]) {
    it(`asks no more, and measures the same, when probes are looked at late and it is ${busy ? "busy" : "idle"}`, () => {
      const measure = (lazyUs: number) => {
        const pair = running(5);
        pair.lazyUs = lazyUs;
        pair.a.jitterUs = pair.b.jitterUs = 3 * MS;
        if (busy) keepBusy(pair, 50 * MS);
        pair.run(20 * SECOND);
        const from = pair.nowUs;
        pair.run(300 * SECOND);
        const { owdIn, owdOut, lossIn, lossOut, rtt } = pair.a.link.snapshot(pair.nowUs);
        return {
          asked: pair.a.sent.filter(
            ({ atUs, probe }) => atUs >= from && (probe.flags & PROBE_REPLY_WANTED) !== 0,
          ).length,
          sent: pair.a.sent.filter(({ atUs }) => atUs >= from).length,
          deaths: pair.a.states.length + pair.b.states.length - 2,
          loss: [lossIn, lossOut],
          delays: [owdIn, owdOut, rtt].map((us) => us ?? NaN),
        };
      };
      const [prompt, late] = [measure(0), measure(75 * MS)];
      assert.equal(late.deaths, 0);
      for (const loss of [...prompt.loss, ...late.loss]) assert.ok((loss ?? NaN) < 0.02, `${loss}`);
      const more = (a: number, b: number): string => `${b} instead of ${a}`;
      assert.ok(late.asked <= prompt.asked * 1.1 + 3, more(prompt.asked, late.asked));
      assert.ok(late.sent <= prompt.sent * 1.1 + 3, more(prompt.sent, late.sent));
      for (const [i, us] of late.delays.entries())
        assert.ok(Math.abs(us - (prompt.delays[i] ?? NaN)) < 2 * MS, `${us}`);
    });
  }

  it("answers a flood of questions at a bounded rate", () => {
    const pair = running();
    const link = pair.b.link;
    let replies = 0;
    for (let i = 1; i <= 2000; i++) {
      const bytes = new Uint8Array(PROBE_BYTES);
      const probe = pair.a.sent.at(-1)?.probe;
      assert.ok(probe);
      encodeProbe(
        { ...probe, sequence: 1000 + i, nonce: BigInt(i), echoedNonce: 0n, flags: PROBE_REPLY_WANTED },
        bytes,
      );
      const at = pair.nowUs + i * 100;
      const actions = link.handle(
        at,
        { type: "probe", from: pair.a.address, bytes, arrivalUs: at },
        pair.random,
      );
      replies += actions.filter(
        (action) =>
          action.type === "probe" && ((decodeProbe(action.payload)?.flags ?? 0) & PROBE_IS_REPLY) !== 0,
      ).length;
    }
    assert.ok(replies >= 20 && replies <= 35, `${replies} replies in 0.2 s`);
  });
});

describe("link: estimates", () => {
  it("measures delays against different clocks; their sum is the round trip, negative values are kept", () => {
    const pair = new LinkPair(3, 0);
    pair.a.delayUs = 30 * MS;
    pair.b.delayUs = 10 * MS;
    pair.b.offsetUs = -500 * SECOND;
    pair.start();
    keepBusy(pair, 100 * MS);
    pair.run(10 * SECOND);
    const a = pair.a.link.snapshot(pair.nowUs);
    const b = pair.b.link.snapshot(pair.nowUs);
    assert.ok(Math.abs((a.owdIn ?? NaN) - (500 * SECOND + 10 * MS)) < MS);
    assert.ok(Math.abs((a.owdOut ?? NaN) - (-500 * SECOND + 30 * MS)) < MS);
    assert.ok(Math.abs((a.rtt ?? NaN) - 40 * MS) < MS);
    assert.ok(Math.abs((b.rttMin ?? NaN) - 40 * MS) < MS);
    assert.ok(Math.abs((a.owdOut ?? NaN) - (b.owdIn ?? NaN)) < MS);
    assert.equal(a.lossIn, 0);
    assert.equal(a.lossOut, 0);
  });

  it("counts real traffic: 10 % loss one way shows there and not the other way", () => {
    const pair = running(5);
    pair.a.loss = 0.1;
    keepBusy(pair, 2 * MS);
    pair.run(8 * SECOND);
    const b = pair.b.link.snapshot(pair.nowUs);
    assert.ok((b.lossIn ?? 0) > 0.06 && (b.lossIn ?? 1) < 0.14, `lossIn ${b.lossIn}`);
    assert.equal(pair.a.link.snapshot(pair.nowUs).lossIn, 0);
  });

  it("begins anew with a new epoch of either clock", () => {
    const pair = running();
    pair.run(5 * SECOND);
    pair.b.offsetUs -= 1000 * SECOND;
    pair.tell(pair.b, { type: "epoch", epoch: 0x5eed });
    keepBusy(pair, 100 * MS);
    pair.run(3 * SECOND);
    const a = pair.a.link.snapshot(pair.nowUs);
    const b = pair.b.link.snapshot(pair.nowUs);
    assert.equal(a.remoteEpoch, 0x5eed);
    assert.ok(Math.abs((a.owdIn ?? NaN) - (10 * MS + 1000 * SECOND)) < MS);
    assert.ok(Math.abs((a.owdOut ?? NaN) - (10 * MS - 1000 * SECOND)) < MS);
    assert.ok(Math.abs((b.owdIn ?? NaN) - (10 * MS - 1000 * SECOND)) < MS);
    assert.equal(pair.a.states.length, 1);
  });
});

describe("link: death and recovery", () => {
  function deathTimes(cut: (pair: LinkPair) => void): number[] {
    const times: number[] = [];
    for (let seed = 1; seed <= 60; seed++) {
      const pair = new LinkPair(seed, 20 * MS);
      pair.start();
      keepBusy(pair, 50 * MS);
      pair.run(5 * SECOND + ((seed * 37 * MS) % SECOND));
      assert.equal(pair.a.states.length, 1);
      cut(pair);
      const cutUs = pair.nowUs;
      pair.run(3 * SECOND);
      const death = pair.a.states.find((state) => !state.up);
      assert.ok(death, `seed ${seed}: not noticed`);
      times.push(death.atUs - cutUs);
    }
    return times.sort((x, y) => x - y);
  }

  it("notices a dead path: median under 0.4 s, 95 % under 0.6 s at 40 ms round trip", () => {
    const times = deathTimes((pair) => {
      pair.a.cut = pair.b.cut = true;
    });
    assert.ok((times[30] ?? NaN) < 400 * MS, `median ${times[30]}`);
    assert.ok((times[57] ?? NaN) < 600 * MS, `p95 ${times[57]}`);
  });

  it("notices a cut of its own sending direction only, as fast", () => {
    const times = deathTimes((pair) => {
      pair.a.cut = true;
    });
    assert.ok((times[30] ?? NaN) < 500 * MS, `median ${times[30]}`);
    assert.ok((times[57] ?? NaN) < 700 * MS, `p95 ${times[57]}`);
  });

  it("is noticed to be dead nearly as fast where probes are looked at late", () => {
    const late = (cut: (pair: LinkPair) => void): number[] =>
      deathTimes((pair) => {
        pair.lazyUs = 75 * MS;
        cut(pair);
      });
    const both = late((pair) => (pair.a.cut = pair.b.cut = true));
    assert.ok((both[30] ?? NaN) < 400 * MS, `median ${both[30]}`);
    const own = late((pair) => (pair.a.cut = true));
    assert.ok((own[30] ?? NaN) < 550 * MS, `median ${own[30]}`);
    assert.ok((own[57] ?? NaN) < 750 * MS, `p95 ${own[57]}`);
  });

  it("is not found dead for want of what has come and was not read yet", () => {
    const pair = running();
    keepBusy(pair, 100 * MS);
    pair.run(SECOND);
    pair.a.cut = pair.b.cut = true;
    const states: number[] = [];
    for (let ms = 0; ms < 2000; ms += 10) {
      pair.nowUs += 10 * MS;
      pair.tell(pair.a, { type: "tick", unreadUs: 800 * MS });
      states.push(pair.a.states.length);
    }
    // Up, and dead once what was read is younger than the question's last chance.
    assert.deepEqual([states[80], states.at(-1)], [1, 2]);
  });

  it("does not die of 10 % random loss in ten minutes of traffic", () => {
    const pair = running(11);
    pair.a.loss = pair.b.loss = 0.1;
    keepBusy(pair, 100 * MS);
    pair.run(600 * SECOND);
    const deaths = pair.a.states.filter((state) => !state.up).length;
    assert.ok(deaths <= 4, `${deaths} deaths`);
  });

  it("is up again after two good seconds, then four, and so on", () => {
    const pair = running();
    keepBusy(pair, 50 * MS);
    pair.run(SECOND);
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      pair.a.cut = true;
      pair.run(3 * SECOND);
      assert.equal(pair.a.link.up, false);
      pair.a.cut = false;
      const healedUs = pair.nowUs;
      pair.run(12 * SECOND);
      const rise = pair.a.states.at(-1);
      assert.ok(rise?.up, `round ${i}: still down`);
      waits.push(rise.atUs - healedUs);
    }
    [2, 4, 8].forEach((seconds, i) => {
      const wait = waits[i] ?? NaN;
      assert.ok(wait >= seconds * SECOND && wait < (seconds + 1.6) * SECOND, `wait ${i}: ${wait}`);
    });
  });

  it("is up again as soon where idle probes are far apart, as among hundreds of neighbours", () => {
    const pair = running();
    for (const side of [pair.a, pair.b]) side.link.idleIntervalUs = 8 * SECOND;
    pair.run(20 * SECOND);
    for (const side of [pair.a, pair.b]) side.cut = true;
    pair.run(30 * SECOND);
    assert.equal(pair.a.link.up || pair.b.link.up, false);
    for (const side of [pair.a, pair.b]) side.cut = false;
    pair.run(13 * SECOND);
    assert.equal(pair.a.link.up && pair.b.link.up, true);
  });

  it("does not die of a new clock epoch on either end, however long the way", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = running(seed, 300 * MS);
      pair.run((5 + seed / 20) * SECOND);
      keepBusy(pair, 50 * MS);
      pair.run(3 * SECOND);
      const before = [pair.a, pair.b].map((side) => side.states.length);
      pair.tell(pair.a, { type: "epoch", epoch: 4711 });
      pair.run(10 * SECOND);
      pair.tell(pair.b, { type: "epoch", epoch: 4712 });
      pair.run(10 * SECOND);
      assert.deepEqual(
        [pair.a, pair.b].map((side) => side.states.length),
        before,
        `seed ${seed}`,
      );
    }
  });

  it("stays down while half of everything is lost", () => {
    const pair = running(21);
    keepBusy(pair, 50 * MS);
    pair.a.cut = true;
    pair.run(3 * SECOND);
    pair.a.cut = false;
    pair.a.loss = 0.5;
    pair.run(10 * SECOND);
    assert.equal(pair.a.link.up, false);
  });

  it("asks at once when what it sends stays unanswered for 300 ms", () => {
    const pair = running();
    pair.run(5 * SECOND);
    pair.a.cut = pair.b.cut = true;
    const sinceUs = pair.nowUs;
    pair.run(250 * MS);
    pair.tell(pair.a, { type: "unanswered", sinceUs });
    assert.equal(pair.a.link.snapshot(pair.nowUs).state, "up");
    pair.run(60 * MS);
    pair.tell(pair.a, { type: "unanswered", sinceUs });
    pair.run(400 * MS);
    assert.equal(pair.a.link.up, false);
    assert.ok(pair.nowUs - sinceUs < SECOND);
  });

  it("does not take its own sleep for the death of others", () => {
    const pair = running();
    keepBusy(pair, 50 * MS);
    pair.run(2 * SECOND);
    pair.nowUs += 3 * SECOND;
    pair.run(5 * SECOND);
    assert.equal(pair.a.states.filter((state) => !state.up).length, 0);
  });
});

describe("link: roaming", () => {
  it("follows the peer to a new address and port within two lost 200 ms pings", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const pair = running(seed, 15 * MS);
      let lost = 0;
      const ping = (): void => {
        pair.frame(pair.a, (arrived) => {
          if (!arrived) lost++;
          else pair.frame(pair.b, (answered) => (lost += answered ? 0 : 1));
        });
        pair.at(pair.nowUs + 200 * MS, ping);
      };
      ping();
      pair.run(3 * SECOND + seed * 11 * MS);
      assert.equal(lost, 0);
      pair.a.address = MOVED;
      pair.run(3 * SECOND);
      assert.ok(lost <= 2, `seed ${seed}: ${lost} lost`);
      assert.equal(pair.b.link.endpoint, MOVED);
      assert.equal(pair.b.states.filter((state) => !state.up).length, 0);
    }
  });

  it("follows the far end of a one-way conversation too, by its probes", () => {
    const pair = running(4);
    pair.a.address = MOVED;
    pair.run(5 * SECOND);
    assert.equal(pair.b.link.endpoint, MOVED);
  });

  it("comes back to an address it left long ago as quickly", () => {
    const pair = running(8);
    const home = pair.a.address;
    keepBusy(pair, 100 * MS);
    pair.a.address = MOVED;
    pair.run(300 * SECOND);
    assert.equal(pair.b.link.endpoint, MOVED);
    pair.a.address = home;
    pair.run(400 * MS);
    assert.equal(pair.b.link.endpoint, home);
  });

  it("does not move to an address that does not echo, however much seems to come from there", () => {
    const pair = running();
    const before = pair.b.link.endpoint;
    for (let i = 0; i < 300; i++) {
      pair.tell(pair.b, { type: "authentic", from: "203.0.113.5:99" });
      pair.run(100 * MS);
    }
    assert.equal(pair.b.link.endpoint, before);
    const asked = pair.b.sent.filter((seen) => seen.to === "203.0.113.5:99").length;
    assert.equal(asked, LINK_TUNING.candidateTries);
    pair.run(125 * SECOND);
    const later = pair.b.sent.filter((seen) => seen.to === "203.0.113.5:99").length;
    assert.ok(later - asked >= 1 && later - asked <= 3, `${later - asked} in two minutes`);
  });

  it("does not count an echo that comes back from another address as proof", () => {
    const pair = running();
    const before = pair.b.link.endpoint;
    // Both are candidates and send traffic; only .5 gets this nonce.
    pair.tell(pair.b, { type: "authentic", from: "203.0.113.6:1" });
    pair.run(1100 * MS);
    pair.tell(pair.b, { type: "authentic", from: "203.0.113.5:99" });
    const challenge = pair.b.sent.findLast((seen) => seen.to === "203.0.113.5:99");
    const template = pair.a.sent.at(-1)?.probe;
    assert.ok(challenge && template);
    const echo = { ...template, flags: PROBE_IS_REPLY, nonce: 0n, echoedNonce: challenge.probe.nonce };
    const bytes = new Uint8Array(PROBE_BYTES);
    encodeProbe(echo, bytes);
    pair.tell(pair.b, { type: "probe", from: "203.0.113.6:1", bytes, arrivalUs: pair.nowUs });
    assert.equal(pair.b.link.endpoint, before);
    // Used up: the right address is too late with it.
    pair.tell(pair.b, { type: "probe", from: "203.0.113.5:99", bytes, arrivalUs: pair.nowUs });
    assert.equal(pair.b.link.endpoint, before);
  });

  it("ignores an echo of a nonce older than five seconds", () => {
    const pair = running();
    const before = pair.b.link.endpoint;
    pair.tell(pair.b, { type: "authentic", from: MOVED });
    const challenge = pair.b.sent.at(-1);
    const template = pair.a.sent.at(-1)?.probe;
    assert.ok(challenge && template);
    const bytes = new Uint8Array(PROBE_BYTES);
    encodeProbe({ ...template, flags: PROBE_IS_REPLY, nonce: 0n, echoedNonce: challenge.probe.nonce }, bytes);
    pair.run(6 * SECOND);
    pair.tell(pair.b, { type: "probe", from: MOVED, bytes, arrivalUs: pair.nowUs });
    assert.equal(pair.b.link.endpoint, before);
  });

  it("follows a peer that changes its address and, before that is proven or just after, its port", () => {
    for (const gapMs of [5, 15, 30, 60, 120]) {
      const pair = running();
      keepBusy(pair, 10 * MS, [pair.a]);
      pair.run(3 * SECOND);
      pair.a.address = "198.51.100.7:1000";
      pair.run(gapMs * MS);
      pair.a.address = MOVED;
      pair.run(100 * MS);
      assert.equal(pair.b.link.endpoint, MOVED, `${gapMs} ms apart`);
    }
  });

  it("agrees on one pair of addresses where both ends have two and begin with different ones", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = new LinkPair(seed, 10 * MS);
      for (const side of [pair.a, pair.b]) side.lanDelayUs = 10 * MS;
      [pair.a.lan, pair.b.lan] = ["10.0.0.1:1000", "10.0.0.2:1000"];
      pair.start();
      pair.tell(pair.b, { type: "endpoint", address: pair.a.lan, source: "configured" });
      for (const [side, other] of [[pair.a, pair.b] as const, [pair.b, pair.a] as const]) {
        for (const address of [other.address, other.lan ?? ""]) {
          pair.tell(side, { type: "candidate", address, source: "told" });
        }
      }
      keepBusy(pair, 100 * MS);
      pair.run(5 * SECOND);
      const moves = pair.a.endpoints.length + pair.b.endpoints.length;
      pair.run(60 * SECOND);
      assert.equal(pair.a.endpoints.length + pair.b.endpoints.length, moves, `seed ${seed}`);
      const byLan = [pair.a, pair.b].map(({ link }) => link.endpoint?.startsWith("10."));
      assert.equal(byLan[0], byLan[1], `seed ${seed}`);
    }
  });

  it("finds a peer at a told address although all tries were over before the peer could answer", () => {
    const pair = new LinkPair(3);
    for (const side of [pair.a, pair.b]) pair.tell(side, { type: "start" });
    pair.tell(pair.a, { type: "candidate", address: pair.b.address, source: "told" });
    pair.tell(pair.b, { type: "candidate", address: pair.a.address, source: "told" });
    pair.tell(pair.a, { type: "session", up: true });
    pair.run(8 * SECOND);
    assert.equal(pair.a.link.up, false);
    pair.tell(pair.b, { type: "session", up: true });
    pair.run(SECOND);
    assert.deepEqual([pair.a.link.up, pair.b.link.up], [true, true]);
  });

  it("keeps what is known of the way here when the way there moves", () => {
    const pair = running();
    keepBusy(pair, 50 * MS);
    pair.run(3 * SECOND);
    const before = pair.b.link.snapshot(pair.nowUs).owdIn;
    pair.tell(pair.b, { type: "endpoint", address: "192.0.2.77:1", source: "set" });
    assert.equal(pair.b.link.snapshot(pair.nowUs).owdIn, before);
    assert.notEqual(before, undefined);
  });

  it("challenges and moves about once a second at length", () => {
    const pair = running();
    const from = pair.nowUs;
    for (let i = 0; i < 50; i++) {
      pair.tell(pair.b, { type: "authentic", from: `203.0.113.${1 + (i % 5)}:99` });
      pair.run(100 * MS);
    }
    const asked = pair.b.sent.filter((seen) => seen.atUs >= from && seen.to.startsWith("203.0.113."));
    for (let second = 0; second < 4; second++) {
      const start = from + second * SECOND;
      const inSecond = asked.filter((seen) => seen.atUs >= start && seen.atUs < start + SECOND).length;
      // One challenge, those saved up in quiet times, and what is scheduled for the few candidates.
      const saved = second === 0 ? LINK_TUNING.challengeBurst - 1 : 0;
      assert.ok(inSecond <= 6 + saved, `${inSecond} in second ${second}`);
    }
    const moves = pair.b.endpoints.length;
    keepBusy(pair, 50 * MS, [pair.a]);
    const flap = [pair.a.address, MOVED];
    for (let i = 0; i < 40; i++) {
      pair.a.address = flap[i % 2] ?? MOVED;
      pair.run(100 * MS);
    }
    assert.ok(pair.b.endpoints.length - moves <= 6, `${pair.b.endpoints.length - moves} moves in 4 s`);
  });

  it("never roams when static and told; does when static but never told", () => {
    const pair = new LinkPair(1, 10 * MS, { staticEndpoint: true });
    pair.start();
    keepBusy(pair, 100 * MS);
    pair.run(2 * SECOND);
    assert.equal(pair.b.link.endpoint, "192.0.2.1:1000");
    pair.b.address = MOVED;
    pair.run(5 * SECOND);
    assert.equal(pair.a.link.endpoint, "192.0.2.2:1000");
    assert.equal(
      pair.a.sent.filter((seen) => seen.to === MOVED && (seen.probe.flags & PROBE_IS_REPLY) === 0).length,
      0,
    );
    pair.b.address = "192.0.2.2:1000";
    pair.a.address = "198.51.100.8:1";
    pair.run(3 * SECOND);
    assert.equal(pair.b.link.endpoint, "198.51.100.8:1");
  });

  it("switches to a proven candidate at once when the endpoint dies", () => {
    const pair = running(2);
    keepBusy(pair, 50 * MS);
    pair.run(SECOND);
    pair.a.address = MOVED;
    pair.run(2 * SECOND);
    pair.a.address = "192.0.2.1:1000";
    pair.run(2 * SECOND);
    assert.equal(pair.b.link.endpoint, "192.0.2.1:1000");
    // From now on A is silent by itself and reachable at its other address only.
    pair.a.address = MOVED;
    const cutUs = pair.nowUs;
    pair.run(SECOND);
    assert.equal(pair.b.link.endpoint, MOVED);
    assert.ok((pair.b.endpoints.at(-1)?.atUs ?? Infinity) - cutUs < SECOND);
  });

  it("does not make the peer move by testing addresses from another of its own", () => {
    const pair = running();
    const template = pair.a.sent.at(-1)?.probe;
    assert.ok(template);
    const before = pair.b.endpoints.length;
    for (let i = 0; i < 20; i++) {
      const bytes = new Uint8Array(PROBE_BYTES);
      const flags = PROBE_SIDE_PATH | PROBE_REPLY_WANTED;
      encodeProbe({ ...template, flags, nonce: BigInt(i + 1), echoedNonce: 0n }, bytes);
      pair.tell(pair.b, { type: "probe", from: MOVED, bytes, arrivalUs: pair.nowUs });
      pair.run(200 * MS);
    }
    assert.equal(pair.b.endpoints.length, before);
    const toMoved = pair.b.sent.filter((seen) => seen.to === MOVED);
    assert.equal(toMoved.filter((seen) => (seen.probe.flags & PROBE_IS_REPLY) !== 0).length, 20);
    // It even proves the address, which then stands by; traffic from there moves the endpoint at once.
    const nonce = toMoved.findLast((seen) => seen.probe.nonce !== 0n)?.probe.nonce;
    assert.ok(nonce);
    const echo = new Uint8Array(PROBE_BYTES);
    const flags = PROBE_SIDE_PATH | PROBE_IS_REPLY;
    encodeProbe({ ...template, flags, nonce: 0n, echoedNonce: nonce }, echo);
    pair.tell(pair.b, { type: "probe", from: MOVED, bytes: echo, arrivalUs: pair.nowUs });
    assert.equal(pair.b.endpoints.length, before);
    assert.ok(pair.b.link.snapshot(0).candidates.some((known) => known.address === MOVED && known.proven));
    pair.tell(pair.b, { type: "authentic", from: MOVED });
    assert.equal(pair.b.link.endpoint, MOVED);
  });
});

describe("link: told endpoints", () => {
  it("takes `set` at once, but a repeated lookup does not undo roaming that works", () => {
    const pair = running();
    keepBusy(pair, 100 * MS);
    pair.b.address = MOVED;
    pair.run(2 * SECOND);
    assert.equal(pair.a.link.endpoint, MOVED);
    pair.tell(pair.a, { type: "endpoint", address: "192.0.2.2:1000", source: "configured" });
    assert.equal(pair.a.link.endpoint, MOVED);
    pair.tell(pair.a, { type: "endpoint", address: "192.0.2.2:1000", source: "set" });
    assert.equal(pair.a.link.endpoint, "192.0.2.2:1000");
  });

  it("refuses addresses that cannot be a peer", () => {
    const random = seeded(1);
    const refused = (address: string): boolean => address === "10.9.9.9:1";
    const link = makeLink(1, 2, 7, { refused });
    link.handle(0, { type: "session", up: true }, random);
    for (const address of [
      "224.0.0.1:1",
      "255.255.255.255:1",
      "0.0.0.0:1",
      "192.0.2.1:0",
      "[ff02::1]:1",
      "[::]:1",
      "10.9.9.9:1",
      "rubbish",
    ]) {
      assert.deepEqual(link.handle(0, { type: "endpoint", address, source: "set" }, random), [], address);
      assert.deepEqual(link.handle(0, { type: "authentic", from: address }, random), [], address);
    }
    for (const from of ["127.0.0.1:5", "[::1]:5"]) {
      assert.deepEqual(link.handle(0, { type: "authentic", from }, random), [], from);
    }
    assert.equal(link.snapshot(0).candidates.length, 0);
    const told = link.handle(0, { type: "endpoint", address: "127.0.0.1:5", source: "configured" }, random);
    assert.equal(told[0]?.type, "endpoint");
  });

  it("keeps at most eight candidates, and never loses what was told to what was seen", () => {
    const pair = running();
    for (let i = 0; i < 100; i++) {
      pair.tell(pair.a, { type: "authentic", from: `203.0.113.${i + 1}:7` });
      pair.run(20 * MS);
    }
    const { candidates, endpoint } = pair.a.link.snapshot(pair.nowUs);
    assert.equal(candidates.length, 8);
    assert.ok(candidates.some((candidate) => candidate.address === endpoint));
  });

  it("keeps to 50 probes a second to unproven addresses, over all links together", () => {
    const budget = new UnprovenBudget();
    const random = seeded(5);
    const links = Array.from({ length: 100 }, (_, i) => makeLink(1, i + 2, i, { budget }));
    const times: number[] = [];
    const note = (now: number, count: number): void => {
      for (let i = 0; i < count; i++) times.push(now);
    };
    links.forEach((link, i) => {
      link.handle(0, { type: "endpoint", address: `192.0.2.${i + 1}:9`, source: "configured" }, random);
      const actions = link.handle(0, { type: "session", up: true }, random);
      note(0, actions.filter((action) => action.type === "probe").length);
    });
    for (let now = 10 * MS; now < 10 * SECOND; now += 10 * MS) {
      for (const link of links) {
        if (link.nextDeadline() > now) continue;
        note(
          now,
          link.handle(now, { type: "tick" }, random).filter((action) => action.type === "probe").length,
        );
      }
    }
    assert.ok(times.length > 100);
    times.forEach((start, i) => {
      let count = 0;
      while ((times[i + count] ?? Infinity) < start + SECOND) count++;
      assert.ok(count <= 50, `${count} in the second from ${start}`);
    });
  });
});

describe("link: bad input", () => {
  it("survives any bytes as a probe, and a stale epoch changes nothing", () => {
    const pair = running();
    const epoch = pair.a.link.snapshot(pair.nowUs).remoteEpoch;
    const random = seeded(99);
    for (let i = 0; i < 500; i++) {
      const bytes = Uint8Array.from({ length: random() % 90 }, () => random());
      pair.tell(pair.a, { type: "probe", from: pair.b.address, bytes, arrivalUs: pair.nowUs });
    }
    pair.run(10 * SECOND);
    assert.equal(pair.a.link.endpoint, pair.b.address);
    assert.equal(pair.a.link.snapshot(pair.nowUs).remoteEpoch, epoch);
    assert.equal(pair.a.link.up, true);
  });
});
