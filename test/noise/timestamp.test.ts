import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { TimestampSource, compareTimestamps, encodeTimestamp } from "../../src/noise/timestamp.ts";
import { toHex } from "./fixtures.ts";

const YEAR = 365 * 86_400_000;

describe("timestamps", () => {
  it("are TAI64N: 1970-01-01 00:00:00 UTC is 2^62 + 10 s", () => {
    assert.equal(toHex(encodeTimestamp(0)), "400000000000000a00000000");
    // 500 ms = 500 000 000 ns = 0x1dcd6500
    assert.equal(toHex(encodeTimestamp(1500)), "400000000000000b1dcd6500");
    assert.equal(toHex(encodeTimestamp(-5)), toHex(encodeTimestamp(0)));
  });

  it("compare as the times they stand for", () => {
    fc.assert(
      fc.property(fc.nat(4e12), fc.nat(4e12), (a, b) => {
        const order = Math.sign(compareTimestamps(encodeTimestamp(a), encodeTimestamp(b)));
        assert.equal(order, Math.sign(a - b));
      }),
    );
  });

  it("rise strictly whatever the wall clock does", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e12, max: 4e12 }), { minLength: 2 }), (clock) => {
        const source = new TimestampSource();
        let last = source.next(clock[0] ?? 0);
        for (const wall of clock.slice(1)) {
          const next = source.next(wall);
          assert.ok(compareTimestamps(next, last) > 0);
          assert.ok(compareTimestamps(next, encodeTimestamp(wall)) >= 0);
          last = next;
        }
      }),
    );
  });

  it("go on from the last one of an earlier run when the clock was set back a year", () => {
    const before = new TimestampSource();
    const last = before.next(50 * YEAR);
    assert.deepEqual(before.last, last);
    const after = new TimestampSource(last);
    assert.ok(compareTimestamps(after.next(49 * YEAR), last) > 0);
    assert.ok(compareTimestamps(new TimestampSource().next(49 * YEAR), last) < 0);
  });

  it("carry over from nanoseconds to seconds", () => {
    const almost = encodeTimestamp(0);
    new DataView(almost.buffer).setUint32(8, 999_999_999);
    assert.equal(toHex(new TimestampSource(almost).next(0)), "400000000000000b00000000");
  });

  it("are not continued from something that is none", () => {
    assert.throws(() => new TimestampSource(new Uint8Array(11)), RangeError);
  });
});
