import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { decodeInput, encodeOutput } from "../../src/port/stdio-codec.ts";

const OWN = Uint8Array.of(2, 0, 0, 0, 0, 7);
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("stdio frames", () => {
  it("nochg: pass as they are, both ways", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 14, maxLength: 2000 }), (frame) => {
        assert.deepEqual(decodeInput("nochg", frame, OWN), frame);
        assert.deepEqual(encodeOutput("nochg", frame), frame);
      }),
    );
  });

  it("kbdbg: two letters are the addresses, b is broadcast", () => {
    assert.deepEqual(
      decodeInput("kbdbg", text("b1hello"), OWN),
      bytes(`ffffffffffff aabbccddee01 ${Buffer.from("hello").toString("hex")}`),
    );
    assert.deepEqual(
      decodeInput("kbdbg", text("12xy"), OWN),
      bytes(`aabbccddee01 aabbccddee02 ${Buffer.from("xy").toString("hex")}`),
    );
    assert.deepEqual(encodeOutput("kbdbg", bytes("ffffffffffff aabbccddee01 7879")), text("b1xy"));
    assert.deepEqual(encodeOutput("kbdbg", bytes("01005e000001 aabbccddee03 7879")), text("b3xy"));
  });

  it("kbdbg: what one node's letters say, another's output says again", () => {
    const letter = fc.integer({ min: 0, max: 255 }).filter((value) => value !== 0x62);
    fc.assert(
      fc.property(
        fc.oneof(letter, fc.constant(0x62)),
        letter,
        fc.uint8Array({ minLength: 2, maxLength: 100 }),
        (to, from, payload) => {
          const typed = Uint8Array.of(to, from, ...payload);
          const frame = decodeInput("kbdbg", typed, OWN);
          assert.ok(frame);
          assert.equal(frame.length, payload.length + 12);
          assert.deepEqual(encodeOutput("kbdbg", frame), typed);
        },
      ),
    );
  });

  it("noL2: input is a broadcast from the own MAC, output loses its addresses", () => {
    const frame = decodeInput("noL2", bytes("0800 4500"), OWN);
    assert.deepEqual(frame, bytes("ffffffffffff 020000000007 0800 4500"));
    assert.deepEqual(encodeOutput("noL2", bytes("020000000007 020000000001 0800 4500")), bytes("0800 4500"));
  });

  it("what is too short for an Ethernet header is none", () => {
    assert.equal(decodeInput("nochg", new Uint8Array(13), OWN), undefined);
    assert.equal(decodeInput("kbdbg", text("b1x"), OWN), undefined);
    assert.equal(decodeInput("kbdbg", text("b"), OWN), undefined);
    assert.equal(decodeInput("kbdbg", text(""), OWN), undefined);
    assert.equal(decodeInput("noL2", text("x"), OWN), undefined);
    assert.equal(decodeInput("noL2", text("xy"), OWN)?.length, 14);
  });

  it("does not change what it was given", () => {
    const chunk = text("b1hello");
    decodeInput("kbdbg", chunk, OWN);
    assert.deepEqual(chunk, text("b1hello"));
  });
});
