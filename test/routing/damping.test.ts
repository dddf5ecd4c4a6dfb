import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { linkCostUs, lossIsDown, lossTermUs, provenLoss } from "../../src/routing/cost.ts";
import { LinkDamping } from "../../src/routing/damping.ts";
import { Reporter } from "../../src/routing/reporter.ts";
import { MeasuredLink } from "./measured-link.ts";
import { randomFrom } from "./networks.ts";

const SECOND = 1_000_000;

interface Advertised {
  atUs: number;
  costUs: number | null;
}

/** Runs a link with a reporter that looks once a second (± 20 %); what was advertised, and when. */
function watch(
  seed: number,
  seconds: number,
  script: (link: MeasuredLink, nowUs: number) => void,
): Advertised[] {
  const random = randomFrom(seed);
  const link = new MeasuredLink(1, 2, random);
  const reporter = new Reporter({ incarnation: 1, epoch: 1002 });
  const told: Advertised[] = [];
  for (let nowUs = random() * SECOND; nowUs < seconds * SECOND; nowUs += (0.8 + 0.4 * random()) * SECOND) {
    for (let at = nowUs - 1.2 * SECOND; at <= nowUs; at += 0.1 * SECOND) {
      script(link, at);
      link.runUntil(at);
    }
    const advert = reporter.evaluate(nowUs, [link.sample()])?.links[0];
    if (advert && advert.costUs !== told.at(-1)?.costUs) told.push({ atUs: nowUs, costUs: advert.costUs });
  }
  return told;
}

function p95(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Infinity;
}

/** Drives the damping alone with a true cost a second. */
function drive(
  damping: LinkDamping,
  fromS: number,
  toS: number,
  cost: (s: number) => number,
  jitterUs = 0,
): number {
  let changes = 0;
  for (let s = fromS; s < toS; s++) {
    if (damping.update(s * SECOND, { costUs: cost(s), lossTermUs: 0, jitterUs }, true)) changes++;
  }
  return changes;
}

describe("link cost", () => {
  it("adds up along a path exactly as loss multiplies", () => {
    const [a, b] = [0.05, 0.2];
    assert.ok(Math.abs(lossTermUs(a) + lossTermUs(b) - lossTermUs(1 - (1 - a) * (1 - b))) < 1e-6);
    assert.ok(Math.abs(lossTermUs(0.05) - 10_259) < 1);
    assert.equal(linkCostUs(-5_000_000.4, 1000, 0), -4_999_000);
  });

  it("takes a link as down from half of everything lost, and as up again below 30 %", () => {
    assert.equal(lossIsDown(0.49, false), false);
    assert.equal(lossIsDown(0.5, false), true);
    assert.equal(lossIsDown(0.31, true), true);
    assert.equal(lossIsDown(0.29, true), false);
  });

  it("does not take chance for loss", () => {
    assert.equal(provenLoss(3 / 64, 64), 0);
    assert.equal(provenLoss(undefined), 0);
    assert.ok(provenLoss(0.05, 1000) > 0.046);
  });
});

describe("damping of a link", () => {
  it("changes after three evaluations in a row beyond the margin, not after two", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    assert.equal(
      drive(damping, 20, 22, () => 14_000),
      0,
    );
    assert.equal(
      drive(damping, 22, 23, () => 10_000),
      0,
    );
    assert.equal(
      drive(damping, 23, 25, () => 14_000),
      0,
    );
    assert.equal(
      drive(damping, 25, 26, () => 14_000),
      1,
    );
    assert.equal(damping.advertised, 14_000);
  });

  it("does not count what stays within 3 ms or twice the jitter", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    assert.equal(
      drive(damping, 20, 25, () => 12_900),
      0,
    );
    assert.equal(
      drive(damping, 25, 35, () => 25_000, 8000),
      0,
    );
    drive(damping, 35, 40, () => 27_000, 8000);
    assert.equal(damping.advertised, 27_000);
  });

  it("holds what got better for 10 s after a change, but lets what got worse through", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    assert.equal(
      drive(damping, 20, 23, () => 30_000),
      1,
    );
    assert.equal(
      drive(damping, 23, 32, () => 10_000),
      0,
    );
    assert.equal(
      drive(damping, 32, 33, () => 10_000),
      1,
    );
    assert.equal(
      drive(damping, 33, 36, () => 30_000),
      1,
    );
    assert.equal(damping.advertised, 30_000);
  });

  it("lets down, up and a great rise of loss pass at once, even between evaluations", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    const update = (costUs: number | null, lossTermUs: number): boolean =>
      damping.update(20 * SECOND, { costUs, lossTermUs, jitterUs: 0 }, false);
    assert.equal(update(59_000, 49_000), false);
    assert.equal(update(61_000, 51_000), true);
    assert.equal(update(null, 0), true);
    assert.equal(update(null, 0), false);
    assert.equal(update(12_000, 0), true);
    assert.equal(damping.advertised, 12_000);
  });

  it("takes the first values as guesses, and later corrects a small difference that stays", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 1, () => 12_500);
    drive(damping, 1, 12, () => 10_000);
    assert.equal(damping.advertised, 10_000);
    assert.equal(
      drive(damping, 12, 30, () => 11_500),
      0,
    );
    assert.equal(
      drive(damping, 30, 60, () => 11_500),
      1,
    );
    assert.ok(Math.abs((damping.advertised ?? 0) - 11_500) < 500);
  });

  it("follows what is still on its way in small steps, for 5 s and in that direction only", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    drive(damping, 20, 23, () => 14_000);
    assert.equal(damping.advertised, 14_000);
    assert.equal(
      drive(damping, 23, 24, () => 17_000),
      1,
    );
    assert.equal(damping.advertised, 17_000);
    assert.equal(
      drive(damping, 24, 27, () => 13_000),
      0,
    );
    assert.equal(
      drive(damping, 28, 30, () => 17_500),
      0,
    );
  });

  it("changes a link that swings ever more rarely, and forgives it in the end", () => {
    const damping = new LinkDamping();
    drive(damping, 0, 20, () => 10_000);
    const swing = (s: number): number => (s % 24 < 12 ? 40_000 : 10_000);
    const early = drive(damping, 20, 260, swing);
    assert.equal(damping.level, 3);
    const late = drive(damping, 260, 500, swing);
    assert.ok(late <= 6 && late < early, `${early} changes, then ${late}`);
    drive(damping, 500, 1200, () => 10_000);
    assert.equal(damping.level, 0);
  });
});

describe("what a link advertises", () => {
  it("follows 20 ms more in one direction within 5 s (p95 of 100 runs)", () => {
    const times = Array.from({ length: 100 }, (_, seed) => {
      const told = watch(seed, 60, (link, nowUs) => {
        link.truth.delayUs = (random) => (nowUs < 40 * SECOND ? 20_000 : 40_000) + random() * 300;
      });
      const risen = told.find(({ atUs, costUs }) => atUs > 40 * SECOND && (costUs ?? 0) > 30_000);
      const last = told.at(-1);
      assert.ok(Math.abs((last?.costUs ?? 0) - 40_000) < 3500, `seed ${seed}: ${last?.costUs}`);
      return ((risen?.atUs ?? Infinity) - 40 * SECOND) / SECOND;
    });
    assert.ok(p95(times) < 4.5, `p95 ${p95(times)} s`);
  });

  it("follows 5 % loss of 200 records a second past 6 ms within 5 s (p95 of 100 runs)", () => {
    const times = Array.from({ length: 100 }, (_, seed) => {
      const told = watch(seed, 60, (link, nowUs) => {
        link.truth.recordsPerSecond = 200;
        link.truth.loss = nowUs < 40 * SECOND ? 0 : 0.05;
      });
      const risen = told.find(({ atUs, costUs }) => atUs > 40 * SECOND && (costUs ?? 0) > 26_000);
      return ((risen?.atUs ?? Infinity) - 40 * SECOND) / SECOND;
    });
    assert.ok(p95(times) < 5, `p95 ${p95(times)} s`);
  });

  it("follows 5 % loss just as fast on a link that came up 5 to 14 s ago (p95 of 200 runs)", () => {
    const times = Array.from({ length: 200 }, (_, seed) => {
      const startUs = (5 + (seed % 10)) * SECOND;
      const told = watch(seed, 30, (link, nowUs) => {
        link.truth.recordsPerSecond = 200;
        link.truth.loss = nowUs < startUs ? 0 : 0.05;
      });
      const risen = told.find(({ atUs, costUs }) => atUs > startUs && (costUs ?? 0) > 26_000);
      return ((risen?.atUs ?? Infinity) - startUs) / SECOND;
    });
    assert.ok(p95(times) < 5, `p95 ${p95(times)} s`);
  });

  for (const recordsPerSecond of [0, 20, 200]) {
    it(`does not move for 0.5 % loss during 10 minutes, at ${recordsPerSecond} records a second`, () => {
      let changes = 0;
      for (let seed = 0; seed < 10; seed++) {
        const told = watch(seed, 630, (link, nowUs) => {
          link.truth.recordsPerSecond = recordsPerSecond;
          link.truth.loss = nowUs < 30 * SECOND ? 0 : 0.005;
        });
        const before = told.filter(({ atUs }) => atUs < 30 * SECOND).at(-1)?.costUs ?? 0;
        changes += told.filter(
          ({ atUs, costUs }) => atUs >= 30 * SECOND && Math.abs((costUs ?? 1e9) - before) > 2500,
        ).length;
      }
      // On an idle link, four probes lost of 64 are more than chance; in ten runs of ten minutes even that happens.
      assert.ok(changes <= (recordsPerSecond === 0 ? 1 : 0), `${changes} changes`);
    });
  }

  it("hardly moves for stationary jitter of 10 ± 8 ms during 10 minutes", () => {
    let changes = 0;
    for (let seed = 0; seed < 20; seed++) {
      const told = watch(seed, 630, (link) => {
        link.truth.delayUs = (random) => 2000 + random() * 16_000;
        link.truth.probesPerSecond = seed % 2 === 0 ? 5 : 1;
      });
      changes += told.filter(({ atUs }) => atUs > 30 * SECOND).length;
    }
    assert.ok(changes <= 20 * 2, `${changes} changes on 20 links`);
  });
});
