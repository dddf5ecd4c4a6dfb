import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { renderStatus } from "../../src/api/status-text.ts";
import type { ThreadStatus } from "../../src/api/status-model.ts";
import { age, bytes, milliseconds, percent, printable, table, wrap } from "../../src/api/text-table.ts";
import { sampleStatus } from "./sample-status.ts";

describe("status as text", () => {
  const lines = renderStatus(sampleStatus()).split("\n");
  const row = (start: RegExp): string => lines.find((line) => start.test(line)) ?? assert.fail(String(start));

  it("fits 100 columns and has no trailing blanks", () => {
    for (const line of lines) {
      assert.ok(line.length <= 100, `${line.length}: ${line}`);
      assert.equal(line, line.trimEnd());
    }
  });

  it("tells who the node is and how long it runs", () => {
    assert.equal(lines[0], "berlin, node 1");
    assert.match(row(/running/), /for 3 d 4 h, process 4242$/);
    assert.match(row(/UDP/), /port 3001, IPv4, IPv6, GSO, receive buffer 8\.0 MiB, 2 dropped by the kernel$/);
    assert.ok(lines.includes("warning: port el0: MTU 1404 needs fragments over 2 hops; 1350 fits"));
  });

  it("tells how the data plane's thread is scheduled, and why not in real time", () => {
    const shown = (scheduling: ThreadStatus["scheduling"], error: string | null): string =>
      renderStatus({ ...sampleStatus(), thread: { scheduling, error, cpuShare: 0.0234 } });
    assert.match(shown("realtime", null), /^ {2}data plane {2}in real time, 2\.3 % of a core$/m);
    assert.match(shown("normal", null), /^ {2}data plane {2}as an ordinary thread while it is busy, 2\.3 %/m);
    assert.match(shown("refused", "EPERM"), /ordinary thread: real time was refused \(EPERM\), 2\.3 %/);
    assert.match(shown("off", null), /ordinary thread \(realtime: false\), 2\.3 %/);
  });

  it("shows sessions, delays and routes", () => {
    assert.match(
      row(/frankfurt .*AES/),
      /2 {2}frankfurt {2}\[2001:db8:100:200::2\]:3001 {2}established {2}AES +1 m 11 s +37 MiB +999 B$/,
    );
    assert.match(row(/^ +65000 {2}tokyo/), /65000 {2}tokyo +- +handshake +- +- +0 B +0 B$/);
    assert.match(row(/ up /), /1 h 6 m +8\.41 +4\.21 +-1\.80 +0\.042 +0\.3 +1500$/);
    assert.match(row(/^ {2}2 frankfurt/), /direct +1 +1398$/);
    assert.match(row(/^ {2}65000 tokyo/), /2 frankfurt +2 +-$/);
    assert.match(row(/^ {2}9 /), /2 frankfurt +- +1364$/);
  });

  it("names the keys that are not from the file", () => {
    assert.ok(lines.includes("  the key of 65000 tokyo is vouched by 2"));
    assert.doesNotMatch(lines.join("\n"), /key of 2 /);
  });

  it("leaves out zero counters", () => {
    assert.ok(lines.includes("  bad-tag 4   no-session 3"));
    assert.doesNotMatch(lines.join("\n"), /ttl-expired|framesOut/);
  });

  it("renders an empty node", () => {
    const empty = {
      ...sampleStatus(),
      ports: [],
      peers: [],
      routes: [],
      counters: {},
      drops: {},
      warnings: [],
    };
    assert.match(renderStatus(empty), /Peers\n {2}none\n/);
  });

  it("lets no name steer the terminal", () => {
    const hostile = sampleStatus();
    const peer = hostile.peers[0];
    assert.ok(peer);
    peer.name = "x\u001b[2J\r\u202ey";
    hostile.warnings = ["\u009bm"];
    assert.doesNotMatch(renderStatus(hostile), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.equal(printable("x\u001b[2J\r\u202ey"), "x?[2J??y");
  });
});

describe("quantities", () => {
  it("ages", () => {
    const cases: [number | null, string][] = [
      [null, "-"],
      [-3, "0.0 s"],
      [0.46, "0.4 s"],
      [1, "1 s"],
      [59.99, "59 s"],
      [60, "1 m 0 s"],
      [3599.9, "59 m 59 s"],
      [3600, "1 h 0 m"],
      [86_399, "23 h 59 m"],
      [86_400, "1 d 0 h"],
    ];
    for (const [seconds, text] of cases) assert.equal(age(seconds), text);
  });

  it("delays", () => {
    const cases: [number | null, string][] = [
      [null, "-"],
      [0, "0.000"],
      [41.6, "0.042"],
      [999.6, "1.00"],
      [1534, "1.53"],
      [23_440, "23.4"],
      [99_960, "100"],
      [148_200, "148"],
      [-2500, "-2.50"],
    ];
    for (const [us, text] of cases) assert.equal(milliseconds(us), text);
  });

  it("loss is never shown as none when there is some", () => {
    assert.deepEqual([null, 0, 0.0001, 0.003, 0.12, 1].map(percent), ["-", "0", "<0.1", "0.3", "12", "100"]);
  });

  it("sizes keep to four digits", () => {
    assert.deepEqual([0, 999, 1000, 1536, 9.95 * 1024, 2 ** 20 * 37].map(bytes), [
      "0 B",
      "999 B",
      "1.0 KiB",
      "1.5 KiB",
      "10 KiB",
      "37 MiB",
    ]);
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (size) => bytes(size).length <= 7));
  });
});

describe("tables", () => {
  it("align columns and drop empty ones", () => {
    const lines = table(
      [{ title: "A" }, { title: "EMPTY" }, { title: "N", align: "right" }],
      [
        ["x", "", "1"],
        ["long", "", "100"],
      ],
      (text) => `<${text}>`,
    );
    assert.deepEqual(lines, ["<A       N>", "x       1", "long  100"]);
  });

  it("wrap loses no word and keeps the width", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/));
    fc.assert(
      fc.property(words, fc.integer({ min: 12, max: 60 }), (list, width) => {
        const lines = wrap(list, width);
        assert.deepEqual(
          lines.flatMap((line) => line.split("   ")),
          list,
        );
        for (const line of lines) assert.ok(line.length <= width);
      }),
    );
  });
});
