// The data plane's thread runs before all others while it has little to do. The kernel is asked by chrt(1).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, it } from "mocha";
import type { ThreadStatus } from "../../src/api/status-model.ts";
import {
  chain,
  describeAsRoot,
  type Edge,
  eventually,
  iperf,
  type MeshUnderTest,
  TestBed,
  waitForPing,
} from "./harness.ts";

/** How many threads of the process run in real time. */
function realtimeThreads(pid: number): number {
  const { stdout, status } = spawnSync("chrt", ["--all-tasks", "--pid", String(pid)], { encoding: "utf8" });
  assert.equal(status, 0);
  return stdout.match(/SCHED_FIFO/g)?.length ?? 0;
}

const scheduling = async (edge: Edge): Promise<ThreadStatus["scheduling"] | undefined> =>
  (await edge.status()).thread?.scheduling;

describeAsRoot("a data plane's thread", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  let under: MeshUnderTest;
  let a: Edge;
  let b: Edge;

  beforeEach(() => {
    under = bed.prepare(chain(["a", "b"]));
    [a, b] = [under.mesh.edge("a"), under.mesh.edge("b")];
  });
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("runs in real time, alone of its process, until a flow keeps it busy, and again after that", async () => {
    await Promise.all([a.start(), b.start()]);
    await eventually("real time", async () => (await scheduling(a)) === "realtime", 15_000);
    assert.equal(realtimeThreads(a.child.pid), 1);
    const flow = iperf(a.node, b.node, b.address, { time: 3 });
    await eventually(
      "a busy thread is an ordinary one",
      async () => (await scheduling(a)) === "normal",
      3000,
    );
    assert.equal(realtimeThreads(a.child.pid), 0);
    await flow;
    await eventually("real time again", async () => (await scheduling(a)) === "realtime", 15_000);
    assert.equal(realtimeThreads(a.child.pid), 1);
  });

  it("is an ordinary one where the file wants that", async () => {
    a.config["realtime"] = false;
    a.save();
    await Promise.all([a.start(), b.start()]);
    await eventually("b runs in real time", async () => (await scheduling(b)) === "realtime", 15_000);
    assert.equal(await scheduling(a), "off");
    assert.equal(realtimeThreads(a.child.pid), 0);
  });

  it("is an ordinary one where the system refuses anything else, which moves frames all the same", async () => {
    const behind = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"];
    await Promise.all([a.start({ behind }), b.start()]);
    await waitForPing(b.node, a.address);
    await eventually("refused", async () => (await scheduling(a)) === "refused", 15_000);
    assert.equal((await a.status()).thread?.error, "EPERM");
    assert.equal(realtimeThreads(a.child.pid), 0);
    await waitForPing(b.node, a.address);
  });
});
