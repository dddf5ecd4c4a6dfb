/** `etherloom solve`: the shortest ways through a matrix of distances. */

import { table } from "../api/text-table.ts";
import { solveMatrixFile, type Way } from "../config/solved-matrix.ts";
import { UsageError } from "../errors.ts";
import { parseOptions, refusePositionals } from "./options.ts";

const USAGE = `usage: etherloom solve --config FILE [--json]
       etherloom solve --example | --help

  --config FILE  a matrix of distances: row is from, column is to, Inf is no link
  --json         print the result as JSON
  --example      print such a matrix

Prints the next hops (source: {destination: next hop}, as nextHopTable of a configuration has them), the distances, and
the ways as comments, all of it YAML.
`;

const EXAMPLE = `# Distances from the node of the row to that of the column, in any unit; Inf is no link.
X 1   2   3   4
1 0   0.5 Inf 3
2 0.5 0   0.5 Inf
3 Inf 0.5 0   1
4 2   Inf 1   0
`;

export async function runSolve(args: readonly string[]): Promise<number> {
  const options = parseOptions("solve", args, {
    config: { type: "string" },
    json: { type: "boolean" },
    example: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (options.flags.has("help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  refusePositionals("solve", options);
  if (options.flags.has("example")) {
    process.stdout.write(EXAMPLE);
    return 0;
  }
  const file = options.values.get("config");
  if (file === undefined) throw new UsageError("solve needs --config FILE (or --example to see one)");
  const ways = solveMatrixFile(file);
  const tables = tablesOf(ways);
  process.stdout.write(
    options.flags.has("json") ? `${JSON.stringify(tables, null, 2)}\n` : asText(ways, tables),
  );
  return 0;
}

/** Source → destination → value, without what cannot be reached. */
type Table = Record<string, Record<string, number>>;

interface Tables {
  readonly nextHopTable: Table;
  readonly distanceTable: Table;
}

function tablesOf(ways: readonly Way[]): Tables {
  const tables: Tables = { nextHopTable: {}, distanceTable: {} };
  for (const { from, to, distance, path } of ways) {
    const hops = (tables.nextHopTable[from] ??= {});
    const distances = (tables.distanceTable[from] ??= {});
    const next = path[1];
    if (next === undefined) continue;
    hops[to] = next;
    distances[to] = distance;
  }
  return tables;
}

function asText(ways: readonly Way[], tables: Tables): string {
  const lines = Object.entries(tables).flatMap(([name, rows]: [string, Table]) => [
    `${name}:`,
    ...Object.entries(rows).map(([from, row]) => {
      const cells = Object.entries(row).map(([to, value]) => `${to}: ${value}`);
      return `  ${from}: ${cells.length === 0 ? "{}" : `{ ${cells.join(", ")} }`}`;
    }),
  ]);
  const columns = [
    { title: "from", align: "right" },
    { title: "to", align: "right" },
    { title: "distance", align: "right" },
    { title: "way" },
  ] as const;
  const rows = ways.map(({ from, to, distance, path }) =>
    path.length === 0
      ? [`${from}`, `${to}`, "Inf", "no way"]
      : [`${from}`, `${to}`, `${distance}`, path.join(" → ")],
  );
  const comments = table(columns, rows, (title) => title).map((line) => `# ${line}`);
  return `${[...lines, "", ...comments].join("\n")}\n`;
}
