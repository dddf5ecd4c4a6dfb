/** `etherloom status`: what a running node on this machine is doing. */
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import { isMap, isScalar } from "yaml";
import { STATE_ROOT, fetchStatus, findRunning } from "../api/status-client.ts";
import { STATUS_SOCKET } from "../api/status-server.ts";
import { PLAIN, renderStatus } from "../api/status-text.ts";
import type { StatusStyle } from "../api/status-text.ts";
import { printable } from "../api/text-table.ts";
import { readDocument } from "../config/document.ts";
import { ConfigError, EtherloomError, UsageError } from "../errors.ts";

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
    const stateDirectory = await chooseStateDirectory(wanted, stateRoot);
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

async function chooseStateDirectory(wanted: StatusArguments, stateRoot: string): Promise<string> {
  if (wanted.stateDir !== undefined) return resolve(wanted.stateDir);
  if (wanted.config !== undefined) return stateDirectoryOf(wanted.config, stateRoot);
  if (wanted.name !== undefined) {
    if (basename(wanted.name) !== wanted.name || wanted.name === "" || wanted.name === "..") {
      throw new UsageError(
        `status: ${JSON.stringify(wanted.name)} is not a node's name; for a file use --config`,
      );
    }
    return join(stateRoot, wanted.name);
  }
  const running = await findRunning(stateRoot);
  const [only] = running;
  if (only === undefined) throw new EtherloomError("EL_NOT_RUNNING", `no running node found in ${stateRoot}`);
  if (running.length > 1) {
    const names = running.map(printable).join(", ");
    throw new UsageError(`status: ${running.length} nodes are running here, name one: ${names}`);
  }
  return join(stateRoot, only);
}

/**
 * The state directory a configuration file leads to. Reads the keys it needs only: a file with a mistake
 * elsewhere (its node may have been started before the mistake was made) still names its node.
 */
function stateDirectoryOf(file: string, stateRoot: string): string {
  const { contents } = readDocument(file).tree;
  const values = new Map<string, string>();
  if (isMap(contents)) {
    for (const { key, value } of contents.items) {
      if (isScalar(key) && isScalar(value))
        values.set(String(key.value).toLowerCase(), String(value.value ?? ""));
    }
  }
  const stateDir = values.get("statedir");
  if (stateDir) return resolve(dirname(file), stateDir);
  const nodeId = values.get("nodeid");
  const name = values.get("nodename") || (nodeId && `node${nodeId}`);
  if (!name) throw new UsageError(`status: ${file} has neither nodeId, nodeName nor stateDir`);
  return join(stateRoot, name);
}

/** styleText itself honours NO_COLOR and its like when it is told the stream. */
function terminalStyle(): StatusStyle {
  const styled =
    (format: "bold" | "dim" | "yellow") =>
    (text: string): string =>
      styleText(format, text, { stream: process.stdout });
  return { bold: styled("bold"), dim: styled("dim"), alert: styled("yellow") };
}
