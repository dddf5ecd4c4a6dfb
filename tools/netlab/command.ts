// Commands run to their end, blocking this process: what a lab is built with.

import { spawnSync } from "node:child_process";

export interface ExecResult {
  status: number;
  stdout: string;
  stderr: string;
}
export interface ExecOptions {
  /** ms; default 60 s */
  timeout?: number;
  /** for the command's stdin, which is a socket: programs that open /dev/stdin by name cannot */
  input?: string;
  /** default true: a non-zero status throws */
  check?: boolean;
  env?: Readonly<Record<string, string>>;
}

/** ms */
export const defaultTimeout = 60_000;
const outputLimit = 256 << 20;

/** Runs a command to its end; throws with its stderr when it fails (unless `check` is false). */
export function run(command: readonly string[], options: ExecOptions = {}): ExecResult {
  const [file = "", ...args] = command;
  const result = spawnSync(file, args, {
    encoding: "utf8",
    input: options.input ?? "",
    timeout: options.timeout ?? defaultTimeout,
    maxBuffer: outputLimit,
    env: { ...process.env, ...options.env },
  });
  const status = result.status ?? -1;
  if (status !== 0 && options.check !== false) {
    const why = result.error?.message ?? result.stderr.trim();
    throw new Error(`${command.join(" ")}: status ${status}: ${why}`);
  }
  return { status, stdout: result.stdout, stderr: result.stderr };
}

/** Shell lines run as one script: a process per line is what would make a lab slow. */
export function script(lines: readonly string[]): void {
  const result = spawnSync("sh", ["-e"], {
    input: lines.join("\n"),
    encoding: "utf8",
    timeout: defaultTimeout,
  });
  if (result.status !== 0)
    throw new Error(`netlab: ${result.stderr.trim() || result.error?.message || "failed"}`);
}
