import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { hasAesInstructions } from "../../src/node/cpu.ts";

describe("AES instructions", () => {
  it("are found on x86 and on ARM", () => {
    assert.equal(hasAesInstructions("processor\t: 0\nflags\t\t: fpu sse2 aes avx\n"), true);
    assert.equal(hasAesInstructions("processor\t: 0\nFeatures\t: fp asimd aes pmull\n"), true);
  });

  it("are not taken from other words or other lines", () => {
    assert.equal(hasAesInstructions("flags\t\t: fpu vaes aesni_like\n"), false);
    assert.equal(hasAesInstructions("model name\t: aes 9000\nflags\t\t: fpu sse2\n"), false);
    assert.equal(hasAesInstructions(""), false);
  });

  it("of this machine can be asked for", () => {
    assert.equal(typeof hasAesInstructions(), "boolean");
  });
});
