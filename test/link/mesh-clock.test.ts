import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { MeshClock } from "../../src/link/mesh-clock.ts";
import { ClockWorld } from "./clock-world.ts";
import type { ClockWorldOptions } from "./clock-world.ts";

const DAYS = 86_400_000_000;

interface Figures {
  /** Root mean square and greatest rate error from two minutes on, ppm. */
  rmsPpm: number;
  maxPpm: number;
  /** Greatest rate error from 5 s on. */
  everPpm: number;
  /** Greatest change of the clock against the parent's within 10 s, and in all, µs, from two minutes on. */
  tenSecondsUs: number;
  wanderUs: number;
}

function figures(options: ClockWorldOptions, seconds = 600): Figures {
  const world = new ClockWorld({ rawStartUs: 10 * DAYS, ...options });
  const errors: { seconds: number; us: number }[] = [];
  let squares = 0;
  let maxPpm = 0;
  let everPpm = 0;
  world.run(seconds, () => {
    const ppm = Math.abs(world.rateErrorPpm());
    if (world.seconds > 5) everPpm = Math.max(everPpm, ppm);
    if (world.seconds < 120) return;
    maxPpm = Math.max(maxPpm, ppm);
    squares += ppm ** 2;
    errors.push({ seconds: world.seconds, us: world.errorUs() });
  });
  const all = errors.map((error) => error.us);
  let tenSecondsUs = 0;
  errors.forEach((error, i) => {
    for (let k = i + 1; k < errors.length; k++) {
      const later = errors[k];
      if (!later || later.seconds - error.seconds > 10) break;
      tenSecondsUs = Math.max(tenSecondsUs, Math.abs(later.us - error.us));
    }
  });
  assert.equal(world.epochs.length, 1);
  return {
    rmsPpm: Math.sqrt(squares / errors.length),
    maxPpm,
    everPpm,
    tenSecondsUs,
    wanderUs: Math.max(...all) - Math.min(...all),
  };
}

/** The worst of some seeds, printed. */
function worst(name: string, options: ClockWorldOptions): Figures {
  const seen = [1, 2, 3, 4, 5].map((seed) => figures({ ...options, seed }));
  const of = (key: keyof Figures): number => Math.max(...seen.map((one) => one[key]));
  const result = {
    rmsPpm: of("rmsPpm"),
    maxPpm: of("maxPpm"),
    everPpm: of("everPpm"),
    tenSecondsUs: of("tenSecondsUs"),
    wanderUs: of("wanderUs"),
  };
  const text = Object.entries(result).map(([key, value]) => `${key} ${value.toFixed(1)}`);
  console.log(`      ${name}: ${text.join(", ")}`);
  return result;
}

describe("mesh clock: rate", () => {
  it("is within 1 ppm of the parent's after two minutes where the path is quiet, from −100 to +100 ppm", () => {
    for (const ppm of [-100, 100]) {
      const seen = worst(`${ppm} ppm, no jitter`, { driftPpm: () => ppm });
      assert.ok(seen.maxPpm < 1 && seen.everPpm < 101);
    }
  });

  it("stays within a few ppm with 0 to 8 ms of jitter each way, 10 % loss, and 5 ms there but 40 ms back", () => {
    for (const jitterUs of [2000, 4000, 8000]) {
      const seen = worst(`jitter ${jitterUs / 1000} ms, 10 % loss, 5/40 ms`, {
        driftPpm: () => 100,
        jitterUs,
        loss: 0.1,
        there: () => 5000,
        back: () => 40_000,
      });
      assert.ok(seen.rmsPpm < 3 && seen.maxPpm < 10, "rate");
      assert.ok(seen.everPpm <= 106, "its own doing adds nothing to what the crystal errs by");
      assert.ok(seen.tenSecondsUs < 100 && seen.wanderUs < 1000, "phase");
    }
  });

  it("follows a crystal that changes by 100 ppm over ten minutes", () => {
    const seen = worst("ramp of 100 ppm in 10 min, jitter 2 ms", {
      driftPpm: (seconds) => Math.min(100, seconds / 6),
      jitterUs: 2000,
    });
    assert.ok(seen.maxPpm < 25 && seen.tenSecondsUs < 250);
  });

  it("follows a crystal that suddenly errs by 100 ppm", () => {
    const world = new ClockWorld({
      driftPpm: (seconds) => (seconds < 200 ? 0 : 100),
      jitterUs: 2000,
    });
    world.run(200);
    let until = 0;
    world.run(300, () => {
      if (Math.abs(world.rateErrorPpm()) > 10) until = world.seconds;
    });
    console.log(`      within 10 ppm again ${(until - 200).toFixed(0)} s after a step of 100 ppm`);
    assert.ok(until - 200 < 120);
  });

  it("begins a new epoch within seconds after all clocks of the machine stood still, and keeps its rate", () => {
    // What is less than the round trip may be the path.
    for (const pauseSeconds of [0.05, 0.5, 30]) {
      const world = new ClockWorld({ driftPpm: () => 60, jitterUs: 2000 });
      world.run(300);
      const before = world.epochs.length;
      world.pause(pauseSeconds);
      let worstPpm = 0;
      world.run(10, () => (worstPpm = Math.max(worstPpm, Math.abs(world.rateErrorPpm()))));
      assert.ok(world.epochs.length > before, `${pauseSeconds} s`);
      const offUs = world.errorUs() - world.parentOffsetUs;
      assert.ok(Math.abs(offUs) < 3000, `${offUs} µs off the parent's clock`);
      assert.ok(worstPpm < 20, `${worstPpm} ppm`);
      const settled = world.epochs.length;
      world.run(120);
      assert.equal(world.epochs.length, settled);
    }
  });

  it("takes a path that becomes longer or shorter for what it is", () => {
    for (const [name, before, after] of [
      ["+20 ms", 10_000, 30_000],
      ["−20 ms", 30_000, 10_000],
    ] as const) {
      const there = (seconds: number): number => (seconds < 200 ? before : after);
      const quiet = worst(`${name} one way, jitter 1 ms`, { driftPpm: () => 80, jitterUs: 1000, there });
      assert.ok(quiet.maxPpm < 10 && quiet.wanderUs < 500);
      const noisy = worst(`${name} one way, jitter 8 ms`, { driftPpm: () => 80, jitterUs: 8000, there });
      assert.ok(noisy.maxPpm < 40);
    }
  });

  it("keeps its last rate without a parent", () => {
    const world = new ClockWorld({ driftPpm: () => -70, jitterUs: 500 });
    world.run(180);
    const before = world.rateErrorPpm();
    world.connected = false;
    world.run(600);
    assert.ok(Math.abs(world.rateErrorPpm() - before) < 1e-3);
    assert.ok(Math.abs(before) < 5);
  });

  it("begins its fit anew with the parent's epoch, without a step and with the rate it has", () => {
    const world = new ClockWorld({ driftPpm: () => 60, jitterUs: 1000 });
    world.run(180);
    world.parentEpoch++;
    world.parentOffsetUs -= 5 * DAYS;
    let previous = world.errorUs();
    world.run(180, () => {
      assert.ok(Math.abs(world.errorUs() - previous) < 50);
      assert.ok(Math.abs(world.rateErrorPpm()) < 20);
      previous = world.errorUs();
    });
    assert.equal(world.epochs.length, 1);
    assert.equal(world.clock.status().parentEpoch, world.parentEpoch);
  });

  it("makes measured sums of ways comparable: 1.5 ms in ten minutes with crystals ±100 ppm and days apart", () => {
    // A → C → B and A → B: all measured at another time, up to ten seconds apart, in three different clocks.
    const nodes = [100, -100, 30].map(
      (ppm, i) =>
        new ClockWorld({ seed: i + 1, driftPpm: () => ppm, jitterUs: 2000, rawStartUs: (i - 1) * 10 * DAYS }),
    );
    for (const node of nodes) node.run(60);
    const offsets: number[][] = [];
    for (let i = 0; i < 60; i++) {
      for (const node of nodes) node.run(10);
      // The same true moment for all: the clocks' differences are what one-way values contain.
      offsets.push(nodes.map((node) => node.errorUs()));
    }
    let worstUs = 0;
    for (let i = 1; i < offsets.length; i++) {
      const [a = 0, b = 0, c = 0] = offsets[i] ?? [];
      const [oldA = 0, , oldC = 0] = offsets[i - 1] ?? [];
      // A → C as it was ten seconds ago, C → B and A → B as they are.
      const difference = oldC - oldA + (b - c) - (b - a);
      worstUs = Math.max(worstUs, Math.abs(difference));
    }
    console.log(`      worst difference of two ways: ${worstUs.toFixed(0)} µs`);
    assert.ok(worstUs < 1500);
  });
});

describe("mesh clock: epochs", () => {
  it("sets the offset once, about a second after the start, to within the path's asymmetry", () => {
    const world = new ClockWorld({ driftPpm: () => 50, rawStartUs: 10 * DAYS, jitterUs: 3000 });
    world.run(60);
    assert.equal(world.epochs.length, 1);
    assert.ok((world.epochs[0]?.seconds ?? Infinity) < 1.5);
    assert.equal(world.clock.epoch, world.epochs[0]?.epoch);
    assert.ok(Math.abs(world.errorUs() - world.parentOffsetUs) < 6000);
  });

  it("is raw time where there is no parent, whatever is said to it", () => {
    const clock = new MeshClock({ epoch: 7, hasParent: false });
    const stamps = {
      departureUs: 100,
      remoteArrivalUs: 5,
      remoteDepartureUs: 6,
      arrivalUs: 200,
      remoteEpoch: 1,
    };
    assert.equal(clock.exchange(200, stamps), "none");
    assert.equal(clock.read(864e9), 864e9);
    assert.equal(clock.epoch, 7);
    assert.equal(clock.status().exchanges, 0);
  });

  it("seeks the offset anew in an epoch that somebody else began, and keeps the rate or not", () => {
    const world = new ClockWorld({ driftPpm: () => 80, jitterUs: 200 });
    world.run(180);
    const before = world.clock.read(world.rawAt(world.seconds));
    world.clock.beginEpoch(world.rawAt(world.seconds), 0x1234);
    assert.equal(world.clock.epoch, 0x1234);
    assert.ok(Math.abs(world.clock.read(world.rawAt(world.seconds)) - before) < 1);
    assert.ok(Math.abs(world.rateErrorPpm()) < 5);
    // The machine slept for an hour: raw time stood still.
    world.parentOffsetUs += 3600e6;
    world.run(10);
    assert.equal(world.epochs.length, 2);
    assert.ok(Math.abs(world.errorUs() - world.parentOffsetUs) < 1000);
    world.clock.beginEpoch(world.rawAt(world.seconds), 0x5678, false);
    assert.ok(Math.abs(world.rateErrorPpm() - 80) < 1);
    assert.equal(world.clock.status().disciplined, false);
  });

  it("never goes back nor jumps within an epoch, also for readings a little older than the last change", () => {
    const world = new ClockWorld({ driftPpm: (seconds) => 100 * Math.sin(seconds / 20), jitterUs: 8000 });
    world.run(5);
    world.run(300, () => {
      const raw = world.rawAt(world.seconds);
      let previous = world.clock.read(raw - 3_000_000);
      for (let back = 2_990_000; back >= 0; back -= 10_000) {
        const now = world.clock.read(raw - back);
        assert.ok(now - previous > 9_990 && now - previous < 10_010);
        previous = now;
      }
    });
  });

  it("ignores exchanges that cannot be, and no input makes it run off", () => {
    const wild = fc.oneof(
      fc.double({ min: -1e16, max: 1e16, noNaN: false }),
      fc.integer({ min: -10_000, max: 10_000 }),
      fc.constantFrom(NaN, Infinity, -Infinity),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(wild, wild, wild, wild, fc.nat({ max: 3 })), { maxLength: 40 }),
        (all) => {
          const clock = new MeshClock({ epoch: 1, hasParent: true });
          let raw = 1e9;
          for (const [departureUs, remoteArrivalUs, remoteDepartureUs, arrivalUs, remoteEpoch] of all) {
            raw += 700_000;
            const stamps = { departureUs, remoteArrivalUs, remoteDepartureUs, arrivalUs, remoteEpoch };
            if (clock.exchange(raw, stamps) === "offset") clock.beginEpoch(raw, 2);
            clock.exchange(raw, {
              departureUs: clock.read(raw) - 1000,
              remoteArrivalUs,
              remoteDepartureUs: remoteArrivalUs + 10,
              arrivalUs: clock.read(raw),
              remoteEpoch,
            });
            const rate = (clock.read(raw + 1e6) - clock.read(raw)) / 1e6 - 1;
            assert.ok(Math.abs(rate) <= 501e-6, `rate ${rate}`);
          }
        },
      ),
    );
  });
});
