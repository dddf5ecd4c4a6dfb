import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { percentile, reportFlow } from "../../tools/netlab/flow-report.ts";
import type { Arrival } from "../../tools/netlab/flow-report.ts";

/** Packets every 10 ms with a delay of 5, but for those that `change` gives another delay, or none to lose them. */
function arrivals(count: number, change: Record<number, number[]> = {}): Arrival[] {
  const all = Array.from({ length: count }, (_, sequence) =>
    (change[sequence] ?? [5]).map((delay) => ({
      sequence,
      sentAt: 1000 + sequence * 10,
      arrivedAt: 1000 + sequence * 10 + delay,
    })),
  );
  return all.flat().toSorted((a, b) => a.arrivedAt - b.arrivedAt);
}

describe("a flow's report", () => {
  it("of a steady flow has nothing to complain about", () => {
    const report = reportFlow(arrivals(100), 10);
    assert.deepEqual(
      { ...report, delays: new Set(report.delays) },
      {
        sent: 100,
        received: 100,
        lost: 0,
        lostSequences: [],
        duplicated: 0,
        reordered: 0,
        outage: { ms: 0, from: NaN, to: NaN, lost: 0 },
        delays: new Set([5]),
      },
    );
  });

  it("tells lost, doubled and overtaken packets apart", () => {
    const report = reportFlow(arrivals(20, { 3: [], 7: [5, 6], 9: [27], 12: [5, 90] }), 10);
    assert.deepEqual(report.lostSequences, [3]);
    assert.equal(report.received, 19);
    assert.equal(report.duplicated, 2);
    assert.equal(report.reordered, 1);
  });

  it("finds the longest outage, less the pace, and what was lost in it", () => {
    const change = { 5: [], ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [20 + i, []])) };
    const { outage, lost } = reportFlow(arrivals(100, change), 10);
    assert.deepEqual(outage, { ms: 300, from: 1195, to: 1505, lost: 30 });
    assert.equal(lost, 31);
  });

  it("does not let a duplicate hide an outage", () => {
    const change = { 10: [5, 40], 11: [], 12: [], 13: [], 14: [], 15: [] };
    assert.equal(reportFlow(arrivals(30, change), 10).outage.ms, 50);
  });

  it("counts what was sent behind the last arrival only when it is told of it", () => {
    assert.equal(reportFlow(arrivals(10), 10).lost, 0);
    assert.deepEqual(reportFlow(arrivals(10), 10, { last: 12 }).lostSequences, [10, 11, 12]);
    assert.deepEqual(reportFlow(arrivals(10), 10, { first: 4 }).sent, 6);
  });

  it("of nothing is nothing", () => {
    const report = reportFlow([], 10);
    assert.deepEqual([report.sent, report.received, report.lost, report.outage.ms], [0, 0, 0, 0]);
  });
});

describe("percentile", () => {
  it("is the value below which the share lies", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.equal(percentile(values, 0.5), 51);
    assert.equal(percentile(values, 0.99), 100);
    assert.equal(percentile(values, 1), 100);
    assert(Number.isNaN(percentile([], 0.5)));
  });
});
