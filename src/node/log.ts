/**
 * The node's log: pino records on standard error, which leaves standard output to a stdio port. Read by people by
 * default (`12:00:01 info  ready port=3001`); `ETHERLOOM_LOG=json` gives the records as they are.
 */
import { pino, type Logger } from "pino";
import type { LogLevel } from "../config/edge-config.ts";

export type { Logger } from "pino";

const LEVEL_NAMES: Record<number, string> = { 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
/** Text that could not be written and is tried again, bytes. */
const MAX_UNWRITTEN = 1 << 20;
const PLUMBING = new Set(["level", "time", "msg"]);

export function createLog(level: LogLevel, env: NodeJS.ProcessEnv = process.env): Logger {
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN });
  // A full disk or a terminal that is gone must not stop a node: what cannot be written is kept for a while, then lost.
  destination.on("error", () => undefined);
  const options = { level, base: null };
  if (env["ETHERLOOM_LOG"] === "json") return pino(options, destination);
  return pino(options, { write: (line: string) => destination.write(formatLine(line)) });
}

/** One JSON record as one line of text. */
export function formatLine(line: string): string {
  const record = JSON.parse(line) as Record<string, unknown>;
  const time = new Date(Number(record["time"])).toTimeString().slice(0, 8);
  const level = (LEVEL_NAMES[Number(record["level"])] ?? "info").padEnd(5);
  let text = `${time} ${level} ${String(record["msg"])}`;
  for (const [key, value] of Object.entries(record)) {
    if (!PLUMBING.has(key))
      text += ` ${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`;
  }
  return `${text}\n`;
}
