import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  decodePathMtuProbe,
  encodePathMtuProbe,
  PATH_MTU_PROBE_BYTES,
} from "../../src/wire/path-mtu-probe.ts";

describe("a path-MTU probe", () => {
  it("has its bytes where the drawing says", () => {
    const bytes = new Uint8Array(9).fill(0xff);
    encodePathMtuProbe({ isAnswer: true, generation: 0x01020304, size: 1500 }, bytes);
    assert.deepEqual([...bytes], [1, 1, 2, 3, 4, 0x05, 0xdc, 0xff, 0xff]);
  });

  it("survives the way through bytes, wherever they stand", () => {
    const probe = fc.record(
      { isAnswer: fc.boolean(), generation: fc.nat(0xffffffff), size: fc.nat(0xffff) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(probe, fc.nat(8), (value, offset) => {
        const bytes = new Uint8Array(offset + PATH_MTU_PROBE_BYTES + 3).subarray(offset);
        encodePathMtuProbe(value, bytes);
        assert.deepEqual(decodePathMtuProbe(bytes), value);
      }),
    );
  });

  it("is none when it is too short, and any bytes are read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        assert.equal(decodePathMtuProbe(bytes) === undefined, bytes.length < PATH_MTU_PROBE_BYTES);
      }),
    );
  });
});
