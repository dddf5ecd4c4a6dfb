import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { EtherloomError } from "../../src/errors.ts";
import { StateDir } from "../../src/node/state-dir.ts";

describe("the state directory", () => {
  let root: string;
  let faults: EtherloomError[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "el-state-"));
    faults = [];
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const open = (path = join(root, "deep/state")): StateDir =>
    new StateDir(path, (fault) => faults.push(fault));

  it("is made with its parents, for its owner alone, and files are 0600", () => {
    const state = open();
    assert.equal(statSync(state.path).mode & 0o777, 0o700);
    assert.equal(state.write("pins.json", "{}"), true);
    assert.equal(statSync(join(state.path, "pins.json")).mode & 0o777, 0o600);
  });

  it("gives back what was written, across instances, and undefined for what was not", () => {
    const path = open().path;
    open(path).write("a", "one");
    open(path).write("a", "two");
    assert.equal(open(path).read("a"), "two");
    assert.equal(open(path).read("b"), undefined);
    assert.deepEqual(readdirSync(path), ["a"], "nothing temporary is left");
  });

  it("replaces files whole: a new version that was cut off does not count", () => {
    const state = open();
    state.write("a", "whole");
    // As a kill in the middle of writing leaves it.
    writeFileSync(join(state.path, "a.new"), "hal");
    assert.equal(open(state.path).read("a"), "whole");
    state.write("a", "next");
    assert.equal(readFileSync(join(state.path, "a"), "utf8"), "next");
  });

  it("that cannot be made is an error with its path", () => {
    writeFileSync(join(root, "file"), "");
    const code = (error: unknown): boolean =>
      error instanceof EtherloomError && error.code === "EL_STATE_DIR" && error.message.includes(root);
    assert.throws(() => open(join(root, "file")), code);
    assert.throws(() => open(join(root, "file/below")), code);
  });

  it("that fails later is reported once, and again after it had worked", () => {
    const state = open();
    // A directory in the temporary file's place makes every write fail, for root too.
    const obstacle = join(state.path, "a.new");
    mkdirSync(obstacle);
    assert.equal(state.write("a", "1"), false);
    assert.equal(state.write("a", "2"), false);
    assert.equal(faults.length, 1);
    assert.equal(faults[0]?.code, "EL_STATE_DIR");
    rmSync(obstacle, { recursive: true });
    assert.equal(state.write("a", "3"), true);
    mkdirSync(obstacle);
    assert.equal(state.write("a", "4"), false);
    assert.equal(faults.length, 2);
    assert.equal(state.read("a"), "3");
    assert.ok(existsSync(obstacle));
  });
});
