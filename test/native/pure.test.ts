import { spawnSync } from "node:child_process";
import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";

const native = fileURLToPath(new URL("../../src/native/", import.meta.url));

function run(target: string): string {
  const result = spawnSync("make", ["-s", "-f", "pure.mk", target], { cwd: native, encoding: "utf8" });
  assert.equal(result.status, 0, `make ${target}:\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

// The cases are in src/native/test; a failed one names its line and ends the program.
describe("native code without Node", function () {
  this.timeout(300_000);

  it("passes its tests when optimised", () => {
    assert.match(run("check-fast"), /^[1-9]\d* passed$/m);
  });

  it("passes its tests under the address and undefined-behaviour sanitizers", () => {
    assert.match(run("check-asan"), /^[1-9]\d* passed$/m);
  });
});
