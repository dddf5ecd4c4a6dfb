/** `node super`: the coordinator of a network. */
import { loadSuperConfig, type SuperConfig } from "../config/super-config.ts";
import { runNode, type RunOptions } from "./node-run.ts";
import { superWaitsForRestart } from "./reload-limits.ts";
import { superCoreConfig } from "./super-core-config.ts";
import { SuperNode } from "./super-node.ts";

/** Runs until it is asked to stop (0). @throws EtherloomError when it cannot start or go on */
export function runSuper(config: SuperConfig, options: RunOptions): Promise<number> {
  return runNode(superCoreConfig(config), options, {
    mode: "super",
    make: (environment) => new SuperNode(config, environment),
    reload: (node, log) => {
      const wanted = loadSuperConfig(config.file);
      for (const warning of wanted.warnings) log.warn(warning);
      if (Buffer.compare(wanted.privKey, config.privKey) !== 0) {
        log.error("reload: privKey cannot change; nothing was reloaded");
        return undefined;
      }
      const waiting = superWaitsForRestart(config, wanted);
      if (waiting.length > 0) log.warn(`reload: ${waiting.join(", ")}: only after a restart`);
      return node.reload(wanted);
    },
  });
}
