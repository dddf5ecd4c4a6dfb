/** The command line: finds the command, runs it, turns errors into one line and an exit code. */

import { ConfigError, EtherloomError, UsageError } from "../errors.ts";
import { joinOptions } from "./options.ts";

interface Command {
  readonly summary: string;
  readonly run: (args: string[]) => Promise<number>;
  /** Ends when it is told to, whether or not somebody reads what a stdio port wrote. */
  readonly isNode?: boolean;
}

/** Each command's module is loaded when it is called: `keygen` needs no YAML, and `edge` starts faster. */
const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    "edge",
    {
      summary: "run a node",
      run: async (args) => (await import("./edge.ts")).runEdgeCommand(args),
      isNode: true,
    },
  ],
  [
    "super",
    {
      summary: "run a supernode",
      run: async (args) => (await import("./super.ts")).runSuperCommand(args),
      isNode: true,
    },
  ],
  [
    "status",
    { summary: "show a running node", run: async (args) => (await import("./status.ts")).runStatus(args) },
  ],
  ["why", { summary: "why a path was chosen", run: async (args) => (await import("./why.ts")).runWhy(args) }],
  [
    "trace",
    { summary: "the way to a node", run: async (args) => (await import("./trace.ts")).runTrace(args) },
  ],
  [
    "solve",
    {
      summary: "shortest ways in a matrix",
      run: async (args) => (await import("./solve.ts")).runSolve(args),
    },
  ],
  ["keygen", { summary: "make keys", run: async (args) => (await import("./keygen.ts")).runKeygen(args) }],
  [
    "file",
    { summary: "send or receive a file", run: async (args) => (await import("./file.ts")).runFile(args) },
  ],
]);

function usage(): string {
  const lines = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}`);
  return `usage: etherloom COMMAND [OPTIONS]

${lines.join("\n")}
  help     this text
  version  the version

etherloom COMMAND --help tells more. --mode COMMAND and single-dash spellings (-config FILE) work too.
`;
}

/** Runs one command line, without the program's name, and returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { name, args } = findCommand(joinOptions(argv));
    if (name === "help") {
      process.stdout.write(usage());
      return 0;
    }
    if (name === "version") {
      process.stdout.write((await import("./version.ts")).versionLine());
      return 0;
    }
    const command = COMMANDS.get(name);
    if (command === undefined) {
      throw new UsageError(
        `unknown command ${name}, expected one of ${[...COMMANDS.keys(), "help", "version"].join(", ")}`,
      );
    }
    const code = await command.run(args);
    // A pipe's reader may be slow, and is to get all of it.
    if (command.isNode !== true)
      await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
    return code;
  } catch (error) {
    return report(error);
  }
}

/** How long what is still open may take to end by itself. */
const LAST_WORDS_MS = 1000;

/** The command is the first word, or what `--mode` says anywhere; both at once must agree. */
function findCommand(argv: readonly string[]): { name: string; args: string[] } {
  const args = [...argv];
  const first = args[0] !== undefined && !args[0].startsWith("-") ? args.shift() : undefined;
  const at = args.findIndex((arg) => arg === "--mode" || arg.startsWith("--mode="));
  const [flag, value] = at < 0 ? [] : args.splice(at, args[at] === "--mode" ? 2 : 1);
  const mode = flag === "--mode" ? value : flag?.slice("--mode=".length);
  if (at >= 0 && (mode === undefined || mode === ""))
    throw new UsageError("--mode needs a command, such as edge");
  if (first !== undefined && mode !== undefined && first !== mode) {
    throw new UsageError(`${first} and --mode ${mode} contradict each other`);
  }
  const name = first ?? mode;
  if (name !== undefined) return { name, args };
  if (args.includes("--help") || args.includes("-h")) return { name: "help", args };
  if (args.includes("--version") || args.includes("-v")) return { name: "version", args };
  throw new UsageError(
    `no command given, expected one of ${[...COMMANDS.keys()].join(", ")} (see etherloom help)`,
  );
}

/** Configuration problems are complete lines already; of anything unforeseen the stack is shown too. */
export function report(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof EtherloomError) {
    process.stderr.write(`etherloom: ${error.message} [${error.code}]\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `etherloom: internal error: ${error instanceof Error ? error.stack : error} [EL_INTERNAL]\n`,
  );
  return 1;
}

/** Called by the launcher. */
export async function start(argv: readonly string[]): Promise<void> {
  // A reader that went away (`etherloom edge --example | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const code = await main(argv);
  // process.exit() joins V8's compiler threads, and these may just wait for this thread to collect garbage: a deadlock
  // (nodejs/node#54918). A loop that runs dry ends without it; only what keeps the loop alive is cut off.
  process.exitCode = code;
  setTimeout(() => process.exit(code), LAST_WORDS_MS).unref();
}
