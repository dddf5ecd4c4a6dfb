import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HandshakeRateLimiter, LoadMeter } from "../../src/noise/rate-limit.ts";

describe("handshake rate limiter", () => {
  it("lets a burst of 5 through, then 20 a second", () => {
    const limiter = new HandshakeRateLimiter();
    let allowed = 0;
    for (let i = 0; i < 10; i++) if (limiter.allow(0, "a")) allowed++;
    assert.equal(allowed, 5);
    for (let now = 1; now <= 10_000; now++) if (limiter.allow(now, "a")) allowed++;
    assert.ok(Math.abs(allowed - 205) <= 1, String(allowed));
  });

  it("counts each source for itself", () => {
    const limiter = new HandshakeRateLimiter();
    while (limiter.allow(0, "noisy"));
    assert.ok(limiter.allow(0, "quiet"));
    assert.ok(!limiter.allow(0, "noisy"));
  });

  it("forgets the source that was quiet the longest when its table is full", () => {
    const limiter = new HandshakeRateLimiter(100);
    while (limiter.allow(0, "held"));
    for (let i = 0; i < 10_000; i++) {
      limiter.allow(0, `flood ${i}`);
      if (i % 50 === 0) assert.ok(!limiter.allow(0, "held"), "an active source is not forgotten");
      assert.ok(limiter.size <= 100);
    }
  });
});

describe("load meter", () => {
  it("is quiet at the threshold and loaded above it", () => {
    const meter = new LoadMeter(10);
    for (let i = 0; i < 10; i++) assert.ok(!meter.note(i));
    assert.ok(meter.note(999));
  });

  it("looks at the last second only", () => {
    const meter = new LoadMeter(10);
    for (let i = 0; i < 100; i++) assert.ok(!meter.note(i * 100));
    for (let i = 0; i < 9; i++) meter.note(9901 + i);
    assert.ok(meter.underLoad(9910));
  });

  it("stays loaded for a second after the last excess", () => {
    const meter = new LoadMeter(10);
    for (let i = 0; i < 20; i++) meter.note(0);
    assert.ok(meter.underLoad(999));
    assert.ok(!meter.underLoad(1000));
  });
});
