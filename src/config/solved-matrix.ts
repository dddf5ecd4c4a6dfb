/** A distance matrix and the shortest ways through it. */

import { ConfigError } from "../errors.ts";
import { solve, solvedPath } from "../routing/solve.ts";
import { type DistanceMatrix, loadDistanceMatrix } from "./distance-matrix.ts";

/** The shortest way from one node to another. */
export interface Way {
  readonly from: number;
  readonly to: number;
  /** In the file's unit; Infinity if there is no way. */
  readonly distance: number;
  /** NodeIDs, both ends included; empty if there is no way. */
  readonly path: readonly number[];
}

/** The ways between all nodes of the file, ordered by NodeIDs. @throws ConfigError */
export function solveMatrixFile(file: string): Way[] {
  const matrix = loadDistanceMatrix(file);
  const { ids, distances } = matrix;
  const solution = solve({ names: ids.map(String), distances });
  if ("negativeCycle" in solution) {
    const line = negativeCycle(matrix, solution.negativeCycle.map(Number));
    throw new ConfigError("EL_CONFIG_INVALID", [`${file}: ${line}`]);
  }
  return ids.flatMap((from, i) =>
    ids.flatMap((to, j) =>
      i === j
        ? []
        : { from, to, distance: solution.distances[i]![j]!, path: solvedPath(solution, i, j).map(Number) },
    ),
  );
}

/** A circle that is shorter than nothing could be gone around forever. */
function negativeCycle({ ids, distances }: DistanceMatrix, nodes: readonly number[]): string {
  const circle = [...nodes, nodes[0]!];
  const places = circle.map((id) => ids.indexOf(id));
  const sum = places.slice(1).reduce((total, to, i) => total + distances[places[i]!]![to]!, 0);
  return `the distances along ${circle.join(" → ")} sum to ${Number(sum.toFixed(6))}, expected no such sum below 0`;
}
