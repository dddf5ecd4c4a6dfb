import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "mocha";
import {
  addonCandidates,
  exampleUrl,
  packageJsonUrl,
  packageVersion,
  superExampleUrl,
  workerUrl,
} from "../../src/node/paths.ts";

describe("paths of the package", () => {
  it("point into the package, wherever it lies", () => {
    assert.ok(existsSync(packageJsonUrl));
    assert.ok(existsSync(exampleUrl));
    assert.ok(existsSync(superExampleUrl));
    assert.match(workerUrl.href, /\/src\/dataplane\/worker\.ts$/);
    assert.match(packageVersion(), /^\d+\.\d+\.\d+/);
  });

  it("prefer the addon that was built here to one that was shipped", () => {
    assert.match(addonCandidates[0]!, /\/src\/native\/build\/etherloom\.node$/);
    assert.match(addonCandidates[1]!, new RegExp(`/prebuilds/linux-${process.arch}/etherloom\\.node$`));
  });
});
