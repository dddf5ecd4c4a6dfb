import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseNodeQuestion } from "../../src/cli/node-question.ts";
import { renderWhy } from "../../src/cli/why.ts";

describe("arguments of why and trace", () => {
  it("are one node, and where to ask", () => {
    const nothing = { from: undefined, json: false, config: undefined, name: undefined, stateDir: undefined };
    assert.deepEqual(parseNodeQuestion("why", ["2"]), { ...nothing, node: "2" });
    assert.deepEqual(parseNodeQuestion("why", ["b.x", "--from", "a", "--json", "--name", "n"]), {
      ...{ ...nothing, node: "b.x", from: "a", json: true, name: "n" },
    });
    assert.deepEqual(parseNodeQuestion("trace", ["-state-dir", "/x", "b"]), {
      ...{ ...nothing, node: "b", stateDir: "/x" },
    });
    assert.equal(parseNodeQuestion("trace", ["--help"]), undefined);
    assert.equal(parseNodeQuestion("why", ["x", "-h"]), undefined);
  });

  it("are refused in one line that begins with the command", () => {
    const cases: [string, string[], RegExp][] = [
      ["why", [], /expected one node/],
      ["why", ["a", "b"], /expected one node/],
      ["why", ["a b"], /neither a NodeID nor a node's name/],
      ["why", ["a", "--from", "x/y"], /neither a NodeID nor a node's name/],
      ["trace", ["x".repeat(33)], /neither a NodeID nor a node's name/],
      ["trace", ["a", "--from", "b"], /--from is for why/],
      ["trace", ["a", "--name", "x", "--config", "y"], /give one of/],
      ["why", ["a", "--frob"], /--frob/],
      ["why", ["a", "--from"], /--from/],
      ["why", ["a", "--json=1"], /--json/],
    ];
    for (const [command, args, pattern] of cases) {
      assert.throws(
        () => parseNodeQuestion(command, args),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "EL_USAGE", args.join(" "));
          assert.match(error.message, pattern);
          assert.match(error.message, new RegExp(`^${command}: [^\\n]+$`));
          return true;
        },
      );
    }
  });
});

describe("why as text", () => {
  it("lists paths with what they cost more than the chosen one", () => {
    const text = renderWhy({
      from: "1 a",
      to: "2 b",
      candidates: [
        { path: ["1 a", "3 c", "2 b"], costUs: -12_000, chosen: true, reason: "chosen" },
        { path: ["1 a", "2 b"], costUs: 28_000, chosen: false, reason: "backup, 40.000 ms more" },
        { path: ["1 a", "4 d", "2 b"], costUs: null, chosen: false, reason: "link 1 → 4 is down" },
      ],
    });
    assert.deepEqual(text.split("\n"), [
      "        PATH             COST ms  MORE ms  WHY",
      "chosen  1 a → 3 c → 2 b    -12.0   +0.000  chosen",
      "        1 a → 2 b           28.0    +40.0  backup, 40.000 ms more",
      "        1 a → 4 d → 2 b        -           link 1 → 4 is down",
      "",
    ]);
  });

  it("compares with the cheapest where none is chosen", () => {
    const path = ["1", "2"];
    const candidates = [10_000, 15_000].map((costUs) => ({ path, costUs, chosen: false, reason: "x" }));
    assert.match(renderWhy({ from: "1", to: "2", candidates }), /15\.0 +\+5\.00/);
  });

  it("says that there is no path, and lets no name steer the terminal", () => {
    assert.equal(renderWhy({ from: "1 a", to: "2 b", candidates: [] }), "no path from 1 a to 2 b is known\n");
    const candidate = { path: ["1 \u001b[2J", "2"], costUs: 1, chosen: true, reason: "\u0007" };
    const hostile = renderWhy({ from: "1", to: "2", candidates: [candidate] });
    assert.doesNotMatch(hostile, /[\u0000-\u0009\u000b-\u001f]/);
    assert.doesNotMatch(renderWhy({ from: "1 \u001b", to: "2", candidates: [] }), /\u001b/);
  });
});
