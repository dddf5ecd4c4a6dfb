import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, it } from "mocha";
import { StateDir } from "../../src/node/state-dir.ts";
import { StoredTimestamps } from "../../src/node/stored-timestamps.ts";
import { compareTimestamps } from "../../src/noise/timestamp.ts";

const NOW = Date.UTC(2026, 5, 1);
const YEAR_MS = 365 * 24 * 3600 * 1000;

describe("stored timestamps", () => {
  let path: string;
  let faults: number;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "el-time-"));
    faults = 0;
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
  const open = (): StoredTimestamps => StoredTimestamps.open(new StateDir(path, () => faults++));

  it("rise after a restart with the clock set back a year", () => {
    const last = open().next(NOW);
    assert.ok(compareTimestamps(open().next(NOW - YEAR_MS), last) > 0);
  });

  it("rise strictly whatever the clock does and however often the process is killed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wall: fc.integer({ min: 0, max: 2 * NOW }), restart: fc.boolean() }), {
          maxLength: 40,
        }),
        (steps) => {
          rmSync(join(path, "timestamp"), { force: true });
          let source = open();
          let last: Uint8Array | undefined;
          for (const { wall, restart } of steps) {
            if (restart) source = open();
            const next = source.next(wall);
            if (last !== undefined) assert.ok(compareTimestamps(next, last) > 0);
            last = next;
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("are the wall clock's as long as it goes forward", () => {
    const first = open().next(NOW);
    const later = open().next(NOW + 120_000);
    const seconds = (stamp: Uint8Array): bigint =>
      new DataView(stamp.buffer, stamp.byteOffset).getBigUint64(0);
    assert.equal(seconds(later) - seconds(first), 120n);
  });

  it("write the disk once a minute, not once a handshake", () => {
    const source = open();
    source.next(NOW);
    const before = statSync(join(path, "timestamp")).ino;
    for (let i = 1; i <= 50; i++) source.next(NOW + i * 1000);
    assert.equal(statSync(join(path, "timestamp")).ino, before);
    source.next(NOW + 61_000);
    assert.notEqual(statSync(join(path, "timestamp")).ino, before);
  });

  it("take a damaged file for none", () => {
    for (const text of ["", "garbage", "00".repeat(11), "zz".repeat(12)]) {
      writeFileSync(join(path, "timestamp"), text);
      assert.equal(open().next(NOW).length, 12);
    }
  });

  it("go on without a disk, which is reported once", () => {
    const source = open();
    mkdirSync(join(path, "timestamp.new"));
    const first = source.next(NOW);
    const second = source.next(NOW + 1);
    assert.ok(compareTimestamps(second, first) > 0);
    assert.equal(faults, 1);
    rmSync(join(path, "timestamp.new"), { recursive: true });
    source.next(NOW + 2);
    assert.ok(compareTimestamps(open().next(0), second) > 0, "and keeps them again once it can");
  });
});
