import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { decodeControl, encodeControl } from "../../src/wire/control.ts";
import type { ControlMessage } from "../../src/wire/control.ts";

const uint8 = fc.nat({ max: 255 });
const uint16 = fc.nat({ max: 65535 });
const plain = { noNullPrototype: true } as const;
const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 });
const anyMessage: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ type: fc.constant("goodbye" as const), reason: uint8 }, plain),
  fc.record({ type: fc.constant("who-is" as const), nodeId: uint16, hopsLeft: uint8 }, plain),
  fc.record(
    { type: fc.constant("key-is" as const), nodeId: uint16, publicKey, hops: uint8, source: uint8 },
    plain,
  ),
  fc.record({ type: fc.constant("too-big" as const), destination: uint16, size: uint16 }, plain),
);

describe("control messages", () => {
  it("give back what was put in, whatever a later version adds behind it", () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array({ maxLength: 20 }), (message, trailing) => {
        const bytes = encodeControl(message);
        assert.deepEqual(decodeControl(Uint8Array.from([...bytes, ...trailing])), message);
      }),
    );
  });

  it("are refused at every shorter length", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodeControl(message);
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(decodeControl(bytes.subarray(0, length)), undefined);
        }
      }),
    );
  });

  it("of unknown type are ignored, and any bytes are survived", () => {
    assert.equal(decodeControl(Uint8Array.of(0, 1, 2, 3, 4, 5)), undefined);
    assert.equal(decodeControl(Uint8Array.of(200, 1, 2, 3, 4, 5)), undefined);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeControl(bytes)));
  });

  it("have the documented bytes", () => {
    assert.deepEqual([...encodeControl({ type: "goodbye", reason: 1 })], [1, 1]);
    assert.deepEqual([...encodeControl({ type: "who-is", nodeId: 0x1234, hopsLeft: 8 })], [2, 0x12, 0x34, 8]);
    assert.deepEqual([...encodeControl({ type: "too-big", destination: 7, size: 1350 })], [4, 0, 7, 5, 70]);
  });
});
