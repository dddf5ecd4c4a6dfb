import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseDistanceMatrix } from "../../src/routing/distance-matrix.ts";
import { solve, solvedPath } from "../../src/routing/solve.ts";
import type { Solution } from "../../src/routing/solve.ts";

function solved(text: string): Solution {
  const matrix = parseDistanceMatrix(text);
  assert.ok(!("faults" in matrix), JSON.stringify(matrix));
  const solution = solve(matrix);
  assert.ok(!("negativeCycle" in solution));
  return solution;
}

describe("solving a distance matrix", () => {
  it("finds distances and next hops under the names given, trailing newlines or not", () => {
    for (const tail of ["", "\n", "\r\n\n  \n"]) {
      const solution = solved(`X a b c\na 0 0.5 Inf\nb 0.5 0 0.5\nc Inf 0.5 0${tail}`);
      assert.deepEqual(solution.distances, [
        [0, 0.5, 1],
        [0.5, 0, 0.5],
        [1, 0.5, 0],
      ]);
      assert.deepEqual(solution.nextHops[0], [-1, 1, 1]);
      assert.deepEqual(solvedPath(solution, 0, 2), ["a", "b", "c"]);
    }
  });

  it("does not let rounding decide between equal paths: fewest links win", () => {
    const solution = solved("X 1 2 3\n1 0 0.1 0.3\n2 Inf 0 0.2\n3 Inf Inf 0");
    assert.deepEqual(solvedPath(solution, 0, 2), ["1", "3"]);
    assert.deepEqual(solvedPath(solution, 2, 0), []);
    assert.equal(solution.distances[2]?.[0], Infinity);
  });

  it("takes negative distances and huge ones, and names a negative cycle", () => {
    assert.deepEqual(solved("X 1 2\n1 0 -5\n2 6 0").distances, [
      [0, -5],
      [6, 0],
    ]);
    assert.equal(solved("X 1 2\n1 0 86400000000\n2 1 0").distances[0]?.[1], 86_400_000_000);
    const matrix = parseDistanceMatrix("X 1 2\n1 0 -5\n2 4 0");
    assert.ok(!("faults" in matrix));
    const answer = solve(matrix);
    assert.ok("negativeCycle" in answer);
    assert.deepEqual(answer.negativeCycle.toSorted(), ["1", "2"]);
  });

  it("says where a matrix is wrong", () => {
    const faults = (text: string): unknown => {
      const answer = parseDistanceMatrix(text);
      return "faults" in answer ? answer.faults : [];
    };
    assert.deepEqual(faults("X 1 2\n1 0 1\n2 x 0"), ["3:3: x is no distance, expected a number or Inf"]);
    assert.deepEqual(faults("X 1 2\n1 0 1"), ["1:1: no row for 2, expected one for each column"]);
    assert.deepEqual(faults("X 1\n1 0 1"), ["2:1: 2 distances, expected 1"]);
    assert.deepEqual(faults(""), ["1:1: no columns, expected a corner word and names"]);
    assert.deepEqual(faults("X 1\n1 0\n2 0"), ["3:1: no column is named 2, expected one of 1"]);
  });
});
