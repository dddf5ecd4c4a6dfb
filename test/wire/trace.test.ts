import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { decodeTrace, encodeTrace, MAX_TRACE_HOPS } from "../../src/wire/trace.ts";

const time = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });
const nodeId = fc.integer({ min: 0, max: 65535 });
const hops = fc.array(fc.record({ nodeId, arrivalUs: time, departureUs: time }, { noNullPrototype: true }), {
  minLength: 1,
  maxLength: MAX_TRACE_HOPS,
});
const ids = { id: fc.integer({ min: 0, max: 2 ** 32 - 1 }), origin: nodeId, target: nodeId };

describe("a trace message", () => {
  it("comes back from its bytes, on the way there and on the way back", () => {
    fc.assert(
      fc.property(fc.record({ ...ids, hops }, { noNullPrototype: true }), fc.nat(), (parts, at) => {
        const there = { ...parts, back: false, turn: undefined };
        assert.deepEqual(decodeTrace(encodeTrace(there)), there);
        const back = { ...parts, back: true, turn: at % parts.hops.length };
        assert.deepEqual(decodeTrace(encodeTrace(back)), back);
      }),
    );
  });

  it("is refused when it is cut short anywhere", () => {
    const hop = { nodeId: 7, arrivalUs: -5, departureUs: 2 ** 40 };
    const bytes = encodeTrace({
      id: 1,
      origin: 2,
      target: 3,
      back: false,
      turn: undefined,
      hops: [hop, hop],
    });
    for (let size = 0; size < bytes.length; size++) {
      assert.equal(decodeTrace(bytes.subarray(0, size)), undefined);
    }
  });

  it("is refused when its turning point is not one of its entries, or there is none on the way back", () => {
    const hop = { nodeId: 7, arrivalUs: 0, departureUs: 1 };
    const back = encodeTrace({ id: 1, origin: 2, target: 3, back: true, turn: 0, hops: [hop] });
    for (const turn of [1, 34, 255]) {
      back[10] = turn;
      assert.equal(decodeTrace(back), undefined);
    }
    const there = encodeTrace({ id: 1, origin: 2, target: 3, back: false, turn: undefined, hops: [hop] });
    there[10] = 0;
    assert.equal(decodeTrace(there), undefined);
  });

  it("takes any bytes without failing, and times beyond exact numbers are refused", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => void decodeTrace(bytes)));
    const hop = { nodeId: 7, arrivalUs: 0, departureUs: 1 };
    const bytes = encodeTrace({ id: 1, origin: 2, target: 3, back: false, turn: undefined, hops: [hop] });
    bytes[14] = 0x7f;
    assert.equal(decodeTrace(bytes), undefined);
  });
});
