import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ForwardMeter } from "../../src/dataplane/forward-meter.ts";
import { Pump } from "../../src/dataplane/pump.ts";
import { ReadingLag } from "../../src/dataplane/reading-lag.ts";

const SECOND = 1_000_000;
const BATCH = 16;
/** Batches that one turn takes. */
const TURN = 16;

/** A pump whose socket holds datagrams that came at `arrivedUs`, read 16 at a time at `nowUs`. */
function pumpOf(nowUs: number, arrivedUs: number[]): { pump: Pump; lag: ReadingLag } {
  const lag = new ReadingLag();
  const arrivals = new Float64Array(BATCH);
  const engine = {
    arrivals,
    receive: (out: Float64Array): number => {
      const batch = arrivedUs.splice(0, BATCH);
      arrivals.set(batch);
      out.set([0, 0, 0, nowUs, arrivedUs.length > 0 ? 1 : 0, nowUs - (batch[0] ?? NaN)]);
      return batch.length;
    },
  };
  const parts = { addon: { now: () => nowUs }, engine, forwarding: new ForwardMeter(), lag, port: -1 };
  return { pump: new Pump(parts as unknown as ConstructorParameters<typeof Pump>[0]), lag };
}

const longAgo = (count: number): number[] => new Array<number>(count).fill(6 * SECOND);

describe("the pump", () => {
  it("says that it is behind while more than a turn of what came long ago is left", () => {
    const { pump, lag } = pumpOf(10 * SECOND, longAgo(2 * TURN * BATCH + 1));
    pump.receive();
    assert(lag.isBehind);
    pump.receive();
    assert(lag.isBehind);
    pump.receive();
    assert(!lag.isBehind);
  });

  it("is not behind when it has read everything, however old, nor when what it reads has just come", () => {
    const old = pumpOf(10 * SECOND, longAgo(TURN * BATCH));
    old.pump.receive();
    assert(!old.lag.isBehind);
    const busy = pumpOf(10 * SECOND, new Array<number>(3 * TURN * BATCH).fill(9.95 * SECOND));
    busy.pump.receive();
    assert(!busy.lag.isBehind);
  });

  it("is behind when only the other socket has been read up to now", () => {
    const arrived = longAgo(2 * TURN * BATCH).map((us, i) => ((i / BATCH) & 1 ? 10 * SECOND : us));
    const { pump, lag } = pumpOf(10 * SECOND, arrived);
    pump.receive();
    assert(lag.isBehind);
  });
});

describe("a reading lag", () => {
  it("makes verdicts wait for as long as it is, but two seconds at most", () => {
    const lag = new ReadingLag();
    assert.equal(lag.delayUs, 0);
    for (const [lagUs, delayUs] of [
      [50_000, 50_000],
      [SECOND, SECOND],
      [10 * SECOND, 2 * SECOND],
      [0, 0],
    ] as const) {
      lag.note(0, lagUs);
      assert.equal(lag.delayUs, delayUs);
    }
  });

  it("that lasts is none to wait for: who cannot keep up has to tell, too", () => {
    const lag = new ReadingLag();
    for (let us = 0; us <= 5 * SECOND; us += SECOND / 2) {
      lag.note(us, SECOND);
      assert.equal(lag.isBehind, us < 2 * SECOND);
    }
    lag.note(6 * SECOND, 0);
    lag.note(7 * SECOND, SECOND);
    assert(lag.isBehind);
  });
});
