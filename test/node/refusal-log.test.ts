import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Logger } from "../../src/node/log.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";

const MINUTE = 60_000;
const from = "192.0.2.7:40000";
const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

function recorded(): { log: RefusalLog; lines: [Record<string, unknown>, string][] } {
  const lines: [Record<string, unknown>, string][] = [];
  const warn = (fields: Record<string, unknown>, text: string): void => void lines.push([fields, text]);
  return { log: new RefusalLog({ warn } as unknown as Logger), lines };
}

describe("the log of what a supernode refuses", () => {
  it("names member, link and reason of a report", () => {
    const { log, lines } = recorded();
    log.report({ nodeId: 3, reason: "bad-number", peer: 1 }, 0);
    log.report({ nodeId: 3, reason: "stale" }, 0);
    log.report({ nodeId: 3, reason: "dishonest", peer: 2 }, 0);
    assert.deepEqual(lines.slice(0, 2), [
      [{ node: 3, peer: 1 }, "report refused: bad-number"],
      [{ node: 3 }, "report refused: stale"],
    ]);
    assert.match(lines[2]?.[1] ?? "", /^report refused: dishonest \(.*round trips.*\)$/);
    // Such links go on carrying what is for their own ends.
    for (const reason of ["dishonest", "implausible", "negative-cycle"] as const) {
      log.report({ nodeId: 4, reason, peer: 2 }, 0);
      assert.match(lines.at(-1)?.[1] ?? "", /: no hop for others\)$/);
    }
  });

  it("is not filled by a member that goes on: repetitions are a number once a minute", () => {
    const { log, lines } = recorded();
    for (let ms = 0; ms <= 2 * MINUTE; ms += 100) {
      log.report({ nodeId: 3, reason: "stale" }, ms);
      if (ms % 1000 === 0) log.repeat(ms);
    }
    assert.deepEqual(
      lines.map(([fields]) => fields),
      [{ node: 3 }, { node: 3, times: 600 }, { node: 3, times: 600 }],
    );
    log.report({ nodeId: 4, reason: "stale" }, 2 * MINUTE);
    log.report({ nodeId: 3, reason: "malformed" }, 2 * MINUTE);
    assert.equal(lines.length, 5);
    log.report({ nodeId: 3, reason: "stale" }, 2.5 * MINUTE);
    log.repeat(4 * MINUTE);
    assert.deepEqual(lines.at(-1)?.[0], { node: 3, times: 1 });
    log.repeat(5 * MINUTE);
    log.report({ nodeId: 3, reason: "stale" }, 6 * MINUTE);
    assert.deepEqual(lines.at(-1)?.[0], { node: 3 });
  });

  it("tells once that a message was too long to be sent", () => {
    const { log, lines } = recorded();
    for (let ms = 0; ms < MINUTE; ms += 1000) log.unsent(3, "members", ms);
    assert.deepEqual(lines, [[{ node: 3 }, "message not sent: members is too long"]]);
  });

  it("names every link of which something was found", () => {
    const { log, lines } = recorded();
    for (const peer of [1, 2, 4]) log.report({ nodeId: 3, reason: "dishonest", peer }, 0);
    assert.deepEqual(
      lines.map(([fields]) => fields["peer"]),
      [1, 2, 4],
    );
  });

  it("names every link of one report of which something was found, and of what is refused the first", () => {
    const { log, lines } = recorded();
    const narrow = (peer: number) => ({ reason: "narrow" as const, peer });
    const refused = (peer: number) => ({ reason: "bad-number" as const, peer });
    log.reports(3, [narrow(1), refused(4), narrow(2), refused(5)], 0);
    assert.deepEqual(
      lines.map(([fields]) => fields),
      [
        { node: 3, peer: 1 },
        { node: 3, peer: 4 },
        { node: 3, peer: 2 },
      ],
    );
    log.repeat(MINUTE);
    assert.deepEqual(lines[3], [{ node: 3, peer: 4, times: 1 }, "report refused: bad-number"]);
  });

  it("is not filled by a member of which much is found, nor takes that the others' room", () => {
    const { log, lines } = recorded();
    const narrow = (first: number) =>
      Array.from({ length: 4000 }, (_, i) => ({ reason: "narrow" as const, peer: first + i }));
    log.reports(3, narrow(0), 0);
    assert.equal(lines.length, 16 + 1);
    assert.deepEqual(lines.at(-1)?.[0], { node: 3 });
    for (let i = 1; i < 100; i++) log.reports(3, narrow(i), 0);
    assert.equal(lines.length, 64 + 1);
    log.reports(4, narrow(0), 0);
    assert.equal(lines.length, 64 + 1 + 16 + 1);
    log.repeat(MINUTE);
    const times = lines.slice(82).reduce((sum, [fields]) => sum + Number(fields["times"]), 0);
    assert.equal(times + 82, 101 * 4000);
  });

  it("keeps its last refusals by its own time, whatever becomes of the wall clock", () => {
    const HOUR = 60 * MINUTE;
    const { log } = recorded();
    const refuse = (
      member: number | undefined,
      code: "malformed" | "duplicate",
      atMs: number,
      nowMs: number,
    ): void => log.connection({ code, text: code, from, pubKey: key(member ?? 9) }, member, atMs, nowMs);
    refuse(3, "malformed", 10 * HOUR, 0);
    // The clock is set back by hours, and somebody goes on for minutes.
    refuse(4, "duplicate", HOUR, 1000);
    for (let ms = 2000; ms < 3 * MINUTE; ms += 1000) refuse(3, "malformed", HOUR, ms);
    assert.equal(log.last?.code, "malformed");
    refuse(undefined, "duplicate", HOUR, 5 * MINUTE);
    assert.equal(log.last?.code, "duplicate", "a member's last is two minutes old");
    // And forward: seconds have passed.
    refuse(3, "malformed", HOUR, 5 * MINUTE + 1000);
    refuse(undefined, "duplicate", 20 * HOUR, 5 * MINUTE + 2000);
    assert.equal(log.last?.code, "malformed");
  });

  it("tells a refused connection from a refused message of a member, and keeps the last one", () => {
    const { log, lines } = recorded();
    log.connection({ code: "unknown-key", text: "no member", from, pubKey: key(0) }, undefined, 5, 5);
    assert.deepEqual(lines[0], [
      { from, code: "unknown-key", key: `${"A".repeat(43)}=` },
      "connection refused: no member",
    ]);
    log.connection({ code: "malformed", text: "not JSON", from, pubKey: key(1), nodeId: 3 }, 3, 6, 6);
    assert.deepEqual(lines[1], [{ from, code: "malformed", node: 3 }, "message refused: not JSON"]);
    assert.deepEqual(log.last, { code: "malformed", text: "not JSON", from, atMs: 6 });
  });

  it("is not filled by a member whose messages are malformed, which hides nothing of the others", () => {
    const { log, lines } = recorded();
    const refuse = (member: number, code: "malformed" | "duplicate", ms: number): void =>
      log.connection({ code, text: code, from, pubKey: key(member), nodeId: member }, member, ms, ms);
    for (let ms = 0; ms < 3 * MINUTE; ms += 10) {
      refuse(3, "malformed", ms);
      if (ms === MINUTE / 2) refuse(4, "duplicate", ms);
      if (ms % 1000 === 0) log.repeat(ms);
      if (ms === MINUTE) assert.equal(log.last?.code, "duplicate");
    }
    assert.deepEqual(
      lines.map(([{ node, times }]) => [node, times]),
      [
        [3, undefined],
        [4, undefined],
        [3, 6000],
        [3, 6000],
      ],
    );
    assert.equal(log.last?.code, "malformed", "the only one for minutes");
  });

  it("is not filled by strangers, with whatever keys, who hide no member's refusal and none from elsewhere", () => {
    const { log, lines } = recorded();
    const flood = (ms: number): void => {
      const pubKey = new Uint8Array(32);
      new DataView(pubKey.buffer).setUint32(0, ms);
      const at = `198.51.100.${ms % 250}:${1024 + (ms % 60_000)}`;
      log.connection({ code: "unknown-key", text: "no member", from: at, pubKey }, undefined, ms, ms);
      log.connection({ code: "not-proven", text: "no proof", from: at }, undefined, ms, ms);
    };
    for (let ms = 0; ms < MINUTE; ms++) {
      flood(ms);
      if (ms === 30_000)
        log.connection({ code: "wrong-network", text: "names differ", from, pubKey: key(3) }, 3, ms, ms);
      if (ms === 31_000)
        log.connection({ code: "unknown-key", text: "no member", from, pubKey: key(9) }, undefined, ms, ms);
      if (ms % 1000 === 0) log.repeat(ms);
    }
    assert.equal(log.last?.code, "wrong-network");
    const [honest, strangers] = [lines.filter(([{ from: at }]) => at === from), lines.length];
    assert.deepEqual(
      honest.map(([{ code }]) => code),
      ["wrong-network", "unknown-key"],
    );
    // Eight keys, the others together, and those without a proof.
    assert.equal(strangers, 8 + 1 + 1 + 2);
    log.repeat(MINUTE);
    assert.ok(lines.some(([{ code, times }]) => code === "not-proven" && times === 59_999));
  });

  it("has room for so many strangers and no more, and always for members", () => {
    const { log, lines } = recorded();
    for (let i = 0; i < 5000; i++) {
      const at = `10.${i >> 8}.${i & 255}.1:5000`;
      log.connection({ code: "not-proven", text: "no proof", from: at }, undefined, 0, 0);
    }
    assert.equal(lines.length, 200);
    log.connection({ code: "wrong-node-id", text: "another's", from, pubKey: key(3) }, 3, 0, 0);
    assert.equal(lines.length, 201);
    assert.equal(log.last?.code, "wrong-node-id");
  });
});
