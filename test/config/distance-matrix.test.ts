import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  type DistanceMatrix,
  loadDistanceMatrix,
  parseDistanceMatrix,
} from "../../src/config/distance-matrix.ts";
import { ConfigError } from "../../src/errors.ts";

const matrix = `X 1   2   3
1 0   0.5 Inf
2 0.5 0   0.5
3 Inf 0.5 0`;

const parse = (text: string): DistanceMatrix => parseDistanceMatrix("path.txt", text);

function problems(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new assert.AssertionError({ message: "no problem was found" });
}

describe("a matrix of distances", () => {
  it("goes from rows to columns", () => {
    const { ids, distances } = parse(matrix);
    assert.deepEqual(ids, [1, 2, 3]);
    assert.deepEqual(distances.flat(), [0, 0.5, Infinity, 0.5, 0, 0.5, Infinity, 0.5, 0]);
  });

  it("is the same with newlines at the end, empty lines, comments, tabs and carriage returns", () => {
    const same = parse(matrix);
    for (const text of [
      `${matrix}\n`,
      `${matrix}\n\n  \n`,
      matrix.replaceAll("\n", "\r\n"),
      `\uFEFF# distances in seconds\n\n${matrix.replace("X 1", "X\t1").replace("Inf\n", "Inf # none\n\n")}\n#`,
    ]) {
      assert.deepEqual(parse(text), same);
    }
  });

  it("may have its nodes in any order, and different ones for rows and columns", () => {
    const { ids, distances } = parse("corner 9 2\n2 7 0\n9 0 3\n");
    assert.deepEqual(ids, [2, 9]);
    assert.deepEqual(distances.flat(), [0, 7, 3, 0]);
  });

  it("takes no notice of its diagonal", () => {
    assert.deepEqual(parse("X 1 2\n1 - 4\n2 4 99\n").distances.flat(), [0, 4, 4, 0]);
  });

  it("knows numbers of all spellings, negative ones too", () => {
    assert.deepEqual(parse("X 1 2 3\n1 0 -1.5 +2\n2 .5 0 1e3\n3 inf 5. 0").distances.flat(), [
      0,
      -1.5,
      2,
      0.5,
      0,
      1000,
      Infinity,
      5,
      0,
    ]);
  });

  const cases: [name: string, text: string, expected: string][] = [
    ["nothing", "\n# nothing\n", "path.txt:1:1: empty, expected a line of NodeIDs and a line for each node"],
    ["no nodes", "\nX\n", "path.txt:2:1: fewer than two nodes, expected a corner word and their NodeIDs"],
    ["a column that is no NodeID", "X 1 b\n", 'path.txt:1:5: found "b", expected a NodeID from 0 to 65531'],
    ["a NodeID with a meaning", "X 1 65533\n", 'path.txt:1:5: found "65533", expected a NodeID from 0 to 65531'],
    ["a column twice", "X 1 1\n", "path.txt:1:5: a second column for node 1, expected one"],
    ["a row twice", "X 1 2\n1 0 1\n2 1 0\n\n2 1 0\n", "path.txt:5:1: a second row for node 2, expected one"],
    ["a row without column", "X 1 3\n1 0 1\n3 1 0\n2 1 1\n", "path.txt:4:1: node 2 has a row and no column, expected both"],
    ["a column without row", "X 1 2\n1 0 1\n", "path.txt:1:5: node 2 has a column and no row, expected both"],
    ["a short row", "X 1 2\n1 0 1\n  2 1\n", "path.txt:3:3: 1 values, expected 2: one for each column"],
    ["a long row", "X 1 2\n1 0 1 1\n2 1 0\n", "path.txt:2:1: 3 values, expected 2: one for each column"],
    ["a word", "X 1 2\n1 0 1\n2 far 0\n", 'path.txt:3:3: found "far", expected Inf or a number from -1000000 to 1000000'],
    ["NaN", "X 1 2\n1 0 NaN\n2 1 0\n", 'path.txt:2:5: found "NaN", expected Inf or a number from -1000000 to 1000000'],
    ["a huge number", "X 1 2\n1 0 1e308\n2 1 0\n", 'path.txt:2:5: found "1e308", expected Inf or a number from -1000000 to 1000000'],
    ["a negative infinity", "X 1 2\n1 0 -Inf\n2 1 0\n", 'path.txt:2:5: found "-Inf", expected Inf or a number from -1000000 to 1000000'],
    ["too many nodes", `X ${Array.from({ length: 1001 }, (_, i) => i).join(" ")}\n`, "path.txt:1:1: 1001 nodes, expected at most 1000"],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`is refused with ${name}`, () => assert.equal(problems(text), expected));
  }

  it("shows all its problems at once", () => {
    assert.equal(problems("X 1 2\n1 0 a\n2 b 0\n").split("\n").length, 2);
  });

  it("is read from a file, or the reason why not is told", () => {
    assert.throws(
      () => loadDistanceMatrix("/nonexistent"),
      /^ConfigError: \/nonexistent: cannot be read: no such file$/,
    );
  });

  it("never fails in another way, whatever the text", () => {
    const word = fc.oneof(
      fc.constantFrom("X", "1", "2", "Inf", "0.5", "#", "\n"),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        try {
          const { ids, distances } = parse(words.join(" "));
          return distances.every((row) => row.length === ids.length) && distances.length === ids.length;
        } catch (error) {
          return error instanceof ConfigError;
        }
      }),
    );
  });
});
