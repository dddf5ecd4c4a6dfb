import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";

interface Locked {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>;
}

describe("package-lock.json", () => {
  it("names the optional packages of all platforms: npm install leaves out those its registry has not, and npm ci fails then", () => {
    const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as Locked;
    const optional = Object.values(packages).flatMap((entry) =>
      Object.keys(entry.optionalDependencies ?? {}),
    );
    assert.ok(optional.length > 0);
    assert.deepEqual(
      optional.filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`))),
      [],
    );
  });
});
