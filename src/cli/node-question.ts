/** Arguments of commands that ask a running node about another one. */
import { parseArgs } from "node:util";
import { EtherloomError, UsageError } from "../errors.ts";
import type { WantedNode } from "./find-node.ts";

export interface NodeQuestion extends WantedNode {
  /** NodeID or name, as typed: no blanks. */
  readonly node: string;
  readonly from: string | undefined;
  readonly json: boolean;
}

/** Undefined: help is wanted. @throws UsageError */
export function parseNodeQuestion(command: string, args: readonly string[]): NodeQuestion | undefined {
  try {
    const { values, positionals } = parseArgs({
      // Long options may be spelled with one dash, as in the program's ancestors.
      args: args.map((arg) => (/^-[a-z][a-z-]/.test(arg) ? `-${arg}` : arg)),
      allowPositionals: true,
      options: {
        config: { type: "string" },
        "state-dir": { type: "string" },
        name: { type: "string" },
        from: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return undefined;
    const [node] = positionals;
    if (node === undefined || positionals.length > 1) {
      throw new UsageError(
        `${command}: expected one node, by NodeID or name; see etherloom ${command} --help`,
      );
    }
    if (command !== "why" && values.from !== undefined) {
      throw new UsageError(`${command}: --from is for why; see etherloom ${command} --help`);
    }
    for (const text of [node, values.from]) {
      if (text !== undefined && !/^[A-Za-z0-9_.-]{1,32}$/.test(text)) {
        throw new UsageError(`${command}: ${JSON.stringify(text)} is neither a NodeID nor a node's name`);
      }
    }
    const chosen = [values.config, values["state-dir"], values.name].filter((value) => value !== undefined);
    if (chosen.length > 1) {
      throw new UsageError(`${command}: give one of --name NAME, --config FILE, --state-dir DIR`);
    }
    const { config, name, from, json } = values;
    return { node, from, json, config, name, stateDir: values["state-dir"] };
  } catch (error) {
    if (error instanceof EtherloomError) throw error;
    throw new UsageError(
      `${command}: ${(error as Error).message.split(/[\n.]/)[0]}; see etherloom ${command} --help`,
    );
  }
}
