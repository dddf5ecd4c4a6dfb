import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { solve, solvedPath } from "../../src/routing/solve.ts";
import type { Solution } from "../../src/routing/solve.ts";

const none = Infinity;

function solved(names: string[], distances: number[][]): Solution {
  const solution = solve({ names, distances });
  assert.ok(!("negativeCycle" in solution));
  return solution;
}

describe("solving a distance matrix", () => {
  it("finds distances and next hops under the names given", () => {
    const solution = solved(
      ["a", "b", "c"],
      [
        [0, 0.5, none],
        [0.5, 0, 0.5],
        [none, 0.5, 0],
      ],
    );
    assert.deepEqual(solution.distances, [
      [0, 0.5, 1],
      [0.5, 0, 0.5],
      [1, 0.5, 0],
    ]);
    assert.deepEqual(solution.nextHops[0], [-1, 1, 1]);
    assert.deepEqual(solvedPath(solution, 0, 2), ["a", "b", "c"]);
  });

  it("does not let rounding decide between equal paths: fewest links win", () => {
    const solution = solved(
      ["1", "2", "3"],
      [
        [0, 0.1, 0.3],
        [none, 0, 0.2],
        [none, none, 0],
      ],
    );
    assert.deepEqual(solvedPath(solution, 0, 2), ["1", "3"]);
    assert.deepEqual(solvedPath(solution, 2, 0), []);
    assert.equal(solution.distances[2]?.[0], Infinity);
  });

  it("takes negative distances and huge ones, and names a negative cycle", () => {
    assert.deepEqual(
      solved(
        ["1", "2"],
        [
          [0, -5],
          [6, 0],
        ],
      ).distances,
      [
        [0, -5],
        [6, 0],
      ],
    );
    assert.equal(
      solved(
        ["1", "2"],
        [
          [0, 86_400_000_000],
          [1, 0],
        ],
      ).distances[0]?.[1],
      86_400_000_000,
    );
    const answer = solve({
      names: ["1", "2"],
      distances: [
        [0, -5],
        [4, 0],
      ],
    });
    assert.ok("negativeCycle" in answer);
    assert.deepEqual(answer.negativeCycle.toSorted(), ["1", "2"]);
  });
});
