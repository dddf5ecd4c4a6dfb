/** What a reload cannot change: the sockets, the interface and the identity of a running node. */
import { isDeepStrictEqual } from "node:util";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { SuperConfig } from "../config/super-config.ts";

const FIXED = [
  "mode",
  "supers",
  "networkSecret",
  "skipLocalIp",
  "additionalLocalIp",
  "additionalCostMs",
  "superNodeInfoTimeout",
  "ntp",
  "nodeName",
  "networkName",
  "listenPort",
  "fwMark",
  "bind",
  "afPrefer",
  "defaultTtl",
  "l2FibTimeout",
  "resetEndPointInterval",
  "aead",
  "relay",
  "learnKeys",
  "allowLoopback",
  "realtime",
  "stateDir",
  "uapiName",
  "postScript",
  "logLevel",
  "sessionTimers",
] as const satisfies readonly (keyof EdgeConfig)[];

/** Keys of the file, as people write them, whose new values wait for a restart. */
export function waitForRestart(running: EdgeConfig, wanted: EdgeConfig): string[] {
  const port = Object.keys({
    ...running.interface,
    ...wanted.interface,
  }) as (keyof EdgeConfig["interface"])[];
  return [
    ...FIXED.filter((key) => !isDeepStrictEqual(running[key], wanted[key])),
    ...port
      .filter((key) => !isDeepStrictEqual(running.interface[key], wanted.interface[key]))
      .map((key) => `interface.${key}`),
  ];
}

/** Whether the file has become another node's: then nothing of it may be taken over. */
export function isAnotherNode(running: EdgeConfig, wanted: EdgeConfig): boolean {
  return running.nodeId !== wanted.nodeId || !isDeepStrictEqual(running.privKey, wanted.privKey);
}

const SUPER_FIXED = [
  "nodeName",
  "networkName",
  "listenPort",
  "controlPort",
  "networkSecret",
  "bind",
  "fwMark",
  "afPrefer",
  "usePskForInterEdge",
  "pskSecret",
  "resetEndPointInterval",
  "superNodeInfoTimeout",
  "nextHopTable",
  "aead",
  "allowLoopback",
  "realtime",
  "stateDir",
  "uapiName",
  "postScript",
  "logLevel",
  "sessionTimers",
  "ntp",
] as const satisfies readonly (keyof SuperConfig)[];

/** The same for a supernode's file: its members and nodeReportTimeout are what a reload takes over. */
export function superWaitsForRestart(running: SuperConfig, wanted: SuperConfig): string[] {
  const { graphRecalculateSetting: before } = running;
  const { graphRecalculateSetting: after } = wanted;
  const graph = ["staticMode", "manualLatency", "relayCost"] as const;
  return [
    ...SUPER_FIXED.filter((key) => !isDeepStrictEqual(running[key], wanted[key])),
    ...graph
      .filter((key) => !isDeepStrictEqual(before[key], after[key]))
      .map((key) => `graphRecalculateSetting.${key}`),
  ];
}
