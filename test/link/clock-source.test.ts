import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { MeshClock } from "../../src/link/mesh-clock.ts";
import { encodeProbe, PROBE_BYTES, PROBE_REPLY_WANTED } from "../../src/wire/probe.ts";
import { LinkPair, MS, SECOND } from "./link-pair.ts";

/** A is the edge, B its clock parent. */
function parented(seed = 1, there = 30 * MS, back = 10 * MS): LinkPair {
  const pair = new LinkPair(seed, there, { clockParent: true }, {});
  pair.b.delayUs = back;
  pair.b.offsetUs = 7e11;
  return pair;
}

describe("link with the clock parent", () => {
  it("makes five exchanges within a second of the first answer, then one a second", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = parented(seed);
      pair.start();
      pair.run(SECOND);
      assert.ok(pair.a.exchanges.length >= 5, `seed ${seed}: ${pair.a.exchanges.length}`);
      assert.deepEqual(pair.b.exchanges, []);
      pair.run(5 * SECOND);
      const before = pair.a.exchanges.length;
      const probes = pair.a.sent.length;
      pair.run(60 * SECOND);
      assert.ok(pair.a.exchanges.length - before >= 50);
      assert.ok(pair.a.sent.length - probes <= 90, `${pair.a.sent.length - probes} probes in a minute`);
    }
  });

  it("reports stamps that give the parent's offset to within half the asymmetry", () => {
    const pair = parented();
    pair.a.offsetUs = -3e10;
    pair.start();
    pair.run(20 * SECOND);
    for (const e of pair.a.exchanges) {
      const offsetUs = (e.remoteArrivalUs - e.departureUs + e.remoteDepartureUs - e.arrivalUs) / 2;
      assert.ok(Math.abs(offsetUs - 7.3e11 - 10 * MS) <= 1);
      const waysUs = e.arrivalUs - e.departureUs - (e.remoteDepartureUs - e.remoteArrivalUs);
      assert.ok(Math.abs(waysUs - 40 * MS) <= 1);
    }
  });

  it("is asked at least once a second even where many neighbours share the probes", () => {
    const pair = parented(2);
    pair.start();
    pair.a.link.idleIntervalUs = pair.b.link.idleIntervalUs = 5 * SECOND;
    pair.run(10 * SECOND);
    const before = pair.a.exchanges.length;
    const fromParent = pair.b.sent.length;
    pair.run(60 * SECOND);
    assert.ok(pair.a.exchanges.length - before >= 50);
    assert.ok(pair.b.sent.length - fromParent <= 90);
    assert.equal(pair.a.states.length, 1);
  });

  it("mixes no epochs: neither clock's old stamps appear in an exchange after it began anew", () => {
    const pair = parented(3);
    pair.start();
    pair.run(5 * SECOND);
    pair.a.offsetUs += 1e12;
    pair.tell(pair.a, { type: "epoch", epoch: 0xaaaa });
    pair.run(3 * SECOND);
    pair.b.offsetUs -= 4e12;
    pair.tell(pair.b, { type: "epoch", epoch: 0xbbbb });
    pair.run(3 * SECOND);
    assert.ok(pair.a.exchanges.some((e) => e.remoteEpoch === 0xbbbb));
    for (const e of pair.a.exchanges) {
      const waysUs = e.arrivalUs - e.departureUs - (e.remoteDepartureUs - e.remoteArrivalUs);
      assert.ok(Math.abs(waysUs - 40 * MS) <= 1, `${waysUs}`);
    }
  });

  it("reports an exchange last, after the probes that are to be stamped before a new epoch", () => {
    const pair = parented(5);
    pair.start();
    pair.run(3 * SECOND);
    const template = pair.b.sent.at(-1)?.probe;
    assert.ok(template);
    const bytes = new Uint8Array(PROBE_BYTES);
    const sequence = template.sequence + 10;
    encodeProbe({ ...template, sequence, flags: PROBE_REPLY_WANTED, nonce: 9n, echoedNonce: 0n }, bytes);
    const told = { type: "probe" as const, from: pair.b.address, bytes, arrivalUs: pair.nowUs };
    const types = pair.tell(pair.a, told).map((action) => action.type);
    assert.ok(types.includes("probe"));
    assert.equal(types.indexOf("exchange"), types.length - 1);
  });

  it("sets a mesh clock about a second after the start", () => {
    const pair = parented(4);
    const clock = new MeshClock({ epoch: 1, hasParent: true });
    pair.start();
    let setUs: number | undefined;
    let done = 0;
    while (setUs === undefined && pair.nowUs < 3 * SECOND) {
      pair.run(10 * MS);
      for (const e of pair.a.exchanges.slice(done)) {
        if (clock.exchange(pair.nowUs, e) === "offset") setUs ??= pair.nowUs;
      }
      done = pair.a.exchanges.length;
    }
    assert.ok(setUs !== undefined && setUs < SECOND, `${setUs}`);
    clock.beginEpoch(pair.nowUs, 2);
    assert.ok(Math.abs(clock.read(pair.nowUs) - pair.nowUs - 7e11) < 11 * MS);
  });
});
