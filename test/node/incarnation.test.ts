import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { takeIncarnation } from "../../src/node/incarnation.ts";
import { StateDir } from "../../src/node/state-dir.ts";

describe("the number of a process's life", () => {
  let path: string;
  beforeEach(() => (path = mkdtempSync(join(tmpdir(), "incarnation-"))));
  afterEach(() => rmSync(path, { recursive: true }));
  const open = (): StateDir => new StateDir(path, assert.fail);

  it("is the wall clock's second, and larger than the last one when the clock was set back", () => {
    assert.deepEqual(takeIncarnation(open(), 5_000_700), { number: 5000, restarted: false });
    assert.deepEqual(takeIncarnation(open(), 5_000_900), { number: 5001, restarted: true });
    assert.deepEqual(takeIncarnation(open(), 1000), { number: 5002, restarted: true });
    assert.deepEqual(takeIncarnation(open(), 9_000_000), { number: 9000, restarted: true });
  });

  it("begins anew when what is stored is no number", () => {
    const state = open();
    state.write("incarnation", "soon\n");
    assert.deepEqual(takeIncarnation(state, 7000), { number: 7, restarted: false });
  });
});
