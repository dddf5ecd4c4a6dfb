// Clocks days apart and one that drifts, ten minutes for each sign: SECONDS=600 tools/test-long test/long/super-clocks.test.ts

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot, ping } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { eventuallyGoes, everybodyAnswers, overlayAddress, SuperBed, wayOf } from "../e2e/super-bed.ts";

const seconds = Number(process.env["SECONDS"] ?? 600);
const day = 86_400;

describeAsRoot("a triangle whose clocks are days apart", function () {
  for (const driftPpm of [100, -100]) {
    it(`keeps to the fastest way in each direction while the relay's clock drifts by ${driftPpm} ppm`, async function () {
      this.timeout((seconds + 120) * 1000);
      const bed = new SuperBed();
      const mesh = await bed.start({
        edges: ["a", "b", "c"],
        all: { delayMs: 40 },
        ways: { "a>c": { delayMs: 5 }, "c>b": { delayMs: 5 }, "b>a": { delayMs: 8 } },
        clocks: {
          a: { timeOffsetSeconds: 10 * day },
          b: { timeOffsetSeconds: day },
          c: { timeOffsetSeconds: 5 * day, driftPpm },
        },
      });
      try {
        await everybodyAnswers(mesh);
        await eventuallyGoes(mesh, "a c b", 30_000);
        await eventuallyGoes(mesh, "b a");
        const end = performance.now() + seconds * 1000;
        let [looks, wrong] = [0, 0];
        while (performance.now() < end) {
          await sleep(5000);
          looks++;
          const ways = [await wayOf(mesh, "a", "b"), await wayOf(mesh, "b", "a")].map((way) => way.join(" "));
          if (ways.join() !== "a c b,b a") wrong++;
        }
        const target = overlayAddress(mesh.site("b"));
        const { median } = await ping(mesh.site("a").node, target, { count: 100, interval: 0.05 });
        console.log(
          `      ${wrong} of ${looks} looks saw another way; ping ${median.toFixed(2)} ms, 48 directly`,
        );
        assert.equal(wrong, 0);
        assert.ok(Math.abs(median - 18) <= 1.5, `${median} ms`);
      } catch (error) {
        console.error(mesh.logs());
        throw error;
      } finally {
        await bed.close();
      }
    });
  }
});
