// A node that cannot start says why in one line, exits with the right code and leaves nothing behind.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "mocha";
import {
  chain,
  type Child,
  describeAsRoot,
  type Edge,
  leftovers,
  type MeshUnderTest,
  ping,
  systemNode,
  TestBed,
  waitForPing,
} from "./harness.ts";

const checkout = join(import.meta.dirname, "../..");

describeAsRoot("a node that cannot start", function () {
  this.timeout(20_000);
  const bed = new TestBed();
  let under: MeshUnderTest;
  let a: Edge;

  beforeEach(() => {
    under = bed.prepare(chain(["a", "b"]));
    a = under.mesh.edge("a");
  });
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  /** Runs the node behind a prefix command such as `setpriv …`. */
  function launchBehind(...prefix: string[]): Child {
    return a.launch({ behind: prefix });
  }
  /** In a mount namespace of its own, with something mounted. */
  const launchMounted = (mount: string): Child =>
    launchBehind("unshare", "-m", "sh", "-ec", `${mount}; exec "$@"`, "sh");

  /** Waits for its end: one line, and the code. */
  async function fails(child: Child, exitCode: number, line: RegExp, clean = true): Promise<void> {
    const exit = await child.exited;
    const lines = child.log.split("\n").filter((text) => text !== "");
    assert.equal(lines.length, 1, `one line, not:\n${child.log}`);
    assert.match(lines[0] ?? "", line);
    assert.equal(exit.code, exitCode);
    if (clean) assert.deepEqual(leftovers(under.lab), []);
  }

  it("because the port is in use; the program that has it is not disturbed", async () => {
    const b = under.mesh.edge("b");
    await Promise.all([a.start(), b.start()]);
    await waitForPing(b.node, a.address);
    await fails(
      launchBehind(),
      1,
      /^etherloom: UDP \S+:3001 is in use by another program \[EL_LISTEN_IN_USE\]$/,
      false,
    );
    assert.equal((await ping(b.node, a.address)).loss, 0);
    assert.ok((await a.status()).node.pid > 0, "the first one's status socket is still its own");
    a.node.exec(["wg", "show", a.config.uapiName]);
  });

  it("because the key is none", async () => {
    a.config.privKey = "AAAA";
    a.save();
    await fails(a.launch(), 2, /^\S+\.yaml:\d+:\d+: privKey: /);
  });

  it("because a key of the file is unknown", async () => {
    a.config["nodeNane"] = "a";
    a.save();
    await fails(a.launch(), 2, /^\S+\.yaml:\d+:\d+: nodeNane: .*nodeName/);
  });

  it("because /dev/net/tun is missing", async () => {
    await fails(
      launchMounted("mount -t tmpfs none /dev/net"),
      1,
      /^etherloom: \/dev\/net\/tun .* \[EL_NO_TUN\]$/,
    );
  });

  it("because CAP_NET_ADMIN is missing", async () => {
    const child = launchBehind("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin");
    await fails(child, 1, /^etherloom: .*permission denied.*CAP_NET_ADMIN \[EL_NO_PERMISSION\]$/);
  });

  it("because another program has a TAP of the name", async () => {
    const held = under.mesh.edge("b");
    const python = `
import fcntl, struct, time
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"ov", 0x1002))
print("open", flush=True)
time.sleep(60)`;
    const holder = a.node.spawn(["/usr/bin/python3", "-c", python]);
    await holder.waitFor(/open/, 5000);
    await fails(
      a.launch(),
      1,
      /^etherloom: interface ov is in use by another program \[EL_INTERFACE_TAKEN\]$/,
      false,
    );
    await holder.stop();
    assert.equal(held.running, false);
    assert.deepEqual(leftovers(under.lab), []);
  });

  it("because an interface of another kind has the name", async () => {
    a.node.exec(["ip", "link", "add", "ov", "type", "bridge"]);
    await fails(a.launch(), 1, /^etherloom: interface ov is in use.* \[EL_INTERFACE_TAKEN\]$/, false);
    a.node.exec(["ip", "link", "del", "ov"]);
    assert.deepEqual(leftovers(under.lab), []);
  });

  it("because a running process answers on its UAPI socket", async () => {
    const b = under.mesh.edge("b");
    b.config.uapiName = a.config.uapiName;
    b.save();
    await a.start();
    const child = b.launch();
    const exit = await child.exited;
    assert.equal(exit.code, 1);
    assert.match(
      child.log.trim().split("\n").at(-1) ?? "",
      /^etherloom: .*\.sock; is this node running already\? \[EL_UAPI_IN_USE\]$/,
    );
    assert.equal(b.node.exec(["ip", "-o", "link"]).stdout.includes(" ov:"), false);
    a.node.exec(["wg", "show", a.config.uapiName]);
    await a.stop();
    assert.deepEqual(leftovers(under.lab), []);
  });

  it("because the state directory cannot be written", async () => {
    const state = a.config.stateDir;
    mkdirSync(state, { recursive: true });
    const child = launchMounted(`mount --bind ${state} ${state}; mount -o remount,bind,ro ${state}`);
    await fails(child, 1, /^etherloom: state directory \S+: .*read-only.* \[EL_STATE_DIR\]$/i);
  });

  it("because the state directory is a file", async () => {
    writeFileSync(a.config.stateDir, "");
    await fails(a.launch(), 1, /^etherloom: state directory \S+: .* \[EL_STATE_DIR\]$/);
  });

  it("because postScript fails", async () => {
    a.config["postScript"] = "sh -c 'exit 3'";
    a.save();
    const child = a.launch();
    await fails(child, 1, /^etherloom: postScript failed: exit code 3 \[EL_POST_SCRIPT\]$/);
  });

  it("because the system's Node.js is old and no runtime is pinned", async function () {
    const version = spawnSync(systemNode(), ["-p", "process.versions.node"], { encoding: "utf8" }).stdout;
    if (Number.parseInt(version) >= 24) return this.skip();
    const bare = join(under.lab.folder, "bare");
    mkdirSync(join(bare, "src/cli"), { recursive: true });
    for (const file of ["edge.js", "etherloom.js", "src/cli/launch.js", "package.json"]) {
      cpSync(join(checkout, file), join(bare, file));
    }
    const child = a.node.spawn([systemNode(), join(bare, "edge"), "--config", a.configFile]);
    await fails(child, 2, /^etherloom: Node\.js 24 or newer is needed.* \[EL_RUNTIME\]$/);
  });

  it("by the launcher: the line and the code come through", async () => {
    a.config["postScript"] = "/nonexistent";
    a.save();
    const child = a.launch({ systemNode: true });
    await fails(
      child,
      1,
      /^etherloom: postScript failed: \/nonexistent: no such program \[EL_POST_SCRIPT\]$/,
    );
    assert.equal(existsSync(join(a.config.stateDir, "status.sock")), false);
    assert.match(readFileSync(a.configFile, "utf8"), /nonexistent/);
  });
});
