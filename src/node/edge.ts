/** `node edge`: a node that moves frames, in the mode that its file asks for. */
import { loadEdgeConfig, type EdgeConfig } from "../config/edge-config.ts";
import type { Logger } from "./log.ts";
import type { NodeEnvironment } from "./node-core.ts";
import { runNode, type RunOptions } from "./node-run.ts";
import { isAnotherNode, waitForRestart } from "./reload-limits.ts";
import type { RunningEdge } from "./running-node.ts";

/** Runs until it is asked to stop (0). @throws EtherloomError when it cannot start or go on */
export function runEdge(config: EdgeConfig, options: RunOptions): Promise<number> {
  return runNode<RunningEdge>(config, options, {
    make: (environment) => makeEdge(config, environment),
    mode: "edge",
    reload: (node, log) => reload(config, node, log),
  });
}

/** A static node does without the libraries of the control transport. */
async function makeEdge(config: EdgeConfig, environment: NodeEnvironment): Promise<RunningEdge> {
  if (config.mode === "super") {
    const { MemberNode } = await import("./member-node.ts");
    return new MemberNode(config, environment);
  }
  const { StaticNode } = await import("./static-node.ts");
  return new StaticNode(config, environment);
}

function reload(running: EdgeConfig, node: RunningEdge, log: Logger): string[] | undefined {
  const config = loadEdgeConfig(running.file);
  for (const warning of config.warnings) log.warn(warning);
  if (isAnotherNode(running, config)) {
    log.error("reload: nodeId and privKey cannot change; nothing was reloaded");
    return undefined;
  }
  const waiting = waitForRestart(running, config);
  if (waiting.length > 0) log.warn(`reload: ${waiting.join(", ")}: only after a restart`);
  return node.reload(config);
}
