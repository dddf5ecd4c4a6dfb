// A member that goes on reporting a link on which it receives nothing is named, after a minute and a half.
// tools/test-long test/long/super-phantom.test.ts

import { afterEach, it } from "mocha";
import { describeAsRoot } from "../e2e/harness.ts";
import { eventuallyGoes, eventuallyKeeps, SuperBed } from "../e2e/super-bed.ts";
import { named, PHANTOM_LAB, startWithLiar } from "../e2e/super-liar.ts";

describeAsRoot("a member that reports a link on which it receives nothing", function () {
  this.timeout(300_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("is no hop, counted, and named in the log", async () => {
    const mesh = bed.prepare(PHANTOM_LAB);
    await startWithLiar(mesh, "phantom");
    await eventuallyKeeps(mesh, "a m b");
    await mesh.lab.wire("a", "m").cut();
    await eventuallyGoes(mesh, "a b");
    await named(mesh, ["unconfirmed"], "a b", 150_000);
  });
});
