/** Members as a supernode's file has them. */
import type { SuperPeerConfig } from "../../src/config/super-config.ts";

/** One with a key of its own and nothing said of it, or what `more` says. */
export function superPeer(nodeId: number, more: Partial<SuperPeerConfig> = {}): SuperPeerConfig {
  const pubKey = new Uint8Array(32);
  new DataView(pubKey.buffer).setUint16(0, nodeId + 1);
  return {
    nodeId,
    name: `n${nodeId}`,
    pubKey,
    psKey: null,
    endPoint: null,
    externalIp: null,
    additionalCost: null,
    skipLocalIp: false,
    static: false,
    relay: null,
    ...more,
  };
}
