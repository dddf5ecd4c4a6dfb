import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, it } from "mocha";
import { splitShellWords } from "../../src/api/shell-words.ts";

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

describe("shell words", () => {
  it("honour blanks, quotes and backslashes", () => {
    const cases: [string, string[] | undefined][] = [
      ["", []],
      ["  \t\n ", []],
      ["a  b\tc", ["a", "b", "c"]],
      ["a 'b c' \"d e\"f", ["a", "b c", "d ef"]],
      ["'' \"\"", ["", ""]],
      ["a\\ b", ["a b"]],
      ['\'a\\b\' "a\\b" "a\\"b\\\\\\$"', ["a\\b", "a\\b", 'a"b\\$']],
      ["$HOME *.c a|b", ["$HOME", "*.c", "a|b"]],
      ["a\\\nb", ["ab"]],
      ["'open", undefined],
      ['"open', undefined],
      ["open\\", undefined],
      ['"open\\', undefined],
    ];
    for (const [line, words] of cases) assert.deepEqual(splitShellWords(line), words, JSON.stringify(line));
  });

  it("give back quoted words", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        assert.deepEqual(splitShellWords(words.map(quoted).join(" ")), words);
      }),
    );
  });

  it("agree with sh on lines without expansions", () => {
    const piece = fc.constantFrom("a", "b", " ", "  ", "'", '"', "\\", "x y");
    const lines = fc.sample(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      60,
    );
    for (const line of lines) {
      const words = splitShellWords(line);
      if (words === undefined) continue;
      const script = `printf '%s\\n' ${line}`;
      const expected = execFileSync("sh", ["-c", script], { encoding: "utf8" });
      assert.equal((words.length === 0 ? [""] : words).map((word) => `${word}\n`).join(""), expected, script);
    }
  }).timeout(10_000);
});
