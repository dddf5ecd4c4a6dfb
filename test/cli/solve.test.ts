import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { parse } from "yaml";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("etherloom solve", function () {
  this.timeout(30_000);
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), "etherloom-solve-"))));
  after(() => rmSync(directory, { recursive: true }));

  function solve(matrix: string, ...args: string[]): SpawnSyncReturns<string> {
    const file = join(directory, "path.txt");
    writeFileSync(file, matrix);
    return spawnSync(process.execPath, ["etherloom.js", "solve", "--config", file, ...args], {
      cwd: root,
      encoding: "utf8",
      timeout: 30_000,
    });
  }

  const matrix = "X 1 2 3 9\n1 0 0.5 Inf Inf\n2 0.5 0 0.25 Inf\n3 Inf 0.1 0 Inf\n9 Inf Inf Inf 0\n";

  it("prints next hops, distances and ways, as YAML that a configuration understands", () => {
    const { stdout, stderr, status } = solve(matrix);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.deepEqual(parse(stdout), {
      nextHopTable: { 1: { 2: 2, 3: 2 }, 2: { 1: 1, 3: 3 }, 3: { 1: 2, 2: 2 }, 9: {} },
      distanceTable: { 1: { 2: 0.5, 3: 0.75 }, 2: { 1: 0.5, 3: 0.25 }, 3: { 1: 0.6, 2: 0.1 }, 9: {} },
    });
    assert.match(stdout, /^# from {2}to {2}distance {2}way$/m);
    assert.match(stdout, /^# {4}1 {3}3 {6}0\.75 {2}1 → 2 → 3$/m);
    assert.match(stdout, /^# {4}1 {3}9 {7}Inf {2}no way$/m);
  });

  it("solves a matrix of 400 nodes, and gives all of it to a reader that is slow", () => {
    const ids = Array.from({ length: 400 }, (_, i) => i + 1);
    const large = [["X", ...ids], ...ids.map((id) => [id, ...ids.map((other) => Math.abs(other - id))])];
    const file = join(directory, "path.txt");
    writeFileSync(file, large.map((row) => row.join(" ")).join("\n"));
    const slow = `node_modules/.bin/node etherloom.js solve --config ${file} | { sleep 3; tail -n 1; }`;
    const { stdout, status } = spawnSync("bash", ["-o", "pipefail", "-c", slow], {
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.match(stdout, /^# +400 +399 +1 +400 → 399$/m);
  });

  it("does not mind a newline at the end, or none", () => {
    const expected = solve(matrix).stdout;
    assert.equal(solve(matrix.trimEnd()).stdout, expected);
    assert.equal(solve(`${matrix}\n\n`).stdout, expected);
  });

  it("prints JSON for programs", () => {
    const { stdout } = solve(matrix, "--json");
    assert.deepEqual(JSON.parse(stdout), parse(solve(matrix).stdout));
  });

  it("prints an example that it solves", () => {
    const example = spawnSync(process.execPath, ["etherloom.js", "solve", "-example"], {
      cwd: root,
      encoding: "utf8",
    });
    assert.deepEqual(parse(solve(example.stdout).stdout).distanceTable[1], { 2: 0.5, 3: 1, 4: 2 });
  });

  it("says where a matrix is wrong, as bare lines, and exits 2", () => {
    const { stdout, stderr, status } = solve("X 1 2\n1 0 far\n2 0.5 0 7\n");
    assert.equal(stdout, "");
    assert.equal(status, 2);
    assert.deepEqual(
      stderr.trimEnd().split("\n").map((line) => line.replace(directory, "")),
      [
        '/path.txt:2:5: found "far", expected Inf or a number from -1000000 to 1000000',
        "/path.txt:3:1: 3 values, expected 2: one for each column",
      ],
    ); // prettier-ignore
  });

  it("refuses a circle that is shorter than nothing, but no negative distance as such", () => {
    assert.equal(solve("X 1 2\n1 0 -1\n2 1 0\n").status, 0);
    const { stderr, status } = solve("X 1 2 3\n1 0 -1 9\n2 9 0 0.5\n3 0.25 9 0\n");
    assert.equal(status, 2);
    assert.match(
      stderr,
      /path\.txt: the distances along [123] → [123] → [123] → [123] sum to -0\.25, expected no such sum below 0\n$/,
    );
  });
});
