/** `etherloom trace NODE`: the way that frames to a node take now and the way back, with the delay of each link. */
import { join } from "node:path";
import { askNode, STATE_ROOT } from "../api/status-client.ts";
import { STATUS_SOCKET } from "../api/status-server.ts";
import type { TraceAnswer } from "../api/status-model.ts";
import { milliseconds, printable } from "../api/text-table.ts";
import { chooseStateDirectory } from "./find-node.ts";
import { parseNodeQuestion } from "./node-question.ts";

const USAGE = `usage: etherloom trace NODE [--config FILE | --state-dir DIR | --name NAME] [--json]

  NODE             NodeID or name of the destination
  --name NAME      ask the node of this name, if several run here
  --config FILE    ask the node that runs from this file
  --state-dir DIR  ask the node with this state directory
  --json           print the answer as JSON

Delays are one-way, measured with the mesh clocks of both ends; a path's sum there and back is the round trip.
`;

export async function runTrace(args: readonly string[]): Promise<number> {
  const wanted = parseNodeQuestion("trace", args);
  if (wanted === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const directory = await chooseStateDirectory("trace", wanted, STATE_ROOT);
  const answer = (await askNode(join(directory, STATUS_SOCKET), `trace ${wanted.node}`)) as TraceAnswer;
  process.stdout.write(wanted.json ? `${JSON.stringify(answer, null, 2)}\n` : renderTrace(answer));
  return answer.reached ? 0 : 1;
}

export function renderTrace({ to, reached, there, back, roundTripUs }: TraceAnswer): string {
  if (!reached) return `no answer from ${printable(to)}\n`;
  const lines: string[] = [];
  const leg = (title: string, steps: TraceAnswer["there"]): void => {
    lines.push(title);
    for (const { from, to: next, delayUs } of steps) {
      lines.push(`  ${printable(from)} → ${printable(next)}  ${milliseconds(delayUs)} ms`);
    }
    lines.push(`  in all  ${milliseconds(steps.reduce((sum, { delayUs }) => sum + delayUs, 0))} ms`);
  };
  leg("there", there);
  leg("back", back);
  lines.push(`round trip ${milliseconds(roundTripUs)} ms`);
  return `${lines.join("\n")}\n`;
}
