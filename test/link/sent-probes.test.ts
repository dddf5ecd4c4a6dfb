import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SentProbes } from "../../src/link/sent-probes.ts";
import { PROBE_BYTES, stampProbeSent } from "../../src/wire/probe.ts";

const HERE = "192.0.2.1:9";
const THERE = "192.0.2.2:9";

function filled(count: number, to = HERE): SentProbes {
  const sent = new SentProbes(5000);
  for (let i = 1; i <= count; i++) sent.add(BigInt(i), i, to, i * 10, new Uint8Array(PROBE_BYTES));
  return sent;
}

describe("probes sent", () => {
  it("are recognised by their nonces once, while these are fresh, and none by nonce zero", () => {
    const sent = filled(3);
    sent.add(0n, 4, HERE, 40, new Uint8Array(PROBE_BYTES));
    assert.equal(sent.takeEchoed(2n, 5020)?.decidedUs, 20);
    assert.equal(sent.takeEchoed(2n, 5020), undefined);
    assert.equal(sent.takeEchoed(1n, 5011), undefined);
    assert.equal(sent.takeEchoed(0n, 50), undefined);
    assert.equal(sent.takeEchoed(9n, 50), undefined);
  });

  it("departed when the sender stamped, which may be after they were added", () => {
    const sent = new SentProbes(5000);
    const payload = new Uint8Array(PROBE_BYTES);
    sent.add(7n, 1, HERE, 100, payload);
    stampProbeSent(payload, 0, 123_456);
    sent.settle();
    payload.fill(0);
    assert.equal(sent.bySequence(1)?.departureUs, 123_456);
    assert.equal(sent.takeEchoed(7n, 100)?.departureUs, 123_456);
  });

  it("are known by the last 128 sequence numbers; those beside the active path have none", () => {
    const sent = filled(500);
    sent.add(1000n, 0, THERE, 9000, new Uint8Array(PROBE_BYTES));
    assert.equal(sent.bySequence(500)?.decidedUs, 5000);
    assert.equal(sent.bySequence(373)?.decidedUs, 3730);
    assert.equal(sent.bySequence(372), undefined);
    assert.equal(sent.bySequence(0), undefined);
    assert.equal(sent.bySequence(501), undefined);
    assert.equal(sent.takeEchoed(1000n, 9000)?.to, THERE);
  });

  it("are looked for behind a sequence number, by address and time", () => {
    const sent = filled(10);
    sent.add(0n, 11, THERE, 110, new Uint8Array(PROBE_BYTES));
    assert.equal(sent.firstAfter(4, 11, HERE, -Infinity)?.decidedUs, 50);
    assert.equal(sent.firstAfter(4, 11, HERE, 75)?.decidedUs, 80);
    assert.equal(sent.firstAfter(4, 11, THERE, -Infinity)?.decidedUs, 110);
    assert.equal(sent.firstAfter(11, 11, HERE, -Infinity), undefined);
  });

  it("are forgotten when a new clock epoch begins, the latest ones too", () => {
    const sent = filled(3);
    sent.clear();
    sent.settle();
    assert.equal(sent.bySequence(3), undefined);
    assert.equal(sent.takeEchoed(3n, 30), undefined);
  });

  it("give way to newer ones without being mistaken for them", () => {
    const sent = filled(5);
    for (let i = 0; i < 192; i++) sent.add(BigInt(5000 + i), 0, THERE, 100, new Uint8Array(PROBE_BYTES));
    assert.equal(sent.bySequence(5), undefined);
    assert.equal(sent.takeEchoed(5n, 100), undefined);
    assert.equal(sent.takeEchoed(5000n, 100)?.to, THERE);
  });
});
