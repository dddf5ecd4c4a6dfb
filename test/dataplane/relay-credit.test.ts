import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { NodeBuckets } from "../../src/dataplane/node-buckets.ts";
import { CREDIT, RelayCredit } from "../../src/dataplane/relay-credit.ts";

describe("the credit of a previous hop", () => {
  const made = (perSecond: number, burst: number): { left: Uint32Array; credit: RelayCredit } => {
    const left = new Uint32Array(65536);
    return { left, credit: new RelayCredit(left, new NodeBuckets(perSecond, burst)) };
  };

  it("is there from the first datagram on, and filled up when some of it was used", () => {
    const { left, credit } = made(1e6, 1e6);
    assert.equal(left[7], 0);
    assert.equal(credit.settle(7, 1000), false);
    credit.grant(7, 1000);
    assert.deepEqual([left[7], left[8]], [CREDIT, 0]);
    assert.equal(credit.settle(7, 1050), false);
    left[7] = CREDIT - 5;
    assert.equal(credit.settle(7, 1100), true);
    assert.equal(left[7], CREDIT);
    assert.equal(credit.settle(7, 1150), false);
  });

  it("gives no more than the bucket: what was sent alone counts as well", () => {
    const { left, credit } = made(10_000, CREDIT + 100);
    let sent = 0;
    for (let ms = 1000; ms <= 11_000; ms += 50) {
      credit.grant(7, ms);
      sent += left[7] ?? 0;
      left[7] = 0;
    }
    // The burst, and ten seconds' worth.
    assert(sent > 4 * CREDIT && sent <= CREDIT + 100 + 100_000, `${sent}`);
  });

  it("does not say again that some was used when the bucket has none left", () => {
    const { left, credit } = made(1, CREDIT);
    credit.grant(7, 1000);
    left[7] = 10;
    assert.equal(credit.settle(7, 1050), true);
    assert.equal(left[7], 10);
    assert.equal(credit.settle(7, 1100), false);
  });

  it("ends with the peer", () => {
    const { left, credit } = made(1e6, 1e6);
    credit.grant(7, 1000);
    credit.revoke(7);
    assert.equal(left[7], 0);
    assert.equal(credit.settle(7, 1050), false);
  });
});
