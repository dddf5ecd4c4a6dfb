import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { StatusDocument } from "../../src/api/status-model.ts";
import { renderStatus } from "../../src/api/status-text.ts";
import { sampleStatus } from "./sample-status.ts";

function linesOf(change: (status: StatusDocument) => void): string[] {
  const status = sampleStatus();
  status.mode = "super";
  change(status);
  const lines = renderStatus(status).split("\n");
  for (const line of lines) assert.equal(line, line.trimEnd());
  return lines;
}
function after(lines: string[], title: string, count: number): string[] {
  const at = lines.indexOf(title);
  assert.ok(at >= 0, `no ${title}`);
  return lines.slice(at + 1, at + 1 + count);
}
const one = (lines: string[], pattern: RegExp): string =>
  lines.find((line) => pattern.test(line)) ?? assert.fail(`${pattern}\n${lines.join("\n")}`);

describe("an edge's supernodes in status", () => {
  const connected = {
    ...{ control: "192.0.2.1:3002", obeyed: true, state: "connected" as const, code: null, text: null },
    ...{ transport: "quic" as const, rttMs: 12.34, observed: "203.0.113.5:3001", sinceSeconds: 61 },
  };
  const refused = {
    ...{ control: "[2001:db8::1]:3002", obeyed: false, state: "refused" as const, code: "unknown-key" },
    ...{ text: "no member has this key", transport: null, rttMs: null, observed: null, sinceSeconds: 5 },
  };

  it("are shown with state, reason, transport and round trip, and which one is obeyed", () => {
    const lines = linesOf((status) => (status.supers = [connected, refused]));
    const [title, first, second] = after(lines, "Supernodes", 3);
    assert.match(title ?? "", /^ {2}CONTROL +STATE +SINCE +BY +RTT ms +SEES THIS NODE AT$/);
    assert.match(
      first ?? "",
      /^ {2}192\.0\.2\.1:3002 +connected +1 m 1 s +quic +12\.3 +203\.0\.113\.5:3001 +obeyed$/,
    );
    assert.match(
      second ?? "",
      /^ {2}\[2001:db8::1\]:3002 +refused: unknown-key +5 s +- +- +- +no member has this key$/,
    );
  });

  it("need no word on obedience where there is one", () => {
    const [, first] = after(
      linesOf((status) => (status.supers = [connected])),
      "Supernodes",
      2,
    );
    assert.match(first ?? "", /12\.3 +203\.0\.113\.5:3001$/);
  });

  it("say nothing that steers the terminal", () => {
    const text = linesOf((status) => (status.supers = [{ ...refused, text: "x\u001b[2J" }])).join("\n");
    assert.ok(!text.includes("\u001b") && text.includes("x?[2J"));
  });

  it("are no section of a node without one", () => {
    const lines = linesOf(() => undefined);
    assert.ok(!lines.includes("Supernodes") && !lines.includes("Control"));
  });
});

describe("a supernode's control port in status", () => {
  const control = {
    ...{ port: 3002, connected: 1, settled: true, computed: { full: 3, incremental: 9 } },
    ...{ refused: {}, lastRefusal: null },
  };

  it("is shown with the edges that are connected", () => {
    const lines = linesOf((status) => (status.control = control));
    assert.deepEqual(after(lines, "Control", 2), ["  port 3002, 1 edge connected", ""]);
  });

  it("stands instead of routes: a supernode has none", () => {
    const lines = linesOf((status) => {
      status.control = control;
      status.routes = [];
    });
    assert.ok(!lines.includes("Routes"));
  });

  it("tells that routes are kept back, and what was refused, last of all", () => {
    const atMs = Date.now() - 65_000;
    const lines = linesOf((status) => {
      status.control = {
        ...{ ...control, connected: 0, settled: false },
        refused: { "not-proven": 2, stale: 0, dishonest: 1 },
        lastRefusal: { code: "not-proven", text: "wrong\u0007 key", from: "198.51.100.9:5", atMs },
      };
    });
    assert.deepEqual(after(lines, "Control", 3), [
      "  port 3002, 0 edges connected, routes kept back until all have reported",
      "  dishonest 1   not-proven 2",
      "  last refused 1 m 5 s ago: 198.51.100.9:5, not-proven: wrong? key",
    ]);
  });

  it("names the members whose reports were refused, and the links", () => {
    const lines = linesOf((status) => {
      status.control = {
        ...{ ...control, refused: { stale: 12, dishonest: 2 } },
        refusedReports: [
          { node: "3 m", reason: "dishonest", peer: "1 a", count: 2 },
          { node: "14 beta", reason: "stale", peer: null, count: 12 },
        ],
      };
    });
    assert.deepEqual(after(lines, "Control", 6), [
      "  port 3002, 1 edge connected",
      "  dishonest 2   stale 12",
      "",
      "  REPORTS OF  REFUSED AS  LINK FROM  TIMES",
      "  3 m         dishonest   1 a            2",
      "  14 beta     stale       -             12",
    ]);
  });
});

describe("clocks in status", () => {
  const clock = {
    ...{ epoch: 5, parent: 65533, ratePpm: -12.34, offsetUs: 7, disciplined: true, exchanges: 90 },
    ...{ spanSeconds: 80, epochs: 1 },
  };
  const mesh = (change: Partial<typeof clock>): string =>
    one(
      linesOf((status) => (status.clock = { ...clock, ...change })),
      /mesh clock/,
    );

  it("tell whom the mesh clock follows and how well", () => {
    assert.match(mesh({}), /^ {2}mesh clock {2}-12\.3 ppm, follows node 65533$/);
    assert.match(mesh({ disciplined: false, ratePpm: 3 }), /\+3\.0 ppm, still settling, follows node 65533$/);
    assert.match(mesh({ exchanges: 0 }), /not set yet, follows node 65533$/);
    assert.match(mesh({ epochs: 3 }), /, begun 3 times$/);
  });

  it("are not mentioned where the mesh clock follows nobody", () => {
    const lines = linesOf((status) => (status.clock = { ...clock, parent: null as unknown as number }));
    assert.ok(!lines.some((line) => line.includes("mesh clock")));
  });

  it("tell how far the wall clock is from each time server, or why that is not known", () => {
    const lines = linesOf((status) => {
      const asked = { delayMs: 8, askedAtMs: 0, error: null };
      status.ntp = [
        { ...asked, server: "a", offsetMs: 12.34 },
        { ...asked, server: "b", offsetMs: -3 },
        { ...asked, server: "c", offsetMs: null, error: "Time\u001bout" },
      ];
    });
    one(lines, /wall clock {2}behind a by 12\.3 ms \(± 4\.0\)$/);
    one(lines, /wall clock {2}ahead of b by 3\.0 ms/);
    one(lines, /wall clock {2}c: Time\?out$/);
  });
});

describe("members and routes in status", () => {
  it("show who is online, and nothing where there is nobody to know", () => {
    const lines = linesOf((status) => {
      const [first, second] = status.peers;
      assert.ok(first && second);
      first.online = true;
      second.online = false;
      status.peers.push({ ...first, nodeId: 65533, name: "supernode", online: null });
    });
    one(lines, /frankfurt +yes +\[2001/);
    one(lines, /tokyo +no +-/);
    one(lines, /65533 {2}supernode +\[2001/);
  });

  it("show backup, cost and the way that is used if it is another", () => {
    const lines = linesOf((status) => {
      const routes = { hops: 2, via: "relay" as const, maxFrame: 1364 };
      const used = (
        nextHop: number | null,
      ): { nextHop: number | null; kind: "backup"; pathDown: boolean } => ({
        ...{ nextHop, kind: "backup", pathDown: false },
      });
      status.routes = [
        { ...routes, destination: 65000, nextHop: 2, backup: 65000, costUs: -41_500, inUse: used(65000) },
        { ...routes, destination: 9, nextHop: 2, backup: 7, costUs: 8000, inUse: used(7) },
        { ...routes, destination: 8, nextHop: 2, backup: null, costUs: null, inUse: used(null) },
        { ...routes, destination: 6, nextHop: 2, inUse: used(2) },
      ];
    });
    one(lines, /^ {2}TO +VIA +NOW +BACKUP +COST ms +HOPS +LARGEST FRAME$/);
    one(lines, /^ {2}65000 tokyo {2}2 frankfurt {2}direct +direct +-41\.5 +2 +1364$/);
    one(lines, /^ {2}9 +2 frankfurt {2}7 +7 +8\.00 +2 +1364$/);
    one(lines, /^ {2}8 +2 frankfurt {2}none +2 +1364$/);
    one(lines, /^ {2}6 +2 frankfurt +2 +1364$/);
  });
});
