import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  decodeProbe,
  encodeProbe,
  PROBE_BYTES,
  PROBE_DATAGRAMS_OFFSET,
  PROBE_SENT_OFFSET,
  readProbeSent,
  stampProbeSent,
} from "../../src/wire/probe.ts";
import type { Probe } from "../../src/wire/probe.ts";

const uint32 = fc.nat({ max: 0xffffffff });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anyProbe: fc.Arbitrary<Probe> = fc.record(
  {
    flags: fc.nat({ max: 255 }),
    sequence: uint32,
    epoch: uint32,
    sentUs: fc.maxSafeInteger(),
    nonce: uint64,
    echoedNonce: uint64,
    heardSequence: uint32,
    heardArrivalUs: fc.maxSafeInteger(),
    heardEpoch: uint32,
    datagramsSent: uint32,
    lossBitmap: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  },
  { noNullPrototype: true },
);

describe("probe codec", () => {
  it("gives back what was put in, at any offset, with anything behind it", () => {
    fc.assert(
      fc.property(anyProbe, fc.nat({ max: 40 }), fc.nat({ max: 40 }), (probe, offset, trailing) => {
        const bytes = new Uint8Array(offset + PROBE_BYTES + trailing).fill(0xee);
        assert.equal(encodeProbe(probe, bytes, offset), PROBE_BYTES);
        assert.deepEqual(decodeProbe(bytes, offset), probe);
        assert.ok(bytes.subarray(0, offset).every((byte) => byte === 0xee));
        assert.ok(bytes.subarray(offset + PROBE_BYTES).every((byte) => byte === 0xee));
      }),
    );
  });

  it("has every field where the diagram says, big endian", () => {
    const bytes = new Uint8Array(PROBE_BYTES);
    const lossBitmap = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i);
    encodeProbe(
      {
        flags: 1,
        sequence: 0x02030405,
        epoch: 0x06070809,
        sentUs: -2,
        nonce: 0x1112131415161718n,
        echoedNonce: 0x2122232425262728n,
        heardSequence: 0x31323334,
        heardArrivalUs: 0x41424344454,
        heardEpoch: 0x51525354,
        datagramsSent: 0x61626364,
        lossBitmap,
      },
      bytes,
    );
    const hex = Buffer.from(bytes).toString("hex");
    assert.equal(
      hex,
      "01" +
        "02030405" +
        "06070809" +
        "fffffffffffffffe" +
        "1112131415161718" +
        "2122232425262728" +
        "31323334" +
        "0000041424344454" +
        "51525354" +
        "61626364" +
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
    );
    assert.equal(hex.slice(2 * PROBE_SENT_OFFSET).startsWith("fffffffffffffffe"), true);
    assert.equal(hex.slice(2 * PROBE_DATAGRAMS_OFFSET).startsWith("61626364"), true);
  });

  it("is stamped in place", () => {
    fc.assert(
      fc.property(anyProbe, fc.maxSafeInteger(), (probe, sentUs) => {
        const bytes = new Uint8Array(PROBE_BYTES + 3);
        encodeProbe(probe, bytes, 3);
        stampProbeSent(bytes, 3, sentUs);
        assert.equal(readProbeSent(bytes, 3), sentUs);
        assert.deepEqual(decodeProbe(bytes, 3), { ...probe, sentUs });
      }),
    );
  });

  it("refuses what is too short and times that a double cannot hold; takes any other bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const probe = decodeProbe(bytes);
        if (bytes.length < PROBE_BYTES) assert.equal(probe, undefined);
        if (probe)
          assert.ok(Number.isSafeInteger(probe.sentUs) && Number.isSafeInteger(probe.heardArrivalUs));
      }),
    );
    const bytes = new Uint8Array(PROBE_BYTES);
    assert.ok(decodeProbe(bytes));
    assert.equal(decodeProbe(bytes, 1), undefined);
    assert.equal(decodeProbe(bytes, -1), undefined);
    bytes[PROBE_SENT_OFFSET] = 0x7f;
    assert.equal(decodeProbe(bytes), undefined);
    assert.equal(encodeProbe({ ...emptyProbe }, new Uint8Array(PROBE_BYTES - 1)), 0);
  });
});

const emptyProbe: Probe = {
  flags: 0,
  sequence: 0,
  epoch: 0,
  sentUs: 0,
  nonce: 0n,
  echoedNonce: 0n,
  heardSequence: 0,
  heardArrivalUs: 0,
  heardEpoch: 0,
  datagramsSent: 0,
  lossBitmap: new Uint8Array(16),
};
