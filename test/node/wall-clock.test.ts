import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "mocha";
import { pino } from "pino";
import { createLog } from "../../src/node/log.ts";
import { WallClock } from "../../src/node/wall-clock.ts";

const config = {
  useNtp: true,
  servers: ["a", "b", "c"],
  maxServerUse: 2,
  syncTimeInterval: 0,
  ntpTimeout: 1,
};

describe("the wall clock's distance from time servers", () => {
  it("is shown for as many servers as may be asked, and what failed is shown too", async () => {
    const clock = new WallClock(config, createLog("silent"), async (server) => {
      if (server === "b") throw new Error("Timeout");
      return { t: -12.5, d: 3 };
    });
    await clock.sync();
    clock.stop();
    assert.deepEqual(
      clock.status.map(({ server, offsetMs, delayMs, error }) => ({ server, offsetMs, delayMs, error })),
      [
        { server: "a", offsetMs: -12.5, delayMs: 3, error: null },
        { server: "b", offsetMs: null, delayMs: null, error: "Timeout" },
      ],
    );
  });

  it("is asked for once where the interval is longer than timers can wait", async () => {
    let asked = 0;
    const long = { ...config, servers: ["a"], syncTimeInterval: 1e9 };
    const clock = new WallClock(long, createLog("silent"), async () => ({ t: ++asked, d: 1 }));
    await clock.sync();
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.stop();
    assert.equal(asked, 1);
  });

  it("that nobody tells is one warning, until somebody has told it again", async () => {
    const lines: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
    let answers = false;
    const clock = new WallClock({ ...config, syncTimeInterval: 1e6 }, log, async () => {
      if (!answers) throw new Error("Timeout");
      return { t: 0, d: 1 };
    });
    const rounds = [false, false, true, false];
    for (answers of rounds) await clock.sync();
    clock.stop();
    assert.equal(lines.length, 2);
  });

  it("is not asked for without servers", () => {
    const clock = new WallClock({ ...config, useNtp: false }, createLog("silent"), () => assert.fail());
    clock.start();
    assert.deepEqual(clock.status, []);
  });
});

describe("a time server that never answers", () => {
  it("is an entry with an error, within the timeout", async () => {
    const silent = createSocket("udp4");
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const clock = new WallClock({ ...config, servers: ["127.0.0.1"], ntpTimeout: 0.2 }, createLog("silent"));
    await clock.sync();
    clock.stop();
    silent.close();
    assert.equal(clock.status[0]?.offsetMs, null);
    assert.ok(clock.status[0]?.error);
  });
});
