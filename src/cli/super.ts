/** `etherloom super`: the coordinator. */

import { UsageError } from "../errors.ts";
import { parseOptions, refusePositionals } from "./options.ts";
import { versionLine } from "./version.ts";

const USAGE = `usage: etherloom super --config FILE
       etherloom super --version | --help

Super mode is not built yet; edges run in static mode (etherloom edge).
`;

export async function runSuperCommand(args: readonly string[]): Promise<number> {
  const options = parseOptions("super", args, {
    config: { type: "string" },
    example: { type: "boolean" },
    version: { type: "boolean", short: "v" },
    help: { type: "boolean", short: "h" },
    "no-uapi": { type: "boolean" },
    bind: { type: "string" },
  });
  if (options.flags.has("help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (options.flags.has("version")) {
    process.stdout.write(versionLine());
    return 0;
  }
  refusePositionals("super", options);
  throw new UsageError("super mode is not built yet");
}
