import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { isRunning } from "../../tools/netlab/child.ts";
import { Flow } from "../../tools/netlab/flow.ts";
import type { FlowOptions, FlowReport } from "../../tools/netlab/flow.ts";
import { Lab, labNamespaces, sweep } from "../../tools/netlab/lab.ts";
import { median, ping } from "../../tools/netlab/traffic.ts";
import { nativeCheck, nativeProgram } from "../../tools/netlab/native.ts";
import { checkParameters, formatParameters } from "../../tools/netlab/parameters.ts";
import { chain, cloud, parseTopology } from "../../tools/netlab/topology.ts";
import type { Topology } from "../../tools/netlab/topology.ts";
import { describeAsRoot } from "../e2e/root.ts";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("the wire program", function () {
  this.timeout(120_000);
  it("passes its own tests", () => {
    assert.match(nativeCheck(), /^wire: ok$/m);
  });
  it("says what it wants when it is called wrongly", () => {
    const result = spawnSync(nativeProgram("wire"), ["one"], { encoding: "utf8" });
    assert.equal(result.status, 2);
    assert.match(result.stderr, /^usage: wire /);
  });
  it("names the line of its setup that is at fault, and ends", () => {
    const folder = mkdtempSync(join(tmpdir(), "wire-test-"));
    try {
      const [setup, answer] = [join(folder, "setup"), join(folder, "result")];
      writeFileSync(setup, "seed 1\nfly 1 2\n");
      assert.equal(spawnSync(nativeProgram("wire"), [setup, answer]).status, 1);
      assert.equal(readFileSync(answer, "utf8"), "fly 1 2: error unknown command fly\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("wire parameters", () => {
  it("are written as the program reads them", () => {
    assert.equal(formatParameters({ delayMs: 2.5, loss: 0 }), "delayMs=2.5 loss=0");
  });
  for (const [parameters, fault] of [
    [{ delay: 5 }, /unknown parameter 'delay'/],
    [{ toString: 5 }, /unknown parameter 'toString'/],
    [{ delayMs: -1 }, /delayMs must be 0\.\.60000/],
    [{ loss: 1.5 }, /loss must be 0\.\.1/],
    [{ loss: NaN }, /loss/],
    [{ mtu: "1500" }, /mtu/],
  ] as const) {
    it(`refuse ${JSON.stringify(parameters)}`, () => {
      assert.throws(() => {
        checkParameters(parameters as object);
      }, fault);
    });
  }
});

describe("cloud topologies", () => {
  it("have all nodes as members unless the file says otherwise", () => {
    const all = parseTopology("nodes: [a, b]\ncloud: true\n");
    assert.deepEqual(all.cloud, { members: ["a", "b"] });
    const some = parseTopology('nodes: 3\ncloud: {members: [n1, n3], ways: {"n1>n3": {delayMs: 5}}}\n');
    assert.deepEqual(some.cloud?.ways, { "n1>n3": { delayMs: 5 } });
  });
  for (const [text, fault] of [
    ["nodes: [a, b]\nlan: true\ncloud: true", /in the lan and in the cloud/],
    ['nodes: [a, b]\ncloud: {ways: {"a-b": {}}}', /bad way 'a-b'/],
    ['nodes: [a, b]\ncloud: {ways: {"a>c": {}}}', /'c' is not a node/],
    ['nodes: [a, b]\ncloud: {ways: {"a>a": {}}}', /to itself/],
    ['nodes: [a, b, c]\ncloud: {members: [a, b], ways: {"a>c": {}}}', /'c' is not in the cloud/],
    ["nodes: [a, b]\ncloud: {all: {delay: 4}}", /unknown parameter 'delay'/],
    ["nodes: [a, b]\nlinks: [{between: [a, b], wire: {ab: {loss: 2}}}]", /loss must be/],
    ["nodes: [{name: a, id: 1, timeOffsetSeconds: 1.5}]", /timeOffsetSeconds/],
    ["nodes: [wire]", /bad node name/],
  ] as const) {
    it(`refuse ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseTopology(text), fault);
    });
  }
  it("refuse clocks of nodes that they do not have", () => {
    assert.throws(() => cloud(["a"], { clocks: { b: { driftPpm: 5 } } }), /'b' is not a node/);
  });
});

describeAsRoot("netlab's wire", function () {
  this.timeout(60_000);
  let lab: Lab;
  afterEach(() => lab.close());

  const open = (topology: Topology): void => {
    lab = Lab.create(topology);
  };
  const flow = (from: string, to: string, options: FlowOptions = {}): Promise<Flow> =>
    Flow.start(lab.node(from), lab.node(to), lab.node(to).address, options);
  /** A flow of `count` packets. */
  async function packets(
    from: string,
    to: string,
    count: number,
    options: FlowOptions = {},
  ): Promise<FlowReport> {
    const { packetsPerSecond = 1000 } = options;
    const steady = await flow(from, to, { ...options, packetsPerSecond });
    await sleep((count / packetsPerSecond) * 1000);
    return steady.stop();
  }
  async function delay(from: string, to: string): Promise<number> {
    return median((await packets(from, to, 20, { packetsPerSecond: 100 })).delays);
  }
  const near = (value: number, wanted: number): void => {
    assert(Math.abs(value - wanted) < 5, `${value} ms is about ${wanted} ms`);
  };

  it("gives each direction of a cloud its own delay, for IPv4 and IPv6", async () => {
    open(cloud(["a", "b", "c"], { all: { delayMs: 40 }, ways: { "a>c": { delayMs: 10 } } }));
    near(await delay("a", "c"), 10);
    near(await delay("c", "a"), 40);
    near(await delay("b", "c"), 40);
    for (const address of [lab.node("c").address, lab.node("c").address6]) {
      const { rtts, loss } = await ping(lab.node("a"), address, { count: 3 });
      assert.equal(loss, 0);
      near(median(rtts), 50);
    }
    assert.equal((await lab.wire("a", "b").counters()).entered, 0);
  });

  it("leads nowhere where nobody is, and counts it", async () => {
    open(cloud(["a", "b"]));
    const before = await lab.unrouted();
    assert.equal((await ping(lab.node("a"), "203.0.113.9", { count: 2, wait: 0.2 })).received, 0);
    assert((await lab.unrouted()) >= before + 2);
    assert.throws(() => lab.wire("a", "x"), /no wire from 'a' to 'x'/);
  });

  it("changes while it runs, from the moment the promise is fulfilled", async () => {
    open(cloud(["a", "b"], { all: { delayMs: 10 } }));
    const steady = await flow("a", "b");
    // Longer than a busy machine holds packets up: half of them must be in time.
    await sleep(1000);
    await lab.wire("a", "b").set({ delayMs: 60 });
    const raised = Date.now();
    await sleep(300);
    await lab.wire("a", "b").set({ delayMs: 10 });
    const lowered = Date.now();
    await sleep(1000);
    const report = await steady.stop();
    near(median(steady.delays(0, raised - 50)), 10);
    near(Math.min(...steady.delays(raised + 1, lowered - 50)), 60);
    near(median(steady.delays(lowered + 60)), 10);
    assert.equal(report.lost + report.reordered + report.duplicated, 0);
    await assert.rejects(lab.wire("a", "b").set({ delayMs: -4 }), /delayMs must be/);
  });

  it("cuts one direction with all that is on its way there, and restores it", async () => {
    open(cloud(["a", "b"], { all: { delayMs: 50 } }));
    const [there, back] = [await flow("a", "b"), await flow("b", "a")];
    await lab.wire("a", "b").cut();
    const cut = Date.now();
    await sleep(400);
    await lab.wire("a", "b").restore();
    const restored = Date.now();
    await there.backAfter(restored);
    const report = await there.stop();
    // A packet handed over just before the answer may be stamped just after it.
    const stray = there.arrivals.filter(({ arrivedAt }) => arrivedAt > cut + 10 && arrivedAt < restored);
    assert.deepEqual(stray, []);
    assert(report.outage.ms > 400 && report.outage.lost > 30, JSON.stringify(report.outage));
    assert(report.lost === report.outage.lost);
    assert.equal((await back.stop()).lost, 0);
    assert((await lab.wire("a", "b").counters()).cut >= report.lost);
  });

  it("cuts both directions", async () => {
    open(cloud(["a", "b"]));
    await lab.wires("a", "b").cut();
    await assert.rejects(flow("a", "b", { timeout: 300 }), /nothing arrived/);
    await assert.rejects(flow("b", "a", { timeout: 300 }), /nothing arrived/);
    await lab.wires("a", "b").restore();
    await (await flow("a", "b")).stop(0);
  });

  it("loses, doubles and holds back the asked shares, and keeps order under jitter", async () => {
    open(cloud(["a", "b"], { all: { delayMs: 5 } }));
    await lab.wire("a", "b").set({ loss: 0.2 });
    const lossy = await packets("a", "b", 2000);
    assert(lossy.lost / lossy.sent > 0.15 && lossy.lost / lossy.sent < 0.25, `${lossy.lost}/${lossy.sent}`);
    await lab.wire("a", "b").set({ loss: 0, duplicate: 0.2, jitterMs: 4 });
    const doubled = await packets("a", "b", 2000);
    assert(doubled.duplicated > 300 && doubled.duplicated < 500, `${doubled.duplicated}`);
    assert.equal(doubled.reordered + doubled.lost, 0);
    await lab.wire("a", "b").set({ duplicate: 0, jitterMs: 0, reorder: 0.1, reorderMs: 5 });
    const shuffled = await packets("a", "b", 2000);
    assert(shuffled.reordered > 120 && shuffled.reordered < 280, `${shuffled.reordered}`);
    assert.equal(shuffled.lost + shuffled.duplicated, 0);
  });

  it("swallows what is larger than the direction's MTU", async () => {
    open(cloud(["a", "b"]));
    await lab.wire("a", "b").set({ mtu: 1300 });
    const [a, b] = [lab.node("a"), lab.node("b")];
    const size = (bytes: number): number => bytes - 28;
    assert.equal((await ping(a, b.address, { size: size(1300), dontFragment: true })).loss, 0);
    assert.equal((await ping(a, b.address, { size: size(1301), dontFragment: true, wait: 0.2 })).received, 0);
    assert.equal((await lab.wire("a", "b").counters()).tooBig, 5);
    assert.equal((await lab.wire("b", "a").counters()).tooBig, 0);
  });

  it("holds a rate, behind a queue that ends", async () => {
    open(cloud(["a", "b"]));
    await lab.wire("a", "b").set({ rateMbit: 4, queueMs: 50 });
    // 1000 packets of 1000 bytes a second are twice the rate.
    const report = await packets("a", "b", 2000, { size: 1000 - 28 });
    const share = report.received / report.sent;
    assert(share > 0.45 && share < 0.6, `${share}`);
    near(median(report.delays), 52);
  });

  it("wires single links beside plain ones", async () => {
    open(
      parseTopology(
        "nodes: [a, b, c]\nlinks:\n" +
          "- {between: [a, b], wire: {ab: {delayMs: 30}, ba: {delayMs: 10}}}\n- {between: [b, c]}\n",
      ),
    );
    near(await delay("a", "b"), 30);
    near(await delay("b", "a"), 10);
    near(await delay("b", "c"), 0);
    assert.throws(() => lab.wire("b", "c"), /no wire/);
    await lab.wires("a", "b").cut();
    assert.equal((await ping(lab.node("a"), lab.node("b").address6, { count: 2, wait: 0.2 })).received, 0);
    await lab.wires("a", "b").restore();
    assert.equal((await ping(lab.node("a"), lab.node("b").address6, { count: 2 })).received, 2);
  });

  it("carries packets of 9000 bytes where interfaces have that MTU", async () => {
    open(chain(["a", "b"], { mtu: 9000, wire: {} }));
    const pinged = await ping(lab.node("a"), lab.node("b").address, { size: 8972, dontFragment: true });
    assert.equal(pinged.loss, 0);
  });

  it("runs nodes in time namespaces of their own, with a drift that programs are told", async () => {
    const clocks = { a: { timeOffsetSeconds: 864_000 }, b: { timeOffsetSeconds: 5, driftPpm: -100 } };
    open(cloud(["a", "b", "c"], { all: { delayMs: 10 }, clocks }));
    const uptime = (name: string): number =>
      Number(lab.node(name).exec(["cat", "/proc/uptime"]).stdout.split(" ")[0]);
    assert(Math.abs(uptime("a") - uptime("c") - 864_000) < 10);
    assert(Math.abs(uptime("b") - uptime("c") - 5) < 2);
    const drift = (name: string): string =>
      lab.node(name).exec(["sh", "-c", "echo $ETHERLOOM_TEST_DRIFT_PPM"]).stdout.trim();
    assert.deepEqual([drift("a"), drift("b")], ["", "-100"]);
    near(await delay("a", "b"), 10);
    // What is started is the process itself, not a shell around it.
    const child = lab.node("a").spawn(["sleep", "100"]);
    await child.waitFor(/^/, 1000);
    await sleep(100);
    assert.deepEqual(child.tree(), [child.pid]);
    assert.equal(readFileSync(`/proc/${child.pid}/comm`, "utf8"), "sleep\n");
  });

  it("refuses a clock from before the machine's start", () => {
    open(cloud(["a"]));
    const early = { a: { timeOffsetSeconds: -1_000_000_000 } };
    assert.throws(() => Lab.create(cloud(["a"], { clocks: early })), /cannot be 1000000000 s behind/);
  });

  it("ends with its lab, and with an owner that is killed", async () => {
    open(cloud(["x"]));
    const pid = lab.wireChild?.pid ?? 0;
    assert(pid > 0);
    await lab.close();
    assert(!isRunning(pid));

    const folder = mkdtempSync(join(tmpdir(), "netlab-test-"));
    const file = join(folder, "victim.ts");
    writeFileSync(
      file,
      `import { Lab } from ${JSON.stringify(join(process.cwd(), "tools/netlab/lab.ts"))};
       import { cloud } from ${JSON.stringify(join(process.cwd(), "tools/netlab/topology.ts"))};
       const lab = Lab.create(cloud(["a", "b"]));
       console.log(lab.prefix, lab.wireChild.pid, lab.folder);`,
    );
    const victim = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    const output = await new Promise<string>((resolve) => {
      victim.stdout.setEncoding("utf8").once("data", resolve);
    });
    const [prefix = "", wire, left = ""] = output.trim().split(" ");
    assert(isRunning(Number(wire)));
    victim.kill("SIGKILL");
    await new Promise((resolve) => victim.once("exit", resolve));
    for (let i = 0; i < 100 && isRunning(Number(wire)); i++) await sleep(20);
    assert(!isRunning(Number(wire)));
    assert.equal(labNamespaces(prefix).length, 3);
    sweep();
    assert.deepEqual(labNamespaces(prefix), []);
    rmSync(left, { recursive: true });
    rmSync(folder, { recursive: true });
  });

  it("is changed from the command line when the lab was made there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "netlab-test-"));
    const name = `w${process.pid}`;
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, "nodes: 2\ncloud: {all: {delayMs: 20}}\n");
    const netlab = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync("tools/netlab/run", words, { encoding: "utf8" });
    const pings = (): string => netlab("exec", name, "n1", "ping", "-c2", "-i0.2", "-W1", "192.0.2.2").stdout;
    open(cloud(["a"]));
    try {
      const up = netlab("up", file);
      assert.equal(up.status, 0, up.stderr);
      assert.match(pings(), /min.* = 4\d\./);
      assert.equal(netlab("set", name, "n1", "n2", "delayMs=60").status, 0);
      assert.match(pings(), /min.* = 8\d\./);
      assert.match(netlab("set", name, "n1", "n2", "delay=60").stderr, /unknown parameter/);
      assert.equal(netlab("cut", name, "n1", "n2").status, 0);
      assert.match(pings(), / 0 received/);
      assert.equal(netlab("restore", name, "n1", "n2").status, 0);
      assert.match(pings(), / 2 received/);
      assert.match(netlab("counters", name, "n1", "n2").stdout, /cut: 2/);
    } finally {
      assert.equal(netlab("down", name).status, 0);
      rmSync(folder, { recursive: true });
    }
    assert.deepEqual(labNamespaces(`nl-${name}-`), []);
  });
});
