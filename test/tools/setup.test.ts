import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";

// tools/setup in a checkout of straw: every program it may call is a stub that writes down how it was called.

/** What the script itself needs, taken from the system. */
const real = [
  "bash",
  "dirname",
  "sort",
  "tr",
  "grep",
  "mktemp",
  "tail",
  "touch",
  "rm",
  "ls",
  "sed",
  "cut",
  "env",
];
const programs = ["c++", "make", "ip", "ping", "iperf3", "ethtool", "wg", "tshark", "nft", "ps", "nsenter"];
const installers = ["sysctl", "setpriv", "unshare", "python3", "npm", "apt-get", "apt-cache", "id"];

function findReal(name: string): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  assert(found, `${name} is on PATH`);
  return found;
}

describe("tools/setup", function () {
  this.timeout(20_000);
  let folder: string;
  let calls: string;

  const stub = (name: string, body = ""): void => {
    const file = join(folder, "bin", name);
    rmSync(file, { force: true });
    writeFileSync(file, `#!${findReal("bash")}\necho "${name} $*" >>${calls}\n${body}\n`);
    chmodSync(file, 0o755);
  };
  const setup = (...args: string[]): { status: number | null; output: string; calls: string } => {
    writeFileSync(calls, "");
    const result = spawnSync(join(folder, "tools/setup"), args, {
      encoding: "utf8",
      env: { PATH: join(folder, "bin"), TMPDIR: folder },
    });
    return {
      status: result.status,
      output: result.stdout + result.stderr,
      calls: readFileSync(calls, "utf8"),
    };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "setup-test-"));
    calls = join(folder, "calls");
    for (const one of ["bin", "tools", "src/native", "node_modules/.bin"])
      mkdirSync(join(folder, one), { recursive: true });
    copyFileSync("tools/setup", join(folder, "tools/setup"));
    for (const name of real) symlinkSync(findReal(name), join(folder, "bin", name));
    for (const name of [...programs, ...installers]) stub(name);
    stub("id", "echo 0");
    stub("node", "echo v20.19.0");
    stub("apt-cache", "echo '  Candidate: 1.0'");
    // What apt-get installs is there afterwards.
    stub("apt-get", `for p; do case $p in iperf3) cp ${folder}/bin/ip ${folder}/bin/iperf3;; esac; done`);
    symlinkSync(findReal("cp"), join(folder, "bin/cp"));
    writeFileSync(join(folder, "package.json"), "{}");
    writeFileSync(join(folder, "package-lock.json"), "{}");
    writeFileSync(join(folder, "node_modules/.package-lock.json"), "{}");
    symlinkSync(process.execPath, join(folder, "node_modules/.bin/node"));
    utimesSync(join(folder, "package-lock.json"), 1000, 1000);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("says and does nothing when nothing is missing", () => {
    const { status, output, calls } = setup("--quiet");
    assert.equal(output, "");
    assert.equal(status, 0);
    assert.equal(calls.replace(/^(make -s -q|id).*\n/gm, ""), "");
  });
  it("installs a missing program as root", () => {
    rmSync(join(folder, "bin/iperf3"));
    const { status, output, calls } = setup("--quiet");
    assert.equal(status, 0);
    assert.match(output, /installing iperf3/);
    assert.match(calls, /apt-get .*install --no-install-recommends iperf3/);
    assert.doesNotMatch(calls, /apt-get .*update/);
  });
  it("refreshes the package lists once when a package is unknown", () => {
    rmSync(join(folder, "bin/iperf3"));
    stub("apt-cache", "exit 0");
    const { calls } = setup("--quiet");
    assert.equal(calls.match(/apt-get .* update/g)?.length, 1);
    assert.match(calls, /apt-get .*install --no-install-recommends iperf3/);
  });
  it("fails with the installer's words when it cannot install", () => {
    rmSync(join(folder, "bin/make"));
    stub("apt-get", "echo 'no route to mirror'; exit 100");
    const { status, output } = setup("--quiet");
    assert.equal(status, 1);
    assert.match(output, /no route to mirror/);
    assert.match(output, /could not install: make/);
  });
  it("tells others than root what to install, and goes on when the build does not need it", () => {
    rmSync(join(folder, "bin/iperf3"));
    stub("id", "echo 1000");
    const { status, output, calls } = setup("--quiet");
    assert.equal(status, 0);
    assert.equal(output.trim(), "setup: missing; as root: apt-get install --no-install-recommends iperf3");
    assert.doesNotMatch(calls, /apt-get/);
    rmSync(join(folder, "bin/c++"));
    assert.equal(setup("--quiet").status, 1);
  });
  it("installs npm packages when the lockfile is newer, and then no more", () => {
    utimesSync(join(folder, "package-lock.json"), 4e9, 4e9);
    assert.match(setup("--quiet").calls, /^npm ci/m);
    utimesSync(join(folder, "package-lock.json"), 1000, 1000);
    assert.doesNotMatch(setup("--quiet").calls, /^npm ci/m);
    rmSync(join(folder, "node_modules/.package-lock.json"));
    assert.match(setup("--quiet").calls, /^npm ci/m);
  });
  it("names a source of Node.js where it is missing or too old for npm packages", () => {
    utimesSync(join(folder, "package-lock.json"), 4e9, 4e9);
    const refused = (found: string): void => {
      const { status, output, calls } = setup("--quiet");
      assert.equal(status, 1);
      assert.match(
        output,
        new RegExp(`^setup: Node\\.js 20 or newer is needed, found ${found}: from Debian .*\n$`),
      );
      assert.doesNotMatch(calls, /^npm/m);
    };
    stub("node", "echo v18.20.4");
    refused("v18\\.20\\.4");
    rmSync(join(folder, "bin/node"));
    refused("none");
  });
  it("says that npm is missing", () => {
    utimesSync(join(folder, "package-lock.json"), 4e9, 4e9);
    rmSync(join(folder, "bin/npm"));
    const { status, output } = setup("--quiet");
    assert.equal(status, 1);
    assert.match(output, /^setup: npm is missing/);
  });
  it("builds the addon when make finds it out of date", () => {
    stub("make", "case $* in *-q*) exit 1;; esac");
    const { output, calls } = setup("--quiet");
    assert.match(output, /building the native addon/);
    assert.match(calls, /^make -s -C src\/native$/m);
  });
  it("refuses what it does not know", () => {
    assert.equal(setup("--everything").status, 2);
  });
});
