/** The control transport's lines in the node's log. */
import type { ControlLog } from "../control/super-server.ts";
import type { Logger } from "./log.ts";

export function controlLog(log: Logger): ControlLog {
  return (level, message, fields) => log[level](fields ?? {}, message);
}
