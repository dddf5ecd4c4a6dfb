import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** An interpreter older than 24, if this machine has one on its PATH outside of node_modules. */
function findOldNode(): string | undefined {
  const path = (process.env.PATH ?? "").split(":").filter((directory) => !directory.includes("node_modules"));
  for (const directory of path) {
    const node = join(directory, "node");
    const { stdout, status } = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return node;
  }
  return undefined;
}

const oldNode = findOldNode();

describe("launcher under a current Node.js", function () {
  this.timeout(30_000);

  it("imports the program in the same process", () => {
    const { stdout, status } = spawnSync(process.execPath, ["edge.js", "--version"], {
      cwd: root,
      encoding: "utf8",
    });
    assert.match(stdout, new RegExp(process.version.replaceAll(".", "\\.")));
    assert.equal(status, 0);
  });

  it("imports dist/ when there is no source", () => {
    const package_ = mkdtempSync(join(tmpdir(), "etherloom-dist-"));
    try {
      mkdirSync(join(package_, "src/cli"), { recursive: true });
      mkdirSync(join(package_, "dist/cli"), { recursive: true });
      cpSync(join(root, "src/cli/launch.js"), join(package_, "src/cli/launch.js"));
      cpSync(join(root, "etherloom.js"), join(package_, "etherloom.js"));
      writeFileSync(join(package_, "package.json"), '{"type":"module"}');
      writeFileSync(
        join(package_, "dist/cli/main.js"),
        "export const start = (args) => console.log('dist', ...args);",
      );
      const { stdout } = spawnSync(process.execPath, [join(package_, "etherloom.js"), "a"], {
        encoding: "utf8",
      });
      assert.equal(stdout, "dist a\n");
    } finally {
      rmSync(package_, { recursive: true });
    }
  });
});

/**
 * A package whose pinned runtime is a wrapper around the present interpreter, and whose program is a probe: the
 * launcher cannot tell the difference, and the test sees exactly what a child gets.
 */
describe("launcher under an old Node.js", function () {
  this.timeout(60_000);
  let package_: string;
  const running: ChildProcess[] = [];

  before(function () {
    if (oldNode === undefined) {
      console.error("      SKIPPED: no Node.js older than 24 on PATH");
      this.skip();
    }
    package_ = mkdtempSync(join(tmpdir(), "etherloom-launch-"));
    mkdirSync(join(package_, "src/cli"), { recursive: true });
    const bin = join(package_, "node_modules", `node-linux-${process.arch}`, "bin");
    mkdirSync(bin, { recursive: true });
    cpSync(join(root, "src/cli/launch.js"), join(package_, "src/cli/launch.js"));
    cpSync(join(root, "etherloom.js"), join(package_, "etherloom.js"));
    writeFileSync(join(package_, "package.json"), '{"type":"module"}');
    const wrapper = `#!/bin/sh\nshift\nexec ${process.execPath} ${join(package_, "probe.cjs")} "$@"\n`;
    writeFileSync(join(bin, "node"), wrapper);
    chmodSync(join(bin, "node"), 0o755);
    writeFileSync(
      join(package_, "probe.cjs"),
      `const fs = require("fs");
       const [action, value] = process.argv.slice(2);
       if (action === "exit") process.exit(Number(value));
       if (action === "kill") process.kill(process.pid, value);
       if (action === "env") console.log(process.env.ETHERLOOM_LAUNCHER_PID, process.ppid);
       if (action === "fds") for (const fd of value.split(",")) {
         try { console.log(fd, fs.readFileSync(Number(fd), "utf8")); } catch (error) { console.log(fd, error.code); }
       }
       if (action === "cat") process.stdin.pipe(process.stdout);
       if (action === "signals") {
         let count = 0;
         for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => {
           console.log(name);
           count++;
           if (name === "SIGTERM") process.exit(40 + count);
         });
         setInterval(() => {}, 1000);
         console.log("ready");
       }`,
    );
  });

  after(() => {
    for (const child of running) child.kill("SIGKILL");
    if (package_ !== undefined) rmSync(package_, { recursive: true });
  });

  const launcher = (): string => join(package_, "etherloom.js");

  function start(
    args: string[],
    detached = false,
  ): { child: ChildProcess; output: () => string; ended: Promise<unknown[]> } {
    const child = spawn(oldNode!, [launcher(), ...args], { stdio: ["ignore", "pipe", "inherit"], detached });
    running.push(child);
    let text = "";
    child.stdout!.setEncoding("utf8").on("data", (data: string) => (text += data));
    const ended = new Promise<unknown[]>((resolve) => child.once("close", (...result) => resolve(result)));
    return { child, output: () => text, ended };
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 20) {
      assert.ok(waited < 15_000, "it never happened");
      await sleep(20);
    }
  }

  it("runs the real program on the pinned runtime", () => {
    const { stdout, status } = spawnSync(oldNode!, ["edge", "--version"], { cwd: root, encoding: "utf8" });
    assert.match(stdout, /\(node v(?:2[4-9]|[3-9]\d)\./);
    assert.equal(status, 0);
    assert.equal(spawnSync(oldNode!, ["super"], { cwd: root, encoding: "utf8" }).status, 2);
  });

  it("passes the exit code and the death signal on", () => {
    assert.equal(spawnSync(oldNode!, [launcher(), "exit", "7"]).status, 7);
    assert.equal(spawnSync(oldNode!, [launcher(), "exit", "0"]).status, 0);
    for (const signal of ["SIGTERM", "SIGKILL", "SIGINT"]) {
      assert.equal(spawnSync(oldNode!, [launcher(), "kill", signal]).signal, signal);
    }
  });

  it("connects stdin and stdout", () => {
    const { stdout } = spawnSync(oldNode!, [launcher(), "cat"], { input: "through and through" });
    assert.equal(stdout.toString(), "through and through");
  });

  it("tells the child who launched it", () => {
    const [told, parent] = spawnSync(oldNode!, [launcher(), "env"], { encoding: "utf8" })
      .stdout.trim()
      .split(" ");
    assert.match(told!, /^\d+$/);
    assert.equal(told, parent);
  });

  it("passes every descriptor that the environment names, and no other", () => {
    const files = ["three", "four", "five", "six", "seven"].map((name) => {
      writeFileSync(join(package_, name), name);
      return openSync(join(package_, name), "r");
    });
    const { stdout } = spawnSync(oldNode!, [launcher(), "fds", "3,4,6,7"], {
      stdio: ["ignore", "pipe", "inherit", ...files],
      encoding: "utf8",
      env: { ...process.env, LISTEN_FDS: "1", EG_FD_RX: "4", EG_UAPI_FD: "7" },
    });
    assert.match(stdout, /^3 three\n4 four\n6 E\w+\n7 seven\n$/);
  });

  it("passes descriptors that the arguments name as files, as a shell's <(command) does", () => {
    const files = ["three", "four"].map((name) => {
      writeFileSync(join(package_, name), name);
      return openSync(join(package_, name), "r");
    });
    const args = ["fds", "3,4", "--config", "/dev/fd/3", "--other=/proc/self/fd/4"];
    const { stdout } = spawnSync(oldNode!, [launcher(), ...args], {
      stdio: ["ignore", "pipe", "inherit", ...files],
      encoding: "utf8",
    });
    assert.equal(stdout, "3 three\n4 four\n");
  });

  it("forwards SIGHUP and SIGTERM", async () => {
    const { child, output, ended } = start(["signals"], true);
    await until(() => output().includes("ready"));
    child.kill("SIGHUP");
    await until(() => output().includes("SIGHUP"));
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [42, null]);
  });

  it("forwards a SIGINT that no terminal sent, once", async () => {
    const { child, output, ended } = start(["signals"], true);
    await until(() => output().includes("ready"));
    child.kill("SIGINT");
    await until(() => output().includes("SIGINT"));
    await sleep(200);
    child.kill("SIGTERM");
    await ended;
    assert.equal(output(), "ready\nSIGINT\nSIGTERM\n");
  });

  it("lets a terminal's Ctrl-C reach the child once", async function () {
    if (spawnSync("python3", ["-c", "import pty"]).status !== 0) {
      console.error("      SKIPPED: python3 makes the terminal of this test");
      this.skip();
    }
    // A session of its own on a new terminal; ^C is typed into it, as the terminal's driver would see it.
    const typist = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def read_until(word):
    global seen
    while word not in seen:
        seen += os.read(fd, 4096)
read_until(b"ready")
os.write(fd, b"\\x03")
read_until(b"SIGINT")
time.sleep(0.5)
os.kill(pid, 15)
try:
    while True:
        data = os.read(fd, 4096)
        if not data: break
        seen += data
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.write(seen.decode() + "status %d" % os.waitstatus_to_exitcode(status))
`;
    const script = join(package_, "typist.py");
    writeFileSync(script, typist);
    const result = spawnSync("python3", [script, oldNode!, launcher(), "signals"], {
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.equal(result.stdout.match(/SIGINT/g)?.length, 1, result.stdout + result.stderr);
    assert.match(result.stdout, /status 42$/);
  });

  it("says in one line that no runtime is there, and exits 2", () => {
    const bare = mkdtempSync(join(tmpdir(), "etherloom-bare-"));
    try {
      mkdirSync(join(bare, "src/cli"), { recursive: true });
      for (const file of ["etherloom.js", "src/cli/launch.js"]) cpSync(join(root, file), join(bare, file));
      writeFileSync(join(bare, "package.json"), '{"type":"module"}');
      const { stderr, stdout, status } = spawnSync(oldNode!, [join(bare, "etherloom.js"), "edge"], {
        encoding: "utf8",
      });
      assert.match(stderr, /^etherloom: Node\.js 24 or newer is needed, this is v\d+.*\[EL_RUNTIME\]\n$/);
      assert.equal(stdout, "");
      assert.equal(status, 2);
    } finally {
      rmSync(bare, { recursive: true });
    }
  });

  it("is read by old interpreters: no syntax after ES2020", () => {
    const source = readFileSync(join(root, "src/cli/launch.js"), "utf8");
    assert.doesNotMatch(source, /\?\?=|\|\|=|&&=|\.at\(|findLast|#\w+\s*[;=(]|\d_\d/);
  });
});
