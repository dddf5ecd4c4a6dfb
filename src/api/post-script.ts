/** Runs `postScript` once the interface exists, with what it may want to know in EG_* variables. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { postScriptFailed } from "../errors.ts";
import { splitShellWords } from "./shell-words.ts";

export interface PostScriptSubject {
  readonly mode: "edge" | "super";
  readonly nodeName: string;
  readonly nodeId: number;
  readonly interfaceName: string;
  readonly interfaceType: string;
  /** `AA:BB:CC:DD` as configured. */
  readonly macPrefix: string;
  /** `aa:bb:cc:dd:ee:ff` */
  readonly macAddress: string;
}

export interface PostScriptOptions {
  /** Gets the script's output, a line at a time. */
  readonly log?: (line: string) => void;
  readonly timeoutMs?: number;
  /** Ends the script before its time. */
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT = 64 * 1024;
/** After the script itself has gone: how long to wait for output held open by what it left in the background. */
const DRAIN_MS = 200;

/** What the service manager and the launcher gave to us alone. */
const PRIVATE_VARIABLES = new Set([
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
  "EG_UAPI_FD",
  "NODE_COMPILE_CACHE",
]);

/** The EG_* environment. BYTE0 is the NodeID's low byte; hexadecimal numbers are not padded. */
export function postScriptEnvironment(subject: PostScriptSubject): Record<string, string> {
  const low = subject.nodeId & 0xff;
  const high = subject.nodeId >> 8;
  return {
    EG_MODE: subject.mode,
    EG_NODE_NAME: subject.nodeName,
    EG_NODE_ID_INT_DEC: String(subject.nodeId),
    EG_NODE_ID_BYTE0_DEC: String(low),
    EG_NODE_ID_BYTE1_DEC: String(high),
    EG_NODE_ID_INT_HEX: subject.nodeId.toString(16),
    EG_NODE_ID_BYTE0_HEX: low.toString(16).toUpperCase(),
    EG_NODE_ID_BYTE1_HEX: high.toString(16).toUpperCase(),
    EG_INTERFACE_NAME: subject.interfaceName,
    EG_INTERFACE_TYPE: subject.interfaceType,
    EG_INTERFACE_MAC_PREFIX: subject.macPrefix,
    EG_INTERFACE_MAC_ADDR: subject.macAddress,
  };
}

/** Runs the command line (no shell) to its end; rejects with EL_POST_SCRIPT unless it exits with 0. Empty = nothing. */
export async function runPostScript(
  commandLine: string,
  subject: PostScriptSubject,
  options: PostScriptOptions = {},
): Promise<void> {
  const words = splitShellWords(commandLine);
  if (words === undefined) throw postScriptFailed("unfinished quote or backslash");
  const [program, ...args] = words;
  if (program === undefined) return;
  const inherited = Object.entries(options.env ?? process.env).filter(
    ([name]) => !PRIVATE_VARIABLES.has(name),
  );
  const child = spawn(program, args, {
    env: { ...Object.fromEntries(inherited), ...postScriptEnvironment(subject) },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, so that a script that hangs goes with all its children.
    detached: true,
  });
  const { outcome, output } = await supervise(child, program, options);
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== "");
  for (const line of lines) options.log?.(line);
  if (outcome === undefined) return;
  const last = lines.at(-1);
  throw postScriptFailed(last === undefined ? outcome : `${outcome}: ${last.trim().slice(0, 200)}`);
}

interface Result {
  /** What went wrong, undefined when nothing did. */
  outcome: string | undefined;
  output: string;
}

function supervise(child: ChildProcess, program: string, options: PostScriptOptions): Promise<Result> {
  const { timeoutMs = TIMEOUT_MS, signal: abort } = options;
  return new Promise((resolve) => {
    let output = "";
    let timedOut = false;
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_LIMIT);
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, timeoutMs);
    const onAbort = (): void => killGroup(child);
    if (abort?.aborted === true) onAbort();
    abort?.addEventListener("abort", onAbort);
    const settle = (outcome: string | undefined): void => {
      clearTimeout(timer);
      abort?.removeEventListener("abort", onAbort);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ outcome, output });
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      settle(`${program}: ${error.code === "ENOENT" ? "no such program" : error.message}`);
    });
    child.on("exit", (code, signal) => {
      const outcome = timedOut
        ? `no end within ${timeoutMs / 1000} s`
        : code === 0
          ? undefined
          : code === null
            ? `killed by ${signal}`
            : `exit code ${code}`;
      // A daemon started by the script may keep the pipes open for ever.
      const drained = setTimeout(() => settle(outcome), DRAIN_MS);
      child.on("close", () => {
        clearTimeout(drained);
        settle(outcome);
      });
    });
  });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}
