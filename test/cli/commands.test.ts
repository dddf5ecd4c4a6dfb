import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { parseEdgeConfig } from "../../src/config/edge-config.ts";
import { parseSuperConfig } from "../../src/config/super-config.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

function run(args: readonly string[], input = "", cwd = root): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, args, { cwd, input, encoding: "utf8", timeout: 30_000 });
}

const etherloom = (...args: string[]): SpawnSyncReturns<string> => run(["etherloom.js", ...args]);

function assertUsage(result: SpawnSyncReturns<string>, message: RegExp): void {
  assert.match(result.stderr, message);
  assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  assert.equal(result.stdout, "");
  assert.equal(result.status, 2);
}

describe("command line", function () {
  this.timeout(60_000);
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), "etherloom-cli-"))));
  after(() => rmSync(directory, { recursive: true }));

  it("prints version and help and exits 0", () => {
    for (const args of [
      ["version"],
      ["--version"],
      ["-version"],
      ["-v"],
      ["edge", "--version"],
      ["super", "-version"],
    ]) {
      const { stdout, status } = etherloom(...args);
      assert.match(
        stdout,
        /^etherloom \d+\.\d+\.\d+(?:-[\w.]+)? \(node v\d+.*linux-\w+\)\n$/,
        args.join(" "),
      );
      assert.equal(status, 0);
    }
    for (const args of [
      ["help"],
      ["--help"],
      ["-h"],
      ["edge", "-help"],
      ["super", "--help"],
      ["keygen", "-h"],
      ["solve", "-help"],
      ["file", "-help"],
    ]) {
      const { stdout, status } = etherloom(...args);
      assert.match(stdout, /^usage: etherloom /, args.join(" "));
      assert.equal(status, 0);
    }
  });

  it("answers bad usage with one line and exit code 2", () => {
    assertUsage(etherloom(), /^etherloom: no command given.*\[EL_USAGE\]/);
    assertUsage(etherloom("frobnicate"), /unknown command frobnicate/);
    assertUsage(etherloom("--frobnicate"), /no command given/);
    assertUsage(etherloom("edge", "--frobnicate"), /unknown option '--frobnicate'/);
    assertUsage(etherloom("edge"), /needs --config/);
    assertUsage(etherloom("edge", "--config"), /config/);
    assertUsage(etherloom("edge", "surplus"), /unexpected argument surplus/);
    assertUsage(etherloom("edge", "--config", "x", "--bind", "win"), /--bind win, expected linux or std/);
    assertUsage(etherloom("--mode"), /--mode needs a command/);
    assertUsage(etherloom("edge", "--mode", "super"), /contradict/);
    assertUsage(etherloom("super"), /super needs --config/);
    assertUsage(etherloom("super", "surplus"), /unexpected argument surplus/);
    assertUsage(etherloom("super", "--config", "x", "--bind", "win"), /--bind win, expected linux or std/);
    assertUsage(etherloom("solve"), /solve needs --config/);
    assertUsage(etherloom("solve", "surplus"), /unexpected argument surplus/);
    assertUsage(etherloom("keygen", "--pub", "--psk"), /exclude/);
    assertUsage(etherloom("file", "send", "127.0.0.1"), /expected file send\|receive/);
    assertUsage(etherloom("file", "send", "localhost", "1", "x"), /localhost is no IP address/);
    assertUsage(etherloom("file", "send", "127.0.0.1", "0", "x"), /port 0/);
  });

  it("runs root launchers by name and takes Go's spellings", () => {
    assertUsage(run(["edge"]), /edge needs --config/);
    assertUsage(run(["super"]), /super needs --config/);
    assert.equal(run(["edge", "-version"]).status, 0);
    assert.match(
      etherloom("-mode", "super", "-example").stdout,
      /^# Etherloom: configuration of a supernode/,
    );
    assert.match(etherloom("-mode", "edge", "-example").stdout, /^# Etherloom/);
    assert.match(etherloom("--mode=edge", "--example").stdout, /^privKey: \S{44}$/m);
  });

  it("prints an example that is a configuration", () => {
    const { stdout, status } = etherloom("edge", "--example");
    assert.equal(status, 0);
    assert.equal(parseEdgeConfig("x", stdout).nodeId, 1);
    assert.notEqual(etherloom("edge", "--example").stdout, stdout);
  });

  it("prints a supernode's example that is a configuration", () => {
    const { stdout, status } = run(["super", "--example"]);
    assert.equal(status, 0);
    assert.equal(parseSuperConfig("x", stdout).controlPort, 3002);
    assert.notEqual(run(["super", "--example"]).stdout, stdout);
  });

  it("prints configuration problems as bare lines and exits 2", () => {
    const file = join(directory, "bad.yaml");
    writeFileSync(file, "nodeId: 1\nlistenPort: x\nbogus: 1\n", { mode: 0o600 });
    const { stdout, stderr, status } = run(["edge", "--config", file]);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 3);
    for (const line of lines) assert.match(line, /^\/.*bad\.yaml:\d+:\d+: /);
    assertUsage(run(["edge", "--config", "/nonexistent"]), /^\/nonexistent: cannot be read: no such file\n/);
    assertUsage(run(["super", "--config", "/nonexistent"]), /^\/nonexistent: cannot be read: no such file\n/);
    const supernode = run(["super", "--config", file]);
    assert.equal(supernode.status, 2);
    assert.match(supernode.stderr, /bad\.yaml:1:1: nodeId: unknown key/);
  });

  it("makes keys and derives public ones without touching arguments", () => {
    const secret = etherloom("keygen").stdout.trim();
    assert.equal(Buffer.from(secret, "base64").length, 32);
    const { stdout } = run(["etherloom.js", "keygen", "--pub"], `${secret}\n`);
    const der = Buffer.concat([
      Buffer.from("302e020100300506032b656e04220420", "hex"),
      Buffer.from(secret, "base64"),
    ]).toString("base64");
    const expected = createPublicKey(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----`)
      .export({ format: "der", type: "spki" })
      .subarray(-32);
    assert.equal(stdout, `${expected.toString("base64")}\n`);
    assert.equal(Buffer.from(etherloom("keygen", "-psk").stdout, "base64").length, 32);
  });

  it("says that a key on stdin is bad, without the key", () => {
    const result = run(["etherloom.js", "keygen", "--pub"], "c2VjcmV0\n");
    assertUsage(result, /stdin holds a key of 6 bytes.*\[EL_KEY\]/);
    assert.ok(!result.stderr.includes("c2VjcmV0"));
  });
});
