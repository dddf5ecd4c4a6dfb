// A node's start and end: what others are told, how it ends, and that nothing of it stays.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { processTree, rssBytesOf } from "../../tools/netlab/child.ts";
import {
  chain,
  type Child,
  describeAsRoot,
  type Edge,
  eventually,
  generateKeys,
  leftovers,
  type MeshOptions,
  type MeshUnderTest,
  settle,
  systemNode,
  TestBed,
  waitForPing,
} from "./harness.ts";
import { sleep, SteadyPing } from "./outage.ts";

const checkout = join(import.meta.dirname, "../..");
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** Types ^C on a new terminal whose foreground program is the node. Prints what it showed and how it ended. */
const TYPIST = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
typed = False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    sys.stdout.write(data.decode()); sys.stdout.flush()
    if not typed and b"link up" in seen and b"ready" in seen:
        typed = True
        os.write(fd, b"\\x03")
print("ended with %d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
`;

describeAsRoot("a node's end", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  /** The peer hears of it and closes its session at once; nothing stays; the code is 0. */
  async function leavesCleanly(under: MeshUnderTest, peer: Edge, gone: Edge, child: Child): Promise<void> {
    await peer.child.waitFor(new RegExp(`peer said goodbye node=${gone.id}`), 2000);
    const exit = await child.exited;
    assert.deepEqual(exit, { code: 0, signal: null });
    const status = (await peer.status()).peers[0];
    assert.notEqual(status?.session.state, "established");
    assert.notEqual(status?.link?.state, "up");
    await peer.stop();
    assert.deepEqual(leftovers(under.lab), []);
  }

  async function two(options: MeshOptions = {}): Promise<MeshUnderTest & { a: Edge; b: Edge }> {
    const under = bed.prepare(chain(["a", "b"]), options);
    return { ...under, a: under.mesh.edge("a"), b: under.mesh.edge("b") };
  }

  for (const [how, program] of [
    ["", process.execPath],
    [", through the launcher", systemNode()],
  ] as const) {
    it(`by Ctrl-C on a terminal${how}`, async () => {
      const under = await two();
      const { a, b, lab } = under;
      await b.start();
      const script = join(lab.folder, "typist.py");
      writeFileSync(script, TYPIST);
      const terminal = a.node.spawn([
        PYTHON,
        "-I",
        script,
        program,
        join(checkout, "edge"),
        "--config",
        a.configFile,
      ]);
      await b.child.waitFor(/peer said goodbye node=1/, 10_000);
      await terminal.waitFor(/ended with 0/, 3000);
      await leavesCleanly(under, b, a, terminal);
    });
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`by ${signal}, also through the launcher`, async () => {
      for (const systemNode of [false, true]) {
        const under = await two();
        const { a, b, mesh } = under;
        await mesh.start({ systemNode });
        await settle(mesh);
        a.child.signal(signal);
        await leavesCleanly(under, b, a, a.child);
      }
    });
  }

  it("is over soon when it is asked to stop while postScript runs", async () => {
    const under = await two({ adjust: (config) => (config["postScript"] = "sleep 30") });
    const { a, lab } = under;
    const child = a.launch();
    await eventually("the script runs", () => processTree(child.pid).length > 1);
    const begin = Date.now();
    child.signal("SIGTERM");
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.ok(Date.now() - begin < 3000);
    assert.deepEqual(leftovers(lab), []);
  });

  it("does not come when its interface gets another name or moves to another namespace", async () => {
    const { a, b, mesh } = await two();
    await mesh.start();
    await settle(mesh);
    a.node.exec(["ip", "link", "set", "ov", "down"]);
    a.node.exec(["ip", "link", "set", "ov", "name", "other"]);
    a.node.exec(["ip", "link", "set", "other", "up"]);
    await waitForPing(a.node, b.address);
    a.node.exec(["ip", "link", "set", "other", "netns", String(b.child.pid)]);
    // It is looked at four times a second.
    await sleep(1000);
    assert.ok(a.running);
    b.node.exec(["ip", "link", "set", "other", "up"]);
    b.node.exec(["ip", "address", "add", `${a.address}/24`, "dev", "other"]);
    await a.stop();
    assert.deepEqual(await a.child.exited, { code: 0, signal: null });
  });

  it("comes when its interface is deleted: one line, exit code 1", async () => {
    const under = await two();
    const { a, b, mesh, lab } = under;
    await mesh.start();
    await settle(mesh);
    const before = a.child.log.length;
    a.node.exec(["ip", "link", "del", "ov"]);
    assert.deepEqual(await a.child.exited, { code: 1, signal: null });
    assert.equal(a.child.log.slice(before), "etherloom: interface ov is gone [EL_INTERFACE_LOST]\n");
    await b.stop();
    assert.deepEqual(leftovers(lab), []);
  });
});

describeAsRoot("a node's start", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("runs postScript with the EG_* environment once the interface is up", async () => {
    const { mesh, lab } = bed.prepare(chain(["a", "b"]));
    const a = mesh.edge("a");
    const output = join(lab.folder, "environment");
    a.config["postScript"] =
      `sh -c 'env > ${output}; ip -o addr show dev $EG_INTERFACE_NAME >> ${output}; echo done'`;
    a.save();
    await a.launch().waitFor(/ ready /, 5000);
    const text = readFileSync(output, "utf8");
    for (const line of [
      "EG_MODE=edge",
      "EG_NODE_NAME=a",
      "EG_NODE_ID_INT_DEC=1",
      "EG_INTERFACE_NAME=ov",
      "EG_INTERFACE_TYPE=tap",
      "EG_INTERFACE_MAC_PREFIX=02:EE:00:00",
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
    }
    assert.match(text, /^EG_INTERFACE_MAC_ADDR=02:ee:00:00:[0-9a-f]{2}:[0-9a-f]{2}$/m);
    assert.match(text, / 10\.77\.0\.1\/24 /);
    assert.match(a.child.log, /postScript: done/);
    assert.doesNotMatch(text, /^NOTIFY_SOCKET=/m);
  });

  it("and end reach the service manager, also through the launcher", async () => {
    const { mesh, lab } = bed.prepare(chain(["a", "b"]));
    const a = mesh.edge("a");
    const socket = join(lab.folder, "notify");
    const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)`;
    const manager = a.node.spawn([PYTHON, "-I", "-c", listener, socket]);
    await manager.waitFor(/listening/, 5000);
    await a.start({ systemNode: true, env: { NOTIFY_SOCKET: socket } });
    await manager.waitFor(/^READY=1\nSTATUS=.*interface ov/m, 2000);
    a.child.signal("SIGHUP");
    await manager.waitFor(/READY=1[^]*READY=1/, 2000);
    await a.stop();
    await manager.waitFor(/^STOPPING=1/m, 2000);
  });

  it("to the first frame takes little time through the launcher, and loads no libp2p", async () => {
    const { mesh, lab } = bed.prepare(chain(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    await b.start();
    // Frames for a wait at b; the address is told so that no ARP question has to be repeated first.
    b.node.exec(["ip", "neigh", "add", a.address, "lladdr", "02:ee:00:00:00:01", "dev", "ov"]);
    const modules = join(lab.folder, "modules");
    const hook = join(lab.folder, "hook.mjs");
    writeFileSync(
      hook,
      `import { appendFileSync } from "node:fs";
      import * as module from "node:module";
      module.registerHooks?.({ resolve(name, context, next) {
        appendFileSync(${JSON.stringify(modules)}, name + "\\n");
        return next(name, context);
      } });`,
    );
    const times: number[] = [];
    for (const env of [{}, {}, { NODE_OPTIONS: `--import=${hook}` }]) {
      const steady = SteadyPing.begin(b.node, a.address, 0.02);
      const begin = Date.now();
      await a.start({ systemNode: true, env });
      times.push(await steady.backAfter(begin));
      await steady.stop();
      await a.stop();
    }
    console.log(
      `      first frame ${Math.min(...times.slice(0, 2)).toFixed(0)} ms after the start of the launcher`,
    );
    assert.ok(Math.min(...times.slice(0, 2)) <= 3000);
    const loaded = readFileSync(modules, "utf8");
    assert.match(loaded, /static-node/);
    assert.doesNotMatch(loaded, /libp2p/);
  });

  it("with 100 peers in the file stays below 150 MB", async () => {
    const { mesh } = bed.prepare(chain(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    for (let nodeId = 3; nodeId <= 101; nodeId++) {
      a.config.peers.push({ nodeId, pubKey: generateKeys().publicKey, endPoint: `192.0.2.${nodeId}:3001` });
      a.config.nextHopTable[a.id] = { ...a.config.nextHopTable[a.id], [nodeId]: nodeId };
    }
    a.save();
    await mesh.start();
    await waitForPing(a.node, b.address);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal((await a.status()).peers.length, 100);
    const megabytes = rssBytesOf(a.child.pid) / 2 ** 20;
    console.log(`      ${megabytes.toFixed(0)} MB resident`);
    assert.ok(megabytes <= 150, `${megabytes} MB`);
  });
});
