import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  decodePathProbe,
  encodePathProbe,
  PATH_BACKUP,
  PATH_PROBE_BYTES,
  PATH_PROBE_IS_REPLY,
  PATH_PROBE_SENT_OFFSET,
  readPathProbeSent,
  stampPathProbeSent,
} from "../../src/wire/path-probe.ts";
import type { PathProbe } from "../../src/wire/path-probe.ts";

const uint32 = fc.nat({ max: 0xffffffff });
const anyProbe: fc.Arbitrary<PathProbe> = fc.record(
  {
    flags: fc.nat({ max: 255 }),
    path: fc.nat({ max: 255 }),
    sequence: uint32,
    nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    sentUs: fc.maxSafeInteger(),
    epoch: uint32,
    arrivalUs: fc.maxSafeInteger(),
    farEpoch: uint32,
  },
  { noNullPrototype: true },
);

describe("path probe codec", () => {
  it("gives back what was put in, at any offset, with anything behind it", () => {
    fc.assert(
      fc.property(anyProbe, fc.nat({ max: 40 }), fc.nat({ max: 40 }), (probe, offset, trailing) => {
        const bytes = new Uint8Array(offset + PATH_PROBE_BYTES + trailing).fill(0xee);
        assert.equal(encodePathProbe(probe, bytes, offset), PATH_PROBE_BYTES);
        assert.deepEqual(decodePathProbe(bytes, offset), probe);
        assert.ok(bytes.subarray(0, offset).every((byte) => byte === 0xee));
        assert.ok(bytes.subarray(offset + PATH_PROBE_BYTES).every((byte) => byte === 0xee));
      }),
    );
  });

  it("has every field where the diagram says, big endian", () => {
    const bytes = new Uint8Array(PATH_PROBE_BYTES);
    encodePathProbe(
      {
        flags: PATH_PROBE_IS_REPLY,
        path: PATH_BACKUP,
        sequence: 0x02030405,
        nonce: 0x1112131415161718n,
        sentUs: -2,
        epoch: 0x21222324,
        arrivalUs: 0x41424344454,
        farEpoch: 0x51525354,
      },
      bytes,
    );
    assert.equal(
      Buffer.from(bytes).toString("hex"),
      "01" +
        "01" +
        "02030405" +
        "1112131415161718" +
        "fffffffffffffffe" +
        "21222324" +
        "0000041424344454" +
        "51525354",
    );
  });

  it("is stamped in place", () => {
    fc.assert(
      fc.property(anyProbe, fc.maxSafeInteger(), (probe, sentUs) => {
        const bytes = new Uint8Array(PATH_PROBE_BYTES + 3);
        encodePathProbe(probe, bytes, 3);
        stampPathProbeSent(bytes, 3, sentUs);
        assert.equal(readPathProbeSent(bytes, 3), sentUs);
        assert.deepEqual(decodePathProbe(bytes, 3), { ...probe, sentUs });
      }),
    );
  });

  it("refuses what is too short and times that a double cannot hold; takes any other bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const probe = decodePathProbe(bytes);
        if (bytes.length < PATH_PROBE_BYTES) assert.equal(probe, undefined);
        if (probe) assert.ok(Number.isSafeInteger(probe.sentUs) && Number.isSafeInteger(probe.arrivalUs));
      }),
    );
    const bytes = new Uint8Array(PATH_PROBE_BYTES);
    const empty = decodePathProbe(bytes);
    assert.ok(empty);
    assert.equal(decodePathProbe(bytes, 1), undefined);
    assert.equal(decodePathProbe(bytes, -1), undefined);
    assert.equal(encodePathProbe(empty, bytes, 1), 0);
    assert.equal(encodePathProbe(empty, bytes, -1), 0);
    bytes[PATH_PROBE_SENT_OFFSET] = 0x7f;
    assert.equal(decodePathProbe(bytes), undefined);
  });
});
