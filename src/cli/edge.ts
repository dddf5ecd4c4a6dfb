/** `etherloom edge`: run a node from a configuration file. */

import { readFileSync } from "node:fs";
import { UsageError } from "../errors.ts";
import { exampleUrl } from "../node/paths.ts";
import { parseOptions, refusePositionals } from "./options.ts";
import { versionLine } from "./version.ts";

const USAGE = `usage: etherloom edge --config FILE [--no-uapi] [--bind linux|std]
       etherloom edge --example | --version | --help

  --config FILE  the node's configuration (YAML)
  --example      print a commented configuration that runs as it is
  --no-uapi      open no UAPI socket
  --bind KIND    UDP sockets: linux (the default) or std (without UDP segmentation offload, GSO and GRO)

Exit codes: 0 asked to stop, 1 failed while running, 2 bad usage or configuration.
`;

export async function runEdgeCommand(args: readonly string[]): Promise<number> {
  const options = parseOptions("edge", args, {
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
  refusePositionals("edge", options);
  if (options.flags.has("example")) {
    const { withFreshKey } = await import("../config/example.ts");
    process.stdout.write(withFreshKey(readFileSync(exampleUrl, "utf8")));
    return 0;
  }
  const bind = options.values.get("bind") ?? "linux";
  if (bind !== "linux" && bind !== "std") throw new UsageError(`--bind ${bind}, expected linux or std`);
  const file = options.values.get("config");
  if (file === undefined) throw new UsageError("edge needs --config FILE (or --example to see one)");
  const { loadEdgeConfig } = await import("../config/edge-config.ts");
  const config = loadEdgeConfig(file);
  for (const warning of config.warnings) process.stderr.write(`etherloom: warning: ${warning}\n`);
  const { runEdge } = await import("../node/edge.ts");
  return runEdge(config, { uapi: !options.flags.has("no-uapi"), bind });
}
