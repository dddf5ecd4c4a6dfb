/** A supernode's file in the words of a node: NodeID 65533, a port that moves no frames, no relaying. */
import { buildDummyPort } from "../config/port-config.ts";
import type { SuperConfig } from "../config/super-config.ts";
import { SUPER_NODE_ID } from "../wire/node-id.ts";
import type { CoreConfig } from "./node-core.ts";

const TTL = 64;

export function superCoreConfig(config: SuperConfig): CoreConfig {
  return {
    ...config,
    nodeId: SUPER_NODE_ID,
    interface: buildDummyPort(SUPER_NODE_ID),
    defaultTtl: TTL,
    l2FibTimeout: 0,
    relay: "never",
  };
}
