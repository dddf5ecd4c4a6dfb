import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  destinationHi,
  destinationLo,
  etherType,
  formatMac,
  isGroupDestination,
  isGroupMac,
  outerVlanId,
  parseMac,
  payloadOffset,
  sourceHi,
  sourceLo,
  vlanTagCount,
} from "../../src/wire/ethernet.ts";

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/..(?!$)/g, "$&:");

function frame(tags: [tpid: number, tci: number][], type: number): Uint8Array {
  const head = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7];
  for (const [tpid, tci] of tags) head.push(tpid >> 8, tpid & 255, tci >> 8, tci & 255);
  return Uint8Array.from([...head, type >> 8, type & 255, 1, 2, 3]);
}

describe("ethernet views", () => {
  it("read both MAC addresses at any offset", () => {
    fc.assert(
      fc.property(mac, mac, fc.nat({ max: 20 }), (destination, source, offset) => {
        const bytes = new Uint8Array(offset + 14);
        bytes.set(destination, offset);
        bytes.set(source, offset + 6);
        assert.equal(
          formatMac(destinationHi(bytes, offset), destinationLo(bytes, offset)),
          textOf(destination),
        );
        assert.equal(formatMac(sourceHi(bytes, offset), sourceLo(bytes, offset)), textOf(source));
        assert.equal(isGroupDestination(bytes, offset), ((destination[0] ?? 0) & 1) === 1);
        assert.equal(isGroupMac(destinationHi(bytes, offset)), ((destination[0] ?? 0) & 1) === 1);
      }),
    );
  });

  it("parse what they format, with colons or dashes, and nothing else", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff }), fc.nat({ max: 0xffffffff }), (hi, lo) => {
        assert.deepEqual(parseMac(formatMac(hi, lo)), { hi, lo });
        assert.deepEqual(parseMac(formatMac(hi, lo).toUpperCase().replaceAll(":", "-")), { hi, lo });
      }),
    );
    for (const text of [
      "",
      "02:00:00:00:00",
      "02:00:00:00:00:0g",
      "02:00-00:00:00:01",
      "020000000001",
      "2:0:0:0:0:1",
    ]) {
      assert.equal(parseMac(text), undefined, text);
    }
  });

  it("walk no, one and two tags, and leave a third alone", () => {
    const cases: [[number, number][], number, number, number, number][] = [
      [[], 0x0800, 0, 0, 14],
      [[[0x8100, 0x6005]], 0x86dd, 1, 5, 18],
      [[[0x8100, 0x2000]], 0x0806, 1, 0, 18],
      [
        [
          [0x88a8, 100],
          [0x8100, 5],
        ],
        0x0800,
        2,
        100,
        22,
      ],
      [
        [
          [0x8100, 1],
          [0x8100, 2],
          [0x8100, 3],
        ],
        0x0800,
        2,
        1,
        22,
      ],
    ];
    for (const [tags, type, count, vlan, payload] of cases) {
      const bytes = frame(tags, type);
      assert.equal(vlanTagCount(bytes, 0, bytes.length), count);
      assert.equal(outerVlanId(bytes, 0, bytes.length), vlan);
      assert.equal(payloadOffset(bytes, 0, bytes.length), payload);
      assert.equal(etherType(bytes, 0, bytes.length), tags.length > 2 ? 0x8100 : type);
    }
  });

  it("never read past the end of the frame", () => {
    const bytes = frame(
      [
        [0x88a8, 100],
        [0x8100, 5],
      ],
      0x0800,
    );
    // Behind the frame's end other data lies in the same buffer.
    assert.equal(vlanTagCount(bytes, 0, 16), 0);
    assert.equal(outerVlanId(bytes, 0, 16), 0);
    assert.equal(etherType(bytes, 0, 13), -1);
    assert.equal(payloadOffset(bytes, 0, 13), -1);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (any) => {
        const type = etherType(any, 0, any.length);
        assert.ok(type >= -1 && type <= 0xffff);
        assert.ok(payloadOffset(any, 0, any.length) <= any.length);
      }),
    );
  });
});
