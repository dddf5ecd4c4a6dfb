/** `etherloom why NODE`: which paths to a node the supernode looked at, what they cost, and which one it chose. */
import { join } from "node:path";
import { askNode } from "../api/status-client.ts";
import { STATUS_SOCKET } from "../api/status-server.ts";
import type { WhyAnswer } from "../api/status-model.ts";
import { milliseconds, printable, table } from "../api/text-table.ts";
import { chooseStateDirectory } from "./find-node.ts";
import { parseNodeQuestion } from "./node-question.ts";
import { STATE_ROOT } from "../api/status-client.ts";

const USAGE = `usage: etherloom why NODE [--from NODE] [--config FILE | --state-dir DIR | --name NAME] [--json]

  NODE             NodeID or name of the destination
  --from NODE      on a supernode: the node whose paths are asked for
  --name NAME      ask the node of this name, if several run here
  --config FILE    ask the node that runs from this file
  --state-dir DIR  ask the node with this state directory
  --json           print the answer as JSON

Costs contain the offset between the clocks of the two ends: compare them, the differences are what counts.
`;

export async function runWhy(args: readonly string[]): Promise<number> {
  const wanted = parseNodeQuestion("why", args);
  if (wanted === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const directory = await chooseStateDirectory("why", wanted, STATE_ROOT);
  const question = wanted.from === undefined ? `why ${wanted.node}` : `why ${wanted.node} ${wanted.from}`;
  const answer = (await askNode(join(directory, STATUS_SOCKET), question)) as WhyAnswer;
  process.stdout.write(wanted.json ? `${JSON.stringify(answer, null, 2)}\n` : renderWhy(answer));
  return 0;
}

export function renderWhy({ from, to, candidates }: WhyAnswer): string {
  if (candidates.length === 0) return `no path from ${printable(from)} to ${printable(to)} is known\n`;
  const best = candidates.find(({ chosen }) => chosen)?.costUs ?? candidates[0]?.costUs ?? 0;
  const rows = candidates.map(({ path, costUs, chosen, reason }) => [
    chosen ? "chosen" : "",
    path.map((node) => printable(node)).join(" → "),
    milliseconds(costUs),
    costUs === null ? "" : `+${milliseconds(costUs - best)}`,
    printable(reason),
  ]);
  const columns = [
    { title: "" },
    { title: "PATH" },
    { title: "COST ms", align: "right" as const },
    { title: "MORE ms", align: "right" as const },
    { title: "WHY" },
  ];
  return `${table(columns, rows, (text) => text).join("\n")}\n`;
}
