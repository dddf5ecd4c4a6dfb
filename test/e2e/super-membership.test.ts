// Who is in a network with a supernode, and what its absence changes: nothing that works.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { describeAsRoot, eventually, waitForPing } from "./harness.ts";
import { sleep } from "./outage.ts";
import { everybodyAnswers, flow, overlayAddress, SUPER, statusOf, SuperBed } from "./super-bed.ts";
import type { CloudMesh } from "./super-bed.ts";

const QUICK = { all: { delayMs: 2 } };

interface PeerLine {
  nodeId: number;
}

/** Takes a member's line out of the supernode's file; returns a function that puts it back. */
function dropMember(mesh: CloudMesh, name: string): () => void {
  const program = mesh.program(SUPER);
  const peers = program.config["peers"] as PeerLine[];
  program.config["peers"] = peers.filter(({ nodeId }) => nodeId !== mesh.site(name).id);
  program.save();
  program.reload();
  return () => {
    program.config["peers"] = peers;
    program.save();
    program.reload();
  };
}

async function answers(mesh: CloudMesh, from: string, to: string): Promise<boolean> {
  const target = overlayAddress(mesh.site(to));
  const { status } = await mesh.site(from).node.execAsync(["ping", "-c1", "-W1", target], { check: false });
  return status === 0;
}

describeAsRoot("a network with a supernode", function () {
  this.timeout(90_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("carries the first ping within two seconds of the start of its edges", async () => {
    const mesh = bed.prepare({ edges: ["a", "b"], ...QUICK });
    await mesh.program(SUPER).start();
    const begin = performance.now();
    for (const edge of mesh.edges) edge.launch();
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 10_000);
    const ms = performance.now() - begin;
    console.log(`      first ping after ${ms.toFixed(0)} ms`);
    assert.ok(ms < 6000);
  });

  it("goes on without its supernode, through rekeys and its return, and takes a new edge then", async () => {
    const timers = { rekeyAfter: 3, rejectAfter: 9 };
    const mesh = bed.prepare({
      edges: ["a", "b", "late"],
      ...QUICK,
      adjust: (config) => {
        config["sessionTimers"] = timers;
      },
    });
    await mesh.program(SUPER).start();
    await Promise.all(["a", "b"].map((name) => mesh.program(name).start()));
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 15_000);
    await sleep(2000);
    const steady = await flow(mesh, "a", "b");
    const before =
      (await statusOf(mesh, "a")).peers.find(({ name }) => name === "b")?.session.handshakes ?? 0;
    await mesh.program(SUPER).crash();
    await sleep(10_000);
    const middle = await statusOf(mesh, "a");
    assert.notEqual(middle.supers?.[0]?.state, "connected");
    await mesh.program(SUPER).start();
    await eventually(
      "the edges are back",
      async () => {
        const { control } = await statusOf(mesh, SUPER);
        return control?.connected === 2;
      },
      20_000,
    );
    await sleep(5000);
    const after = (await statusOf(mesh, "a")).peers.find(({ name }) => name === "b");
    const report = await steady.stop();
    console.log(
      `      ${report.lost} of ${report.sent} lost, ${(after?.session.handshakes ?? 0) - before} handshakes`,
    );
    assert.equal(report.lost, 0);
    assert.equal(report.duplicated, 0);
    assert.ok((after?.session.handshakes ?? 0) - before >= 2);
    assert.equal(after?.link?.deaths, 0);
    await mesh.program("late").start();
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("late")), 15_000);
  });

  it("cuts a member off whose line was removed, and has it back when the line is", async () => {
    const mesh = await bed.start({ edges: ["a", "b", "c"], ...QUICK });
    await everybodyAnswers(mesh);
    const steady = await flow(mesh, "c", "a");
    const at = Date.now();
    const restore = dropMember(mesh, "c");
    await sleep(3000);
    const last = steady.arrivals.at(-1)?.arrivedAt ?? 0;
    await steady.stop();
    console.log(`      cut off after ${(last - at).toFixed(0)} ms`);
    assert.ok(last - at < 1500, `${last - at} ms`);
    assert.equal(await answers(mesh, "a", "c"), false);
    assert.equal(await answers(mesh, "b", "c"), false);
    assert.equal(await answers(mesh, "a", "b"), true);
    assert.match((await statusOf(mesh, "c")).supers?.[0]?.code ?? "", /^(removed|unknown-key)$/);
    restore();
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("c")), 20_000);
  });

  it("reaches a member whose line was added within three seconds of its start", async () => {
    const mesh = bed.prepare({ edges: ["a", "b", "late"], strangers: ["late"], ...QUICK });
    const { id, name, keys, node } = mesh.site("late");
    await mesh.program(SUPER).start();
    await Promise.all(["a", "b"].map((edge) => mesh.program(edge).start()));
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 15_000);
    const program = mesh.program(SUPER);
    const peers = program.config["peers"] as object[];
    program.config["peers"] = [...peers, { nodeId: id, name, pubKey: keys.publicKey }];
    program.save();
    program.reload();
    await program.waitFor(/member 3 added/);
    const begin = performance.now();
    mesh.program("late").launch();
    await Promise.all([
      waitForPing(mesh.site("a").node, overlayAddress(mesh.site("late")), 10_000),
      waitForPing(node, overlayAddress(mesh.site("b")), 10_000),
    ]);
    const ms = performance.now() - begin;
    console.log(`      reachable ${ms.toFixed(0)} ms after its start`);
    assert.ok(ms < 8000);
  });

  it("lets nobody in whom its supernode does not know, and tells both sides why", async () => {
    const mesh = await bed.start({ edges: ["a", "b", "x"], strangers: ["x"], ...QUICK });
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 15_000);
    await eventually("x is refused", async () => {
      const [state] = (await statusOf(mesh, "x")).supers ?? [];
      return state?.state === "refused" && state.code === "unknown-key";
    });
    const { control } = await statusOf(mesh, SUPER);
    assert.equal(control?.lastRefusal?.code, "unknown-key");
    assert.ok((control?.refused["unknown-key"] ?? 0) > 0);
    assert.match(mesh.program(SUPER).child.log, /unknown-key/);
  });

  it("is not joined by an edge that expects another supernode's key", async () => {
    const mesh = bed.prepare({
      edges: ["a", "b"],
      ...QUICK,
      adjust: (config, site, sites) => {
        if (site.name !== "b") return;
        const route = config["dynamicRoute"] as { superNode: { supers: { pubKey: string }[] } };
        const [entry] = route.superNode.supers;
        if (entry) entry.pubKey = sites.find(({ name }) => name === "a")?.keys.publicKey ?? "";
      },
    });
    await mesh.start();
    await eventually("b refuses it", async () => {
      const [state] = (await statusOf(mesh, "b")).supers ?? [];
      return state?.code === "wrong-key" || state?.code === "not-proven";
    });
    assert.deepEqual(
      (await statusOf(mesh, "b")).peers.map(({ name }) => name),
      ["supernode"],
    );
  });

  it("hands out pre-shared keys for its pairs where that is asked for", async () => {
    const mesh = await bed.start({
      edges: ["a", "b"],
      ...QUICK,
      adjust: (config, site) => {
        if (site.mode === "super") config["usePskForInterEdge"] = true;
      },
    });
    await everybodyAnswers(mesh);
    const seen = mesh
      .site("a")
      .node.exec(["wg", "show", String(mesh.program("a").config["uapiName"]), "preshared-keys"], {
        check: false,
      });
    const keys = seen.stdout.split("\n").filter((line) => line !== "" && !line.endsWith("(none)"));
    assert.equal(keys.length, 1, seen.stdout + seen.stderr);
  });

  it("lets members be removed and added again by wg set, and the supernode not be removed", async () => {
    const mesh = await bed.start({
      edges: ["a", "b"],
      ...QUICK,
      // wg sets nothing of an interface whose name is longer than Linux allows.
      adjust: (config, site) => {
        if (site.name === "a") config["uapiName"] = `el${process.pid}`;
      },
    });
    await everybodyAnswers(mesh);
    const name = String(mesh.program("a").config["uapiName"]);
    const set = (...words: string[]): number | null =>
      mesh.site("a").node.exec(["wg", "set", name, ...words], { check: false }).status;
    const keyOf = (nodeName: string): string => mesh.site(nodeName).keys.publicKey;
    const peers = async (): Promise<string[]> =>
      (await statusOf(mesh, "a")).peers.map((peer) => peer.name).sort();
    assert.notEqual(set("peer", keyOf(SUPER), "remove"), 0);
    assert.equal(set("peer", keyOf("b"), "remove"), 0);
    assert.deepEqual(await peers(), ["supernode"]);
    assert.equal(set("peer", keyOf("b")), 0);
    assert.deepEqual(await peers(), ["b", "supernode"]);
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 5000);
  });
});
