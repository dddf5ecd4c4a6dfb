// A node started and stopped many times in one process: no descriptor, thread or memory may stay.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { chain, describeAsRoot, leftovers, TestBed } from "./harness.ts";
import type { RoundReport } from "./lifecycle-node-loop.ts";

const program = join(import.meta.dirname, "lifecycle-node-loop.ts");
/** The first rounds fill caches and pools. */
const WARM_UP = 2;
/** A round's figure holds up to two megabytes that are just being given back: the least of so many says what stays. */
const LOOKS = 3;
const PER_ROUND_BYTES = 300 * 1024;

export function restartsLeaveNothing(rounds: number): void {
  describeAsRoot(`a node started and stopped ${rounds} times in one process`, function () {
    this.timeout(20_000 + rounds * 2000);
    const bed = new TestBed();
    afterEach(function () {
      return bed.close(this.currentTest?.state === "failed");
    });

    it("leaves no descriptors, threads or memory", async () => {
      const { mesh, lab } = bed.prepare(chain(["a", "b"]));
      const [a, b] = [mesh.edge("a"), mesh.edge("b")];
      await b.start();
      const command = [process.execPath, "--expose-gc", program, a.configFile, `${rounds}`];
      const { stdout } = await a.node.execAsync(command, { timeout: 15_000 + rounds * 2000 });
      const reports = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as RoundReport);
      assert.equal(reports.length, rounds);
      const [first, last] = [reports[WARM_UP + LOOKS - 1], reports.at(-1)];
      assert.ok(first && last);
      const [before, after] = [
        leastRss(reports.slice(WARM_UP, first.round)),
        leastRss(reports.slice(-LOOKS)),
      ];
      const growth = (after - before) / (last.round - first.round);
      console.log(
        `      descriptors ${first.descriptors} → ${last.descriptors}, threads ${first.threads} → ${last.threads}, ` +
          `RSS ${(before / 2 ** 20).toFixed(1)} → ${(after / 2 ** 20).toFixed(1)} MB`,
      );
      assert.equal(last.descriptors, first.descriptors);
      assert.equal(last.threads, first.threads);
      assert.ok(growth < PER_ROUND_BYTES, `${(growth / 1024).toFixed(0)} KB a round`);
      await b.stop();
      assert.deepEqual(leftovers(lab), []);
      assert.ok((b.child.log.match(/peer said goodbye/g) ?? []).length >= rounds - 1, "b heard of each end");
    });
  });
}

function leastRss(reports: readonly RoundReport[]): number {
  return Math.min(...reports.map((report) => report.rssBytes));
}
