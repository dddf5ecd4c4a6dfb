import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "mocha";
import { releaseStartupMemory } from "../../src/node/startup-memory.ts";

describe("what only the start of a node needed", () => {
  it("is collected once, later", async () => {
    const seen = new WeakRef({ big: new Array(1000).fill(0) });
    releaseStartupMemory(1);
    // WeakRefs keep their target to the end of the turn in which they were made.
    for (let i = 0; i < 50 && seen.deref() !== undefined; i++) await sleep(5);
    assert.equal(seen.deref(), undefined);
  });
});
