import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { isRunning } from "../../tools/netlab/child.ts";
import { Lab, labNamespaces } from "../../tools/netlab/lab.ts";
import { chain, lan, parseTopology, wired } from "../../tools/netlab/topology.ts";
import { describeAsRoot } from "../e2e/root.ts";

describe("netlab topology files", () => {
  it("give ids in order and default to one shared segment of all", () => {
    const topology = parseTopology("nodes: [a, b, {name: c, id: 9}]\nlan: true\n");
    assert.deepEqual(topology.nodes, [
      { name: "a", id: 1 },
      { name: "b", id: 2 },
      { name: "c", id: 9 },
    ]);
    assert.deepEqual(topology.lan, { members: ["a", "b", "c"] });
  });
  for (const [text, fault] of [
    ["nodes: [a, a]", /twice/],
    ["nodes: [a]\nlinks: [{between: [a, x]}]", /'x' is not a node/],
    ["nodes: [a]\nlinks: [{between: [a, a]}]", /to itself/],
    ["nodes: [lan]", /bad node name/],
    ["nodes: [a]\nswitch: true", /unknown key 'switch'/],
    ["nodes: [a, b]\nlinks: [{between: [a, b], mtu: 3}]", /bad mtu/],
    ["[]", /no nodes|mapping/],
  ] as const) {
    it(`refuse ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseTopology(text), fault);
    });
  }
});

describeAsRoot("netlab", function () {
  this.timeout(30_000);
  let lab: Lab | undefined;
  afterEach(async () => {
    await lab?.close();
    lab = undefined;
  });
  const reaches = (from: string, to: string): boolean => {
    assert(lab);
    const target = lab.node(to);
    const results = [target.address, target.address6].map(
      (address) => lab?.node(from).exec(["ping", "-c1", "-W1", "-q", address], { check: false }).status,
    );
    assert.equal(results[0], results[1], "IPv4 and IPv6 agree");
    return results[0] === 0;
  };

  it("reaches neighbours only, over veth pairs", () => {
    lab = Lab.create(chain(["a", "r", "b"], { mtu: 1400, offload: false }));
    assert(reaches("a", "r"));
    assert(reaches("b", "r"));
    assert(!reaches("a", "b"));
    const link = lab.node("a").exec(["ip", "link", "show", "to-r"]).stdout;
    assert.match(link, /mtu 1400/);
    const features = lab.node("a").exec(["ethtool", "-k", "to-r"]).stdout;
    assert.match(features, /tcp-segmentation-offload: off/);
  });

  it("cuts the pairs of a shared segment that the graph does not have, and heals", () => {
    lab = Lab.create(lan(["a", "b", "c"], { only: [["a", "b"]] }));
    assert(reaches("a", "b"));
    assert(!reaches("a", "c"));
    lab.cut("a", "b");
    assert(!reaches("a", "b"));
    lab.heal("a", "b");
    assert(reaches("a", "b"));
  });

  it("wires each pair", () => {
    lab = Lab.create(wired(["a", "b", "c"]));
    assert(reaches("a", "b") && reaches("a", "c") && reaches("b", "c"));
  });

  it("captures what passes", async () => {
    lab = Lab.create(chain(["a", "b"]));
    const capture = await lab.node("b").capture("to-a", "icmp");
    lab.node("a").exec(["ping", "-c3", "-i0.01", "-p", "feedc0de", lab.node("b").address]);
    await capture.stop();
    assert.equal(capture.count("icmp.type == 8"), 3);
    assert.deepEqual(new Set(capture.fields(["ip.src"]).flat()), new Set(["192.0.2.1", "192.0.2.2"]));
    assert(capture.bytes().includes(Buffer.from("feedc0de", "hex")));
  });

  it("ends programs and removes everything on close", async () => {
    const one = Lab.create(chain(["a", "b"]));
    const child = one.node("a").spawn(["sh", "-c", "sleep 100 & echo started; wait"]);
    await child.waitFor(/started/, 5000);
    assert.equal(child.tree().length, 2);
    const pids = child.tree();
    await one.close();
    assert.deepEqual(labNamespaces(one.prefix), []);
    assert(!existsSync(one.folder));
    for (const pid of pids) assert(!isRunning(pid), `pid ${pid} is gone`);
  });

  for (const ending of ["exit", "throw", "SIGINT", "SIGTERM"]) {
    it(`leaves nothing behind after ${ending}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "netlab-test-"));
      const file = join(folder, "victim.ts");
      writeFileSync(
        file,
        `import { Lab } from ${JSON.stringify(join(process.cwd(), "tools/netlab/lab.ts"))};
         import { chain } from ${JSON.stringify(join(process.cwd(), "tools/netlab/topology.ts"))};
         const lab = Lab.create(chain(["a", "b"]));
         lab.node("a").spawn(["sleep", "100"]);
         console.log(lab.prefix);
         if (${JSON.stringify(ending)} === "exit") process.exit(3);
         if (${JSON.stringify(ending)} === "throw") throw new Error("on purpose");
         process.kill(process.pid, ${JSON.stringify(ending)});
         setTimeout(() => {}, 10_000);`,
      );
      const result = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 });
      rmSync(folder, { recursive: true });
      const prefix = result.stdout.trim();
      assert.match(prefix, /^elab-\d+-0$/);
      assert.notEqual(result.status, 0);
      assert.deepEqual(labNamespaces(prefix), []);
    });
  }

  it("goes up, runs commands and comes down from the command line", () => {
    const folder = mkdtempSync(join(tmpdir(), "netlab-test-"));
    const name = `t${process.pid}`;
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, "nodes: 2\nlinks:\n  - {between: [n1, n2]}\n");
    const netlab = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync("tools/netlab/run", args, { encoding: "utf8" });
    try {
      assert.equal(netlab("up", file).status, 0);
      assert.equal(netlab("exec", name, "n1", "ping", "-c1", "-W1", "192.0.2.2").status, 0);
      assert.equal(netlab("exec", name, "n1", "sh", "-c", "exit 7").status, 7);
      assert.equal(netlab("up", file).status, 2);
    } finally {
      assert.equal(netlab("down", name).status, 0);
      rmSync(folder, { recursive: true });
    }
    assert.deepEqual(labNamespaces(`nl-${name}-`), []);
    assert.equal(netlab("down", name).status, 2);
  });
});
