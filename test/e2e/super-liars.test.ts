// Members that say what is not so: refused, or no hop for others; counted, and named in the supernode's log.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { describeAsRoot, eventually } from "./harness.ts";
import { sleep } from "./outage.ts";
import { eventuallyGoes, eventuallyKeeps, flow, SUPER, statusOf, SuperBed, wayOf } from "./super-bed.ts";
import { named, PHANTOM_LAB, startWithLiar } from "./super-liar.ts";

describeAsRoot("a member that lies", function () {
  this.timeout(120_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("about how near it is draws no traffic", async () => {
    // By way of m it takes 42 ms; m says 27.
    const mesh = bed.prepare({
      edges: ["a", "b", "m"],
      all: { delayMs: 20 },
      ways: { "a>b": { delayMs: 35 }, "b>a": { delayMs: 35 } },
    });
    await startWithLiar(mesh, "near");
    await eventuallyKeeps(mesh, "a b");
    await named(mesh, ["dishonest"], "a b");
  });

  it("about receiving on a link is no hop for the one who gets no answer over it", async () => {
    const mesh = bed.prepare(PHANTOM_LAB);
    await startWithLiar(mesh, "phantom");
    await eventuallyKeeps(mesh, "a m b");
    const steady = await flow(mesh, "a", "b");
    await mesh.lab.wire("a", "m").cut();
    await eventuallyGoes(mesh, "a b");
    for (let look = 0; look < 20; look++) {
      await sleep(250);
      assert.deepEqual(await wayOf(mesh, "a", "b"), ["a", "b"]);
    }
    const { outage, duplicated } = await steady.stop();
    console.log(`      outage ${outage.ms.toFixed(0)} ms`);
    assert.ok(outage.ms < 3000);
    assert.equal(duplicated, 0);
  });

  it("with numbers that are none, old reports and links of others changes nothing", async () => {
    const mesh = bed.prepare({ edges: ["a", "b", "m"], all: { delayMs: 5 } });
    await startWithLiar(mesh, "nonsense");
    await eventuallyKeeps(mesh, "a b");
    await named(mesh, ["bad-number", "not-receiver", "wrong-epoch", "stale"], "a b");
    const { control } = await statusOf(mesh, SUPER);
    assert.ok((control?.refused["malformed"] ?? 0) > 0);
    assert.match(mesh.program(SUPER).child.log, /message refused: report: report\.counter\b.* node=3\b/);
  });

  it("about its NodeID does not get in", async () => {
    const mesh = bed.prepare({
      edges: ["a", "b", "m"],
      all: { delayMs: 5 },
      adjust: (config, site, sites) => {
        if (site.name === "m") config["nodeId"] = sites.find(({ name }) => name === "b")?.id;
      },
    });
    await mesh.start();
    await eventually("m is refused", async () => {
      const [state] = (await statusOf(mesh, "m")).supers ?? [];
      return state?.state === "refused" && state.code === "wrong-node-id";
    });
    await sleep(500);
    assert.match(mesh.program(SUPER).child.log, /this key belongs to node 3/);
    assert.ok(((await statusOf(mesh, SUPER)).control?.refused["wrong-node-id"] ?? 0) > 0);
  });
});
