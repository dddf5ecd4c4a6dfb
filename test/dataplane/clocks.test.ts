import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { ClockWatch } from "../../src/dataplane/clock-watch.ts";
import { PlaneClock } from "../../src/dataplane/plane-clock.ts";
import { RawClock, testDrift } from "../../src/dataplane/raw-clock.ts";

const SECOND = 1_000_000;

describe("the raw clock", () => {
  it("is the system's, unless a test makes its crystal wrong by so many parts per million", () => {
    let system = 5e12;
    const [exact, fast] = [new RawClock(() => system), new RawClock(() => system, 100)];
    assert.deepEqual([exact.now(), fast.now()], [system, system]);
    system += 600 * SECOND;
    assert.equal(exact.now(), system);
    assert(Math.abs(fast.now() - system - 60_000) < 1);
    // Stamps of the engine are in the same time.
    assert.equal(fast.of(system), fast.now());
    assert(Math.abs(fast.of(system - SECOND) - (fast.now() - 1_000_100)) < 1);
  });

  it("takes no drift from an environment that asks for none, or for nonsense", () => {
    const drift = (value?: string): number => testDrift({ ETHERLOOM_TEST_DRIFT_PPM: value });
    assert.deepEqual([drift(), drift(""), drift("x"), drift("1e9"), drift("NaN")], [0, 0, 0, 0, 0]);
    assert.deepEqual([drift("100"), drift("-50.5")], [100, -50.5]);
  });
});

describe("the clock watch", () => {
  it("sees nothing in a machine that runs, however slowly it looks, and while the kernel slews its clock", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            pause: fc.integer({ min: 0, max: 100 * SECOND }),
            slew: fc.oneof(fc.integer({ min: -500, max: 500 }), fc.integer({ min: -100_000, max: 100_000 })),
          }),
        ),
        (steps) => {
          let [raw, monotonic, boottime] = [1e12, 2e12, 3e12];
          const watch = new ClockWatch();
          assert(!watch.broke(raw, monotonic, boottime));
          for (const { pause, slew } of steps) {
            raw += pause;
            monotonic += pause * (1 + slew / 1e6);
            boottime += pause * (1 + slew / 1e6);
            assert(!watch.broke(raw, monotonic, boottime));
          }
        },
      ),
    );
  });

  it("notices once that the machine slept, or that the raw clock jumped either way", () => {
    const watch = new ClockWatch();
    assert(!watch.broke(0, 0, 0));
    assert(watch.broke(SECOND, SECOND, 61 * SECOND));
    assert(!watch.broke(2 * SECOND, 2 * SECOND, 62 * SECOND));
    assert(watch.broke(4 * SECOND, 3 * SECOND, 63 * SECOND));
    assert(watch.broke(4 * SECOND, 4 * SECOND, 64 * SECOND));
    assert(!watch.broke(5 * SECOND, 5 * SECOND, 65 * SECOND));
  });
});

describe("the worker's clocks", () => {
  /** A clock whose system has run for `at` µs and was suspended for `slept` of them. */
  const make = (
    parent: number | null,
  ): { clock: PlaneClock; system: { at: number; slept: number }; epochs: number[] } => {
    const system = { at: 7e9, slept: 0 };
    const origin = performance.now() * 1000;
    // What CLOCK_MONOTONIC does is not the test's to say: the raw clock keeps step with it.
    const now = (): number => system.at + performance.now() * 1000 - origin;
    const epochs: number[] = [];
    let random = 100;
    const clock: PlaneClock = new PlaneClock(
      { now, boottime: () => performance.now() * 1000 + system.slept },
      { epoch: 1, parent, driftPpm: 0, onEpoch: () => epochs.push(clock.epoch) },
      () => random++,
    );
    return { clock, system, epochs };
  };

  it("are one where there is no clock parent", () => {
    const { clock, epochs } = make(null);
    assert(Math.abs(clock.meshUs() - clock.rawUs()) < 5_000);
    assert.equal(clock.arrivalUs(7e9 - 10), 7e9 - 10);
    clock.exchange({
      departureUs: 0,
      remoteArrivalUs: 1,
      remoteDepartureUs: 2,
      arrivalUs: 3,
      remoteEpoch: 9,
    });
    clock.check();
    assert.deepEqual(epochs, []);
    assert.deepEqual(clock.report().parent, null);
  });

  it("begin an epoch in the parent's time when the offset to it is known", () => {
    const { clock, epochs } = make(65533);
    for (let i = 0; i < 10; i++) {
      const departureUs = clock.meshUs() - 2000;
      // The parent is a day ahead before the offset is set, and in step after.
      const ahead = epochs.length === 0 ? 86_400 * SECOND : 0;
      const remoteArrivalUs = departureUs + 1000 + ahead;
      clock.exchange({
        departureUs,
        remoteArrivalUs,
        remoteDepartureUs: remoteArrivalUs,
        arrivalUs: departureUs + 2000,
        remoteEpoch: 9,
      });
    }
    assert.deepEqual(epochs, [100]);
    assert.equal(clock.epoch, 100);
    assert(Math.abs(clock.meshUs() - clock.rawUs() - 86_400 * SECOND) < 20_000);
    const { parent, epochs: begun, exchanges } = clock.report();
    assert.deepEqual([parent, begun, exchanges], [65533, 2, 10]);
  });

  it("begin an epoch when the machine slept", () => {
    const { clock, system, epochs } = make(null);
    clock.check();
    system.slept += 3600 * SECOND;
    clock.check();
    clock.check();
    assert.deepEqual(epochs, [100]);
  });
});
