/** `etherloom status`: what a running node on this machine is doing. */
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { STATE_ROOT, fetchStatus } from "../api/status-client.ts";
import { STATUS_SOCKET } from "../api/status-server.ts";
import { PLAIN, renderStatus } from "../api/status-text.ts";
import type { StatusStyle } from "../api/status-text.ts";
import { ConfigError, EtherloomError, UsageError } from "../errors.ts";
import { chooseStateDirectory } from "./find-node.ts";

const USAGE = `usage: etherloom status [NAME | --config FILE | --state-dir DIR] [--json] [--fib]

  NAME             the node of this name, if several run here
  --config FILE    the node that runs from this file
  --state-dir DIR  the node with this state directory
  --fib            also list the forwarding table
  --json           print the status document as JSON
`;

/** Where the command looks and writes; tests give their own. */
export interface StatusEnvironment {
  readonly stateRoot: string;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

interface StatusArguments {
  readonly name: string | undefined;
  readonly config: string | undefined;
  readonly stateDir: string | undefined;
  readonly json: boolean;
  readonly fib: boolean;
  readonly help: boolean;
}

/** Runs the command and returns its exit code: 0 shown, 1 nothing runs, 2 bad usage or several to choose from. */
export async function runStatus(args: string[], environment?: StatusEnvironment): Promise<number> {
  const { stateRoot, stdout, stderr } = environment ?? {
    stateRoot: STATE_ROOT,
    stdout: process.stdout,
    stderr: process.stderr,
  };
  try {
    const wanted = parseStatusArguments(args);
    if (wanted.help) {
      stdout.write(USAGE);
      return 0;
    }
    const stateDirectory = await chooseStateDirectory("status", wanted, stateRoot);
    const status = await fetchStatus(join(stateDirectory, STATUS_SOCKET), { fib: wanted.fib });
    const style = stdout === process.stdout && process.stdout.isTTY ? terminalStyle() : PLAIN;
    stdout.write(wanted.json ? `${JSON.stringify(status, null, 2)}\n` : renderStatus(status, style));
    return 0;
  } catch (error) {
    if (!(error instanceof EtherloomError)) throw error;
    // Configuration problems are complete lines already.
    stderr.write(
      error instanceof ConfigError ? `${error.message}\n` : `etherloom: ${error.message} [${error.code}]\n`,
    );
    return error.exitCode;
  }
}

function parseStatusArguments(args: readonly string[]): StatusArguments {
  try {
    const { values, positionals } = parseArgs({
      // Long options may be spelled with one dash, as in the program's ancestors.
      args: args.map((arg) => (/^-[a-z][a-z-]/.test(arg) ? `-${arg}` : arg)),
      allowPositionals: true,
      options: {
        config: { type: "string" },
        "state-dir": { type: "string" },
        json: { type: "boolean", default: false },
        fib: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const chosen = [values.config, values["state-dir"], ...positionals].filter(
      (value) => value !== undefined,
    );
    if (chosen.length > 1) throw new UsageError("status: give one of NAME, --config FILE, --state-dir DIR");
    return {
      name: positionals[0],
      config: values.config,
      stateDir: values["state-dir"],
      json: values.json,
      fib: values.fib,
      help: values.help,
    };
  } catch (error) {
    if (error instanceof EtherloomError) throw error;
    throw new UsageError(
      `status: ${(error as Error).message.split(/[\n.]/)[0]}; see etherloom status --help`,
    );
  }
}

/** styleText itself honours NO_COLOR and its like when it is told the stream. */
function terminalStyle(): StatusStyle {
  const styled =
    (format: "bold" | "dim" | "yellow") =>
    (text: string): string =>
      styleText(format, text, { stream: process.stdout });
  return { bold: styled("bold"), dim: styled("dim"), alert: styled("yellow") };
}
