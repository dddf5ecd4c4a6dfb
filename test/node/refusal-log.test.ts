import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Logger } from "../../src/node/log.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";

const MINUTE = 60_000;

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

  it("tells a refused connection from a refused message of a member, and keeps the last one", () => {
    const { log, lines } = recorded();
    const from = "192.0.2.7:40000";
    log.connection({ code: "unknown-key", text: "no member", from, pubKey: new Uint8Array(32) }, 5);
    assert.deepEqual(lines[0], [
      { from, code: "unknown-key", key: `${"A".repeat(43)}=` },
      "connection refused: no member",
    ]);
    log.connection({ code: "malformed", text: "not JSON", from, nodeId: 3 }, 6);
    assert.deepEqual(lines[1], [{ from, code: "malformed", node: 3 }, "message refused: not JSON"]);
    assert.deepEqual(log.last, { code: "malformed", text: "not JSON", from, atMs: 6 });
  });
});
