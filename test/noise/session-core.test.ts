import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseInitiation, encodeInitiation } from "../../src/wire/handshake.ts";
import { mac1Key, stampMac1 } from "../../src/noise/cookie.ts";
import { SessionCore } from "../../src/noise/session-core.ts";
import { compareTimestamps } from "../../src/noise/timestamp.ts";
import { Pair, rough } from "./pair.ts";
import type { End, Network } from "./pair.ts";
import {
  LOW_ORDER_POINTS,
  NETWORK_TAG,
  ascii,
  keyPair,
  mac,
  prng,
  randomBytesFrom,
  seedBytes,
} from "./fixtures.ts";

/** A pair whose session was opened by `a` and is up. */
function connected(options: ConstructorParameters<typeof Pair>[0] = {}): Pair {
  const pair = new Pair(options);
  pair.a.open();
  pair.run(1000);
  assert.ok(pair.up);
  pair.b.open();
  return pair;
}

const drops = (end: End): Record<string, number> => Object.fromEntries(end.drops);

describe("a session", () => {
  it("is set up in one round trip and a half, by one initiation and one response", () => {
    const pair = new Pair({ delay: 20 });
    pair.a.open();
    const took = pair.run(1000, () => pair.up);
    assert.ok(took >= 60 && took < 70, `${took} ms`);
    assert.deepEqual(
      [pair.a.sent, pair.b.sent],
      [
        { 1: 1, 2: 0, 3: 0 },
        { 1: 0, 2: 1, 3: 0 },
      ],
    );
    assert.deepEqual([pair.a.established, pair.b.established], [1, 1]);
  });

  it("is not used by the responder before a record arrived on it", () => {
    const pair = new Pair();
    pair.network = (datagram) => (datagram[0] === 4 ? [] : [20]);
    pair.a.open();
    pair.run(900);
    assert.ok(pair.a.reaches);
    assert.equal(pair.b.using, undefined);
    assert.equal(pair.b.established, 0);
    assert.equal(pair.b.installed.size, 1);
  });

  it("gets AES-256-GCM if both have it, else ChaCha20-Poly1305, else nothing", () => {
    const negotiated = (a: number, b: number): number | undefined => {
      const pair = new Pair({ a: { aeadBits: a }, b: { aeadBits: b } });
      pair.a.open();
      pair.run(500);
      const aeads = [pair.a, pair.b].flatMap((end) => [...end.installed.values()].map((k) => k.aead));
      assert.ok(new Set(aeads).size <= 1);
      return aeads[0];
    };
    assert.equal(negotiated(3, 3), 1);
    assert.equal(negotiated(3, 2), 2);
    assert.equal(negotiated(2, 3), 2);
    assert.equal(negotiated(1, 3), 1);
    assert.equal(negotiated(1, 2), undefined);
  });

  it("is refused across networks, NodeIDs and AEADs, unanswered and counted", () => {
    const refusals: [ConstructorParameters<typeof Pair>[0], string][] = [
      [{ a: { networkTag: seedBytes("other").subarray(0, 8) } }, "wrong-network"],
      [{ b: { believedNodeId: 9 } }, "wrong-node"],
      [{ a: { aeadBits: 1 }, b: { aeadBits: 2 } }, "no-common-aead"],
    ];
    for (const [options, reason] of refusals) {
      const pair = new Pair(options);
      pair.a.open();
      pair.run(500);
      assert.deepEqual(Object.keys(drops(pair.b)), [reason]);
      assert.equal(pair.b.sent[2], 0);
      assert.equal(pair.b.installed.size, 0);
    }
  });

  it("is refused by the initiator if somebody with another NodeID answers", () => {
    const pair = new Pair({ a: { believedNodeId: 9 } });
    pair.a.open();
    pair.run(500);
    assert.ok((drops(pair.a)["wrong-node"] ?? 0) >= 1);
    assert.equal(pair.a.established, 0);
  });

  it("needs the same PSK on both sides; with a wrong one nothing is established or answered", () => {
    const right = connected({ a: { psk: seedBytes("psk") }, b: { psk: seedBytes("psk") } });
    assert.equal(right.a.established, 1);
    const keys: [Uint8Array | undefined, Uint8Array | undefined][] = [
      [seedBytes("one"), seedBytes("two")],
      [seedBytes("one"), undefined],
      [undefined, seedBytes("two")],
    ];
    for (const [one, two] of keys) {
      const pair = new Pair({ a: one ? { psk: one } : {}, b: two ? { psk: two } : {} });
      pair.a.open();
      pair.run(10_000);
      assert.deepEqual([pair.a.established, pair.b.established], [0, 0]);
      assert.deepEqual([pair.a.using, pair.b.using], [undefined, undefined]);
      assert.equal(pair.a.goodRecords + pair.b.goodRecords, 0);
      assert.equal(pair.b.installed.size, 1, "superseded keypairs do not pile up");
      // The responder cannot see the difference; the initiator does, and says nothing to the response.
      assert.equal(drops(pair.a)["decrypt-failed"], pair.b.sent[2]);
      assert.equal(pair.a.sent[2], 0);
      pair.a.handle({ type: "psk", psk: two, wallMs: pair.a.wallMs });
      pair.run(100);
      assert.ok(pair.up, "and works as soon as the PSK is corrected");
    }
  });

  it("is void at once when its PSK changes, keys not yet used included, and not when the PSK stays", () => {
    const pair = connected({ a: { psk: seedBytes("one") }, b: { psk: seedBytes("one") } });
    pair.network = () => [];
    pair.a.handle({ type: "psk", psk: seedBytes("one"), wallMs: pair.a.wallMs });
    assert.equal(pair.a.installed.size, 1);
    pair.a.handle({ type: "psk", psk: seedBytes("two"), wallMs: pair.a.wallMs });
    assert.deepEqual([pair.a.installed.size, pair.a.using], [0, undefined]);
    pair.a.handle({ type: "psk", psk: undefined, wallMs: pair.a.wallMs });
    assert.ok(pair.a.core.handshaking, "the new one is tried out");

    // A responder that has answered, and waits for the first record.
    const late = new Pair({ a: { psk: seedBytes("one") }, b: { psk: seedBytes("one") } });
    late.a.open();
    late.network = (datagram) => (datagram[0] === 1 ? [20] : []);
    late.run(100);
    assert.equal(late.b.installed.size, 1);
    late.b.handle({ type: "psk", psk: undefined, wallMs: late.b.wallMs });
    assert.equal(late.b.installed.size, 0);
    assert.ok(!late.b.core.handshaking, "nobody wanted a session here");
  });

  it("comes back when the other end has the new PSK too", () => {
    const pair = connected({ a: { psk: seedBytes("one") }, b: { psk: seedBytes("one") } });
    pair.a.handle({ type: "psk", psk: seedBytes("two"), wallMs: pair.a.wallMs });
    pair.run(5000);
    assert.ok(!pair.up);
    assert.equal(pair.a.using, undefined, "the old PSK is not accepted");
    pair.b.handle({ type: "psk", psk: seedBytes("two"), wallMs: pair.b.wallMs });
    pair.run(1000);
    assert.ok(pair.up);
  });

  it("does not send anything for a peer key of small order", () => {
    for (const point of LOW_ORDER_POINTS) {
      const indices = new Set<number>();
      const core = new SessionCore({
        localStaticPrivate: seedBytes("end a"),
        localStaticPublic: keyPair("end a").publicKey.bytes,
        remoteStaticPublic: point,
        psk: undefined,
        localNodeId: 1,
        remoteNodeId: 2,
        networkTag: NETWORK_TAG,
        aeadBits: 3,
        mac,
        allocateIndex: () => {
          indices.add(7);
          return 7;
        },
        releaseIndex: (index) => indices.delete(index),
      });
      const random = randomBytesFrom(prng(1));
      const actions = core.handle(0, { type: "open", wallMs: 0 }, random);
      assert.deepEqual(actions, [{ type: "drop", reason: "low-order-key" }]);
      assert.equal(indices.size, 0);
      assert.ok(core.nextDeadline() > 0, "and does not spin");
    }
  });

  it("does not answer an initiation with an ephemeral key of small order", () => {
    for (const point of LOW_ORDER_POINTS) {
      const pair = new Pair();
      pair.network = (datagram, from) => {
        const parsed = parseInitiation(datagram);
        if (parsed === undefined || from === pair.b) return [20];
        datagram.set(encodeInitiation({ ...parsed, ephemeral: point }));
        stampMac1(mac, mac1Key(pair.b.keys.publicKey.bytes), datagram);
        return [20];
      };
      pair.a.open();
      pair.run(500);
      assert.deepEqual(Object.keys(drops(pair.b)), ["low-order-key"]);
      assert.deepEqual(pair.b.sent, { 1: 0, 2: 0, 3: 0 });
    }
  });

  it("closes without a trace, and answers when it is asked again", () => {
    const pair = connected();
    pair.a.handle({ type: "close" });
    pair.b.handle({ type: "close" });
    for (const end of [pair.a, pair.b]) {
      assert.equal(end.installed.size + end.indices.size, 0);
      assert.equal(end.core.nextDeadline(), Infinity);
    }
    pair.a.open();
    pair.run(200);
    assert.ok(pair.up);
  });
});

describe("retransmission", () => {
  it("goes from 250 ms doubling to 5 s, 20 % more or less, with a fresh message each time", () => {
    const pair = new Pair();
    const at: number[] = [];
    const messages = new Set<string>();
    pair.network = (datagram, _from, now) => {
      at.push(now);
      messages.add(Buffer.from(datagram.subarray(8, 40)).toString("hex"));
      return [];
    };
    pair.a.open();
    pair.run(60_000);
    const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    const nominal = [250, 500, 1000, 2000, 4000, 5000, 5000, 5000];
    nominal.forEach((gap, i) => {
      const real = gaps[i] ?? 0;
      assert.ok(real >= 0.8 * gap && real <= 1.2 * gap, `gap ${i}: ${real}`);
    });
    assert.ok(gaps.length >= 13, "it never gives up");
    assert.equal(messages.size, at.length);
    assert.equal(pair.a.indices.size, 1);
  });

  it("repeats every half second, 20 % more or less, while frames wait, however long the peer was away", () => {
    const pair = new Pair();
    const at: number[] = [];
    pair.network = (_datagram, _from, now) => {
      at.push(now);
      return [];
    };
    pair.a.open();
    pair.run(30_000);
    const before = at.length;
    pair.a.open();
    assert.ok(at.length === before, "a wish is no reason to send at once");
    for (let i = 0; i < 100; i++) {
      pair.run(100);
      pair.a.open();
    }
    const gaps = at.slice(before).map((time, i) => time - (at[before + i - 1] ?? 0));
    // The pause under way when the first frame came may have been longer than half a second already.
    for (const gap of gaps.slice(1)) assert.ok(gap >= 400 && gap <= 700, `${gap} ms`);
    assert.ok(gaps.length >= 15, String(gaps.length));
    pair.run(20_000);
    const last = at.slice(-2);
    assert.ok((last[1] ?? 0) - (last[0] ?? 0) >= 4000, "nobody waits any more: seldom again");
  });

  it("begins anew, quickly, when there is reason to hope, and not without a call that is going on", () => {
    const pair = new Pair();
    const at: number[] = [];
    pair.network = (_datagram, _from, now) => {
      at.push(now);
      return [];
    };
    pair.a.handle({ type: "hope" });
    pair.run(1000);
    assert.equal(at.length, 0);
    pair.a.open();
    pair.run(200_000);
    const before = at.length;
    assert.ok((at[before - 1] ?? 0) - (at[before - 2] ?? 0) >= 16_000);
    pair.a.handle({ type: "hope" });
    pair.run(5000);
    assert.ok(at.length >= before + 4, `${at.length - before} attempts in five seconds`);
  });

  it("gets over lost responses: each repetition is answered", () => {
    const pair = new Pair();
    let lost = 0;
    pair.network = (datagram) => (datagram[0] === 2 && lost++ < 3 ? [] : [20]);
    pair.a.open();
    pair.run(5000, () => pair.up);
    assert.ok(pair.up);
    assert.equal(pair.b.sent[2], 4);
    assert.equal(pair.b.installed.size, 1);
  });

  it("works when the round trip takes longer than the first repetitions", () => {
    const pair = new Pair({ delay: 900 });
    pair.a.open();
    pair.run(20_000, () => pair.up);
    assert.ok(pair.up);
    assert.ok((drops(pair.a)["unknown-index"] ?? 0) > 0, "answers to earlier ones came too late");
  });

  it("stops when the peer's own handshake succeeded", () => {
    const pair = new Pair();
    pair.network = (datagram, from) => (from === pair.a && datagram[0] === 1 ? [] : [20]);
    pair.a.open();
    pair.b.open();
    pair.run(1000);
    assert.ok(pair.up);
    assert.ok(!pair.a.core.handshaking);
    assert.equal(pair.a.indices.size, pair.a.installed.size);
  });
});

describe("two ends that start at the same time", () => {
  it("end up with one keypair for both directions", () => {
    for (const delay of [1, 20, 100, 400]) {
      const pair = new Pair({ delay });
      pair.a.open();
      pair.b.open();
      pair.run(5000);
      assert.ok(pair.up, `delay ${delay}`);
      const mine = pair.a.installed.get(pair.a.using ?? -1);
      assert.equal(mine?.remoteIndex, pair.b.using, `delay ${delay}`);
    }
  });

  it("lose no record while both rekey at once", () => {
    const pair = new Pair({ timers: { rekeyJitter: 0, rekeyAfterAsResponder: 120_000 } });
    pair.a.open();
    pair.b.open();
    pair.run(1000);
    const before = pair.a.badRecords + pair.b.badRecords;
    pair.run(600_000);
    assert.ok(pair.up);
    assert.equal(pair.a.badRecords + pair.b.badRecords, before);
    assert.ok(pair.a.sent[1] >= 4 && pair.b.sent[1] >= 4, "they did rekey at once");
  });

  it("converge over networks that lose, repeat and reorder", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const pair = new Pair({ seed });
      pair.network = rough(pair, 0.3, 0.1, 5, 150);
      pair.a.open();
      pair.run(seed % 7);
      pair.b.open();
      pair.run(20_000, () => pair.up);
      assert.ok(pair.up, `seed ${seed}`);
      pair.network = () => [20];
      pair.run(4000);
      assert.ok(pair.up, `seed ${seed}, afterwards`);
      const bad = pair.a.badRecords + pair.b.badRecords;
      pair.run(3000);
      assert.equal(pair.a.badRecords + pair.b.badRecords, bad, `seed ${seed}, records`);
    }
  });
});

describe("rekeying", () => {
  it("is done by the initiator at 120 s, and loses no record", () => {
    const pair = connected();
    pair.run(115_000);
    assert.deepEqual([pair.a.sent[1], pair.b.sent[1]], [1, 0]);
    pair.run(10_000);
    assert.deepEqual([pair.a.sent[1], pair.b.sent[1]], [2, 0]);
    pair.run(590_000);
    assert.deepEqual([pair.a.sent[1], pair.b.sent[1]], [6, 0]);
    assert.deepEqual([pair.a.badRecords, pair.b.badRecords], [0, 0]);
    assert.ok(pair.a.goodRecords > 7000);
  });

  it("is done by the responder at 165 s if the initiator does not", () => {
    const pair = connected({ timers: { rekeyJitter: 0 } });
    pair.network = (datagram, from) => (from === pair.a && datagram[0] === 1 ? [] : [20]);
    pair.run(163_500);
    assert.equal(pair.b.sent[1], 0);
    pair.run(2000);
    assert.ok(pair.b.sent[1] >= 1);
    assert.ok(pair.up);
    assert.deepEqual([pair.a.badRecords, pair.b.badRecords], [0, 0]);
  });

  it("keeps the old keypair working while handshakes are lost, until it is 180 s old", () => {
    const pair = connected({ timers: { rekeyJitter: 0 } });
    pair.network = (datagram) => (datagram[0] === 4 ? [20] : []);
    pair.run(178_000);
    assert.ok(pair.up);
    pair.run(3000);
    assert.ok(!pair.up);
    assert.deepEqual([pair.a.installed.size, pair.b.installed.size], [0, 0]);
    pair.network = () => [20];
    pair.run(7000, () => pair.up);
    assert.ok(pair.up);
  });

  it("comes through heavy loss with sessions that live seconds only, without leaving anything behind", () => {
    const timers = { rekeyAfter: 2000, rekeyAfterAsResponder: 2750, rejectAfter: 3000, rekeyJitter: 50 };
    for (let seed = 1; seed <= 10; seed++) {
      const pair = connected({ seed, timers });
      pair.network = rough(pair, 0.2, 0.1, 10, 80);
      pair.run(60_000);
      pair.network = () => [20];
      pair.run(4000);
      assert.ok(pair.up, `seed ${seed}`);
      assert.ok(pair.a.established + pair.b.established > 30);
      const all = pair.a.goodRecords + pair.b.goodRecords + pair.a.badRecords + pair.b.badRecords;
      assert.ok((pair.a.badRecords + pair.b.badRecords) / all < 0.02, `seed ${seed}`);
    }
  });

  it("is due after 2^27 records with AES-256-GCM, and the keypair is dropped at 2^28", () => {
    const pair = connected();
    pair.a.sentRecords = 2 ** 27 - 1;
    pair.a.report();
    assert.equal(pair.a.sent[1], 1);
    pair.a.sentRecords = 2 ** 27;
    pair.a.report();
    assert.equal(pair.a.sent[1], 2);
    pair.a.sentRecords = 0;
    pair.run(1000);
    pair.network = () => [];
    pair.a.sentRecords = 2 ** 28;
    pair.a.report();
    assert.equal(pair.a.using, undefined);
    assert.ok(pair.a.core.handshaking);
  });

  it("knows no such limit with ChaCha20-Poly1305, nor for a report about another keypair", () => {
    const chacha = connected({ a: { aeadBits: 2 } });
    chacha.a.sentRecords = 2 ** 29;
    chacha.a.report();
    assert.equal(chacha.a.sent[1], 1);
    const pair = connected();
    const stale = { lastHeard: pair.now, unansweredSince: 0, sentRecords: 2 ** 28, localIndex: -1 };
    pair.a.handle({ type: "activity", wallMs: pair.a.wallMs, ...stale });
    assert.ok(pair.a.using !== undefined && !pair.a.core.handshaking);
  });
});

describe("recovery", () => {
  it("takes less than 2 s after a restart of either end, whoever may start handshakes", () => {
    for (let seed = 1; seed <= 20; seed++) {
      for (const restarted of ["a", "b"] as const) {
        for (const opens of [true, false]) {
          const pair = connected({ seed });
          pair.run(5000 + 13 * seed);
          const end = pair[restarted];
          end.restart(end.timestamps.last);
          if (opens) end.open();
          const took = pair.run(2000, () => pair.up);
          assert.ok(pair.up, `seed ${seed}: ${restarted} restarted, opens ${String(opens)}: ${took} ms`);
        }
      }
    }
  });

  it("takes less than 2 s if the restarted end's clock was set back a year, with its last timestamp kept", () => {
    const pair = connected();
    pair.a.wallOffset -= 365 * 86_400_000;
    pair.a.restart(pair.a.timestamps.last);
    pair.a.open();
    pair.run(2000, () => pair.up);
    assert.ok(pair.up);
    assert.equal(drops(pair.b)["replayed-initiation"], undefined);
  });

  it("takes less than 2 s even if the timestamp was lost too, because the survivor starts by itself", () => {
    const pair = connected();
    pair.a.wallOffset -= 365 * 86_400_000;
    pair.a.restart();
    pair.a.open();
    pair.run(2000, () => pair.up);
    assert.ok(pair.up);
    assert.ok((drops(pair.b)["replayed-initiation"] ?? 0) >= 1);
  });

  it("survives a clock set back in mid-run", () => {
    const pair = connected();
    pair.a.wallOffset -= 1e10;
    pair.b.wallOffset -= 1e10;
    pair.run(400_000);
    assert.ok(pair.up);
    assert.deepEqual([pair.a.badRecords, pair.b.badRecords], [0, 0]);
  });

  it("starts a handshake after 1 s without an answer, not before, and not while all is well", () => {
    const pair = connected();
    pair.run(20_000);
    assert.equal(pair.a.sent[1] + pair.b.sent[1], 1);
    pair.network = () => [];
    pair.run(900);
    assert.equal(pair.a.sent[1] + pair.b.sent[1], 1);
    pair.run(700);
    assert.ok(pair.a.sent[1] >= 2 && pair.b.sent[1] >= 1);
  });

  it("calls a silent peer every half second while there are frames for it, and seldom when there are none", () => {
    for (const busy of [true, false]) {
      const pair = connected();
      const at: number[] = [];
      pair.network = (datagram, from, now) => {
        if (from === pair.a && datagram[0] === 1) at.push(now);
        return [];
      };
      for (let i = 0; i < 150; i++) {
        pair.run(100);
        const { lastHeard, unansweredSince, sentRecords } = pair.a;
        const lastFrame = busy ? pair.now - 50 : 0;
        const report = { wallMs: pair.a.wallMs, lastHeard, unansweredSince, sentRecords, lastFrame };
        pair.a.handle({ type: "activity", ...report });
      }
      const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
      if (busy) assert.ok(Math.max(...gaps) <= 700, `${Math.max(...gaps)} ms`);
      else assert.ok(Math.max(...gaps) >= 3000, `${Math.max(...gaps)} ms`);
    }
  });

  it("gives a new keypair its own second, whatever went unanswered on the one before", () => {
    const pair = connected();
    const stale = { lastHeard: 0, unansweredSince: pair.now - 5000, sentRecords: 0 };
    pair.a.handle({ type: "activity", wallMs: pair.a.wallMs, ...stale });
    assert.ok(!pair.a.core.handshaking);
    pair.run(1000);
    pair.a.handle({ type: "activity", wallMs: pair.a.wallMs, ...stale });
    assert.ok(pair.a.core.handshaking);
  });

  it("leaves a session alone whose path was cut for a while", () => {
    const pair = connected();
    pair.network = () => [];
    pair.run(30_000);
    pair.network = () => [20];
    pair.run(150);
    assert.ok(pair.up, "the old keypairs work at once");
    pair.run(10_000);
    assert.ok(pair.up);
    assert.ok(!pair.a.core.handshaking && !pair.b.core.handshaking);
  });
});

describe("replays and forgeries", () => {
  it("a replayed initiation is dropped, also after its session was closed", () => {
    const pair = new Pair();
    const seen: Uint8Array[] = [];
    const record: Network = (datagram, from) => {
      if (from === pair.a && datagram[0] === 1) seen.push(datagram.slice());
      return [20];
    };
    pair.network = record;
    pair.a.open();
    pair.run(1000);
    const before = pair.b.sent[2];
    pair.b.receive(seen[0] ?? assert.fail());
    pair.b.handle({ type: "close" });
    pair.b.receive(seen[0] ?? assert.fail());
    assert.equal(pair.b.sent[2], before);
    assert.equal(drops(pair.b)["replayed-initiation"], 2);
  });

  it("a replayed initiation is dropped after a restart, if the accepted timestamp was kept", () => {
    const pair = new Pair();
    let seen: Uint8Array | undefined;
    pair.network = (datagram, from) => {
      if (from === pair.a && datagram[0] === 1) seen = datagram.slice();
      return [20];
    };
    pair.a.open();
    pair.run(1000);
    const kept = pair.b.core.lastAcceptedTimestamp ?? assert.fail();
    pair.network = () => [];
    pair.b.restart();
    pair.b.core.lastAcceptedTimestamp = kept;
    pair.b.receive(seen ?? assert.fail());
    assert.deepEqual(drops(pair.b), { "replayed-initiation": 1 });
    assert.equal(compareTimestamps(pair.b.core.lastAcceptedTimestamp, kept), 0);
  });

  it("a replayed response changes nothing", () => {
    const pair = new Pair();
    pair.network = (datagram) => (datagram[0] === 2 ? [20, 25, 500] : [20]);
    pair.a.open();
    pair.run(1000);
    assert.ok(pair.up);
    assert.equal(drops(pair.a)["unknown-index"], 2);
    assert.equal(pair.a.installed.size, 1);
  });

  it("a response damaged on the way does not spoil the real one", () => {
    const pair = new Pair();
    pair.network = (datagram) => {
      if (datagram[0] !== 2) return [20];
      const forged = datagram.slice();
      forged[70] = (forged[70] ?? 0) ^ 1;
      stampMac1(mac, mac1Key(pair.a.keys.publicKey.bytes), forged);
      pair.a.receive(forged);
      return [20];
    };
    pair.a.open();
    pair.run(200);
    assert.deepEqual(drops(pair.a), { "decrypt-failed": 1 });
    assert.ok(pair.up);
  });

  it("answers one initiation in 20 ms, however many a peer sends", () => {
    const pair = new Pair();
    pair.a.open();
    for (let i = 0; i < 100; i++) {
      pair.a.handle({ type: "psk", psk: undefined, wallMs: pair.a.wallMs });
      pair.run(1);
    }
    pair.run(100);
    assert.ok(pair.b.sent[2] <= 6, String(pair.b.sent[2]));
    assert.ok((drops(pair.b)["initiation-flood"] ?? 0) >= 90);
    pair.run(1000);
    assert.ok(pair.up);
  });

  it("random datagrams of every type are dropped without an answer", () => {
    const pair = connected();
    const random = randomBytesFrom(prng(99));
    const sent = { ...pair.b.sent };
    for (let i = 0; i < 2000; i++) {
      const datagram = random(random(1)[0] ?? 0);
      if (datagram.length < 4) continue;
      datagram.set([1 + (i % 3), 1, 0, 0]);
      pair.b.receive(datagram);
      if (i % 3 === 1) pair.b.handle({ type: "response", datagram });
    }
    assert.deepEqual(pair.b.sent, sent);
    pair.run(1000);
    assert.ok(pair.up);
  });
});

describe("a node under load", () => {
  it("wants a cookie first, and gets it within a second", () => {
    const pair = new Pair();
    pair.b.underLoad = true;
    pair.a.open();
    const took = pair.run(2000, () => pair.up);
    assert.ok(pair.up && took < 1000, `${took} ms`);
    assert.equal(pair.b.sent[3], 1);
    assert.equal(pair.b.sent[2], 1);
  });

  it("is reached soon after its cookie, also by a peer that had been trying for long", () => {
    const pair = new Pair();
    pair.b.underLoad = true;
    pair.network = () => [];
    pair.a.open();
    pair.run(30_000);
    pair.network = () => [20];
    pair.run(10_000, () => pair.b.sent[3] > 0);
    const took = pair.run(10_000, () => pair.up);
    assert.ok(took < 500, `${took} ms`);
  });

  it("may be both, and may be the one that asks", () => {
    const pair = new Pair();
    pair.a.underLoad = true;
    pair.b.underLoad = true;
    pair.a.open();
    pair.b.open();
    pair.run(5000, () => pair.up);
    assert.ok(pair.up);
  });

  it("does not make its peer send faster than the first repetition, whatever cookies arrive", () => {
    const pair = new Pair();
    pair.b.underLoad = true;
    pair.network = (datagram, from) => {
      if (from === pair.a) return [1];
      return datagram[0] === 3 ? [1] : [];
    };
    pair.a.open();
    pair.run(10_000);
    assert.ok(pair.a.sent[1] <= 55, String(pair.a.sent[1]));
    assert.ok(pair.b.sent[3] * 64 < pair.a.sent[1] * 192);
  });

  it("ignores a cookie nobody asked for", () => {
    const pair = connected();
    pair.a.handle({ type: "cookie", datagram: ascii("no cookie") });
    assert.equal(drops(pair.a)["bad-cookie"], 1);
  });
});
