import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseAdvert, parseReport } from "../../src/routing/report-schema.ts";
import { Reporter } from "../../src/routing/reporter.ts";
import type { LinkSample } from "../../src/routing/reporter.ts";

const SECOND = 1_000_000;

function sample(from: number, more: Partial<LinkSample> = {}): LinkSample {
  return {
    from,
    up: true,
    sendDead: false,
    owdUs: 10_000.4,
    owdBaseUs: 10_000,
    jitterUs: 0,
    loss: 0,
    rttMinUs: 20_000,
    mtu: 1452,
    localEpoch: 5,
    remoteEpoch: 6,
    ...more,
  };
}

/** A reporter that has settled with these links after 20 s. */
function settled(samples: LinkSample[]): Reporter {
  const reporter = new Reporter({ incarnation: 1, epoch: 5 });
  for (let s = 0; s <= 20; s++) reporter.evaluate(s * SECOND, samples);
  return reporter;
}

describe("reporter", () => {
  it("begins with a full report, and then tells only what changed", () => {
    const reporter = new Reporter({ incarnation: 3, epoch: 5, additionalCostUs: 700 });
    const first = reporter.evaluate(0, [sample(1), sample(2)]);
    assert.deepEqual(first, {
      incarnation: 3,
      counter: 1,
      epoch: 5,
      full: true,
      links: [1, 2].map((from) => ({
        from,
        costUs: 10_000,
        owdUs: 10_000,
        jitterUs: 0,
        loss: 0,
        rttMinUs: 20_000,
        mtu: 1452,
        localEpoch: 5,
        remoteEpoch: 6,
      })),
      gone: [],
      dead: [],
      forwardUs: 0,
      additionalCostUs: 700,
    });
    assert.equal(reporter.evaluate(SECOND, [sample(1), sample(2)]), undefined);
    const second = reporter.evaluate(2 * SECOND, [sample(1, { up: false }), sample(2)]);
    assert.deepEqual([second?.counter, second?.full], [2, false]);
    assert.deepEqual(
      second?.links.map(({ from, costUs }) => [from, costUs]),
      [[1, null]],
    );
    const third = reporter.evaluate(3 * SECOND, [sample(2)]);
    assert.deepEqual(third?.gone, [1]);
    assert.equal(reporter.full(4 * SECOND).links.length, 1);
  });

  it("reports deaths at once, between evaluations, and nothing else then", () => {
    const samples = [sample(1), sample(2), sample(3)];
    const reporter = settled(samples);
    const at = 20.1 * SECOND;
    const report = reporter.evaluate(at, [sample(1, { up: false }), sample(2, { owdUs: 90_000 }), sample(3)]);
    assert.deepEqual(report?.links.map(({ from }) => from), [1]); // prettier-ignore
    const dead = reporter.evaluate(at, [sample(1, { up: false }), sample(2), sample(3, { sendDead: true })]);
    assert.deepEqual([dead?.dead, dead?.links], [[3], []]);
    const alive = reporter.evaluate(at, [sample(1, { up: false }), sample(2), sample(3)]);
    assert.deepEqual(alive?.dead, []);
  });

  it("does not take quick calls for evaluations", () => {
    const reporter = settled([sample(1)]);
    for (let i = 1; i <= 10; i++) {
      const worse = [sample(1, { owdUs: 30_000 })];
      assert.equal(reporter.evaluate(20 * SECOND + i * 50_000, worse), undefined);
    }
  });

  it("begins anew with another epoch at either end, and says nothing of a link before it was measured in it", () => {
    const reporter = settled([sample(1)]);
    const changed = reporter.evaluate(21 * SECOND, [sample(1, { remoteEpoch: 9, owdUs: -4e6 })]);
    assert.deepEqual([changed?.links[0]?.costUs, changed?.links[0]?.remoteEpoch], [-4_000_000, 9]);
    reporter.beginEpoch(8);
    const begun = reporter.evaluate(22 * SECOND, [sample(1, { remoteEpoch: 9 })]);
    assert.deepEqual([begun?.epoch, begun?.links], [8, []]);
    const measured = reporter.evaluate(23 * SECOND, [
      sample(1, { localEpoch: 8, remoteEpoch: 9, owdUs: 77 }),
    ]);
    assert.deepEqual([measured?.links[0]?.costUs, measured?.links[0]?.localEpoch], [77, 8]);
    assert.equal(
      reporter.evaluate(24 * SECOND, [sample(1, { localEpoch: 8, remoteEpoch: undefined })]),
      undefined,
    );
  });

  it("tells a shorter round trip at once, a longer one and another delay within 5 s, a new MTU always", () => {
    const reporter = settled([sample(1)]);
    const told = (s: number, more: Partial<LinkSample>): boolean =>
      reporter.evaluate(s * SECOND, [sample(1, more)]) !== undefined;
    assert.equal(told(21, { rttMinUs: 19_000 }), true);
    assert.equal(told(22, { rttMinUs: 24_000 }), false);
    assert.equal(told(26, { rttMinUs: 24_000 }), true);
    assert.equal(told(27, { rttMinUs: 24_000, owdUs: 11_000 }), false);
    assert.equal(told(32, { rttMinUs: 24_000, owdUs: 11_000 }), true);
    assert.equal(told(33, { rttMinUs: 24_000, owdUs: 11_000, mtu: 1400 }), true);
  });

  it("repeats everything once a minute", () => {
    const reporter = settled([sample(1), sample(2)]);
    let full = 0;
    for (let s = 21; s <= 200; s++) if (reporter.evaluate(s * SECOND, [sample(1), sample(2)])?.full) full++;
    assert.equal(full, 3);
  });

  it("reports a forwarding time that moved", () => {
    const reporter = settled([]);
    reporter.setForwardTime(400);
    assert.equal(reporter.evaluate(21 * SECOND, []), undefined);
    reporter.setForwardTime(900);
    assert.equal(reporter.evaluate(22 * SECOND, [])?.forwardUs, 900);
    assert.equal(reporter.evaluate(23 * SECOND, []), undefined);
  });

  it("takes half of everything lost as down", () => {
    const reporter = settled([sample(1)]);
    const cost = (s: number, loss: number): number | null | undefined =>
      reporter.evaluate(s * SECOND, [sample(1, { loss })])?.links[0]?.costUs;
    assert.equal(cost(21, 0.6), null);
    assert.equal(cost(22, 0.4), undefined);
    assert.ok((cost(23, 0.2) ?? 0) > 50_000);
  });

  it("writes what the schema accepts", () => {
    const reporter = new Reporter({ incarnation: 3, epoch: 5 });
    const odd = { owdUs: -1.5e12, jitterUs: 0.3, loss: 1e-9, rttMinUs: 0.7, mtu: 0 };
    const report = parseReport(JSON.parse(JSON.stringify(reporter.evaluate(0, [sample(9, odd)]))));
    assert.ok(typeof report === "object");
    assert.equal(typeof parseAdvert(report.links[0], 1, 5), "object");
  });
});
