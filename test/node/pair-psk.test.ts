import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PairPsks } from "../../src/node/pair-psk.ts";

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

describe("pre-shared keys of pairs", () => {
  it("are the same for both ends and after a restart, and different for every pair and supernode", () => {
    const psks = new PairPsks(key(1));
    assert.deepEqual(psks.of(key(2), key(3)), psks.of(key(3), key(2)));
    assert.deepEqual(psks.of(key(2), key(3)), new PairPsks(key(1)).of(key(2), key(3)));
    const others = [
      psks.of(key(2), key(4)),
      psks.of(key(3), key(4)),
      new PairPsks(key(9)).of(key(2), key(3)),
    ];
    const texts = [psks.of(key(2), key(3)), ...others].map((psk) => Buffer.from(psk).toString("hex"));
    assert.equal(new Set(texts).size, 4);
    assert.ok(texts.every((text) => text.length === 64));
  });
});
