/** An edge's configuration: loaded, checked and complete, so that nobody behind this line meets a missing value. */

import { dirname, resolve } from "node:path";
import { checkSchema, warnIgnored } from "./check-schema.ts";
import { type ConfigDocument, parseText } from "./document.ts";
import type { RawDynamicRoute } from "./dynamic-route-schema.ts";
import { publicKeyOf } from "./key-text.ts";
import { matchKeys } from "./match-keys.ts";
import { buildNextHopTable, type NextHopTable, usesRelays } from "./next-hop-table.ts";
import { buildNtp, type NtpConfig } from "./ntp.ts";
import { buildPeers, type PeerConfig } from "./peers.ts";
import { buildPort, type PortConfig, warnAboutMtu } from "./port-config.ts";
import type { Path, Problems } from "./problems.ts";
import { edgeSchema, type RawEdge } from "./schema.ts";
import {
  type Aead,
  type BindConfig,
  hasLoopback,
  type LogLevel,
  readBind,
  readInterval,
  readLogLevel,
  readName,
  readNetworkName,
  readSharedSecret,
  readPrivateKey,
  readSecretDocument,
  readSessionTimers,
  type RelayPolicy,
  type SessionTimerConfig,
} from "./settings.ts";
import { buildSupers, readLocalEndpoints, type SuperEntry, unusedSuperSettings } from "./supers.ts";

export type { NextHopTable } from "./next-hop-table.ts";
export type { NtpConfig } from "./ntp.ts";
export type { PeerConfig } from "./peers.ts";
export type { PortConfig } from "./port-config.ts";
export type { Aead, LogLevel, RelayPolicy } from "./settings.ts";
export type { SuperEntry } from "./supers.ts";

export type LeftToSupernode = "resetEndPointInterval" | "superNodeInfoTimeout";

export interface EdgeConfig {
  /** The file's name as it was given. */
  readonly file: string;
  /** Where the routes come from: this file, or a supernode. */
  readonly mode: "static" | "super";
  /** 0..65531. */
  readonly nodeId: number;
  /** At most 32 bytes of A-Z a-z 0-9 _ . - */
  readonly nodeName: string;
  readonly networkName: string;
  /** X25519, 32 bytes. */
  readonly privKey: Uint8Array;
  /** UDP; 0 lets the kernel choose. */
  readonly listenPort: number;
  readonly fwMark: number;
  readonly bind: BindConfig;
  /** Family to prefer when a name has both; 0 takes the resolver's order. */
  readonly afPrefer: 0 | 4 | 6;
  readonly interface: PortConfig;
  readonly defaultTtl: number;
  /** Seconds; 0 means never. */
  readonly l2FibTimeout: number;
  /** Seconds between resolving endpoint names again; 0 means never. */
  readonly resetEndPointInterval: number;
  /**
   * Source → destination → next hop; the own row always exists. In super mode that row alone, with the file's peers
   * as their own next hops.
   */
  readonly nextHopTable: NextHopTable;
  /** In super mode members that are known before the supernode has spoken; mostly none. */
  readonly peers: readonly PeerConfig[];
  /** In order of preference; empty in static mode, never in super mode. */
  readonly supers: readonly SuperEntry[];
  /** Seconds without a word from any supernode until they count as lost; 0 means never. */
  readonly superNodeInfoTimeout: number;
  /** Neither tell the own LAN addresses nor use those of others. */
  readonly skipLocalIp: boolean;
  /** `address:port` of this node that it cannot find itself, for the others to try. */
  readonly additionalLocalIp: readonly string[];
  /** 32 bytes that all members share, or null for none. */
  readonly networkSecret: Uint8Array | null;
  /** What passing through this node costs, in ms, unless the supernode's file says otherwise. */
  readonly additionalCostMs: number;
  readonly ntp: NtpConfig;
  readonly aead: Aead;
  readonly relay: RelayPolicy;
  readonly learnKeys: boolean;
  /** Loopback addresses may become endpoints. */
  readonly allowLoopback: boolean;
  /** Move frames before the machine does anything else, where it lets us. */
  readonly realtime: boolean;
  /** Settings that the file does not have and the supernode may say; of a static node none. */
  readonly leftToSupernode: readonly LeftToSupernode[];
  /** Absolute. */
  readonly stateDir: string;
  readonly uapiName: string;
  readonly postScript: string;
  readonly logLevel: LogLevel;
  readonly sessionTimers?: SessionTimerConfig;
  /** Complete lines for the user, about settings that work but may surprise. */
  readonly warnings: readonly string[];
}

/** @throws ConfigError with one line per problem */
export function loadEdgeConfig(path: string): EdgeConfig {
  return buildEdgeConfig(path, readSecretDocument(path));
}

/** The same for text that is already here; relative paths in it are relative to `file`. */
export function parseEdgeConfig(file: string, text: string): EdgeConfig {
  return buildEdgeConfig(file, parseText(file, text));
}

function buildEdgeConfig(file: string, { tree, problems }: ConfigDocument): EdgeConfig {
  const { value, ignored } = matchKeys(tree, edgeSchema, problems, "etherloom edge --example");
  refuseP2p(value, problems);
  const raw = checkSchema(edgeSchema, value ?? {}, problems);
  const privKey = readPrivateKey(raw.privKey, ["privKey"], problems);
  const publicKey = privKey && publicKeyOf(privKey);
  const bind = readBind(raw, problems);
  const peers = buildPeers(raw, publicKey, bind, problems);
  const routes = readDynamicRoute(raw.dynamicRoute ?? {}, publicKey, bind, problems);
  const nextHopTable = readTable(raw, routes.mode, peers, problems);
  // A NodeID that was refused is missing; the addresses are looked at all the same.
  const port = buildPort(raw.interface ?? {}, raw.nodeId ?? 1, problems);
  const nodeName = readName(raw.nodeName, ["nodeName"], `node${raw.nodeId}`, problems);
  const networkName = readNetworkName(raw.networkName, problems);
  const uapiName = readName(raw.uapiName, ["uapiName"], nodeName, problems);
  const sessionTimers = readSessionTimers(raw.sessionTimers, problems);
  problems.throwIfAny("EL_CONFIG_INVALID");

  const relayed = routes.mode === "super" || usesRelays(nextHopTable);
  warnAboutMtu(port, bind.ipv6 === null ? 4 : 6, relayed, problems);
  warnIgnored([...ignored, ...unused(raw.dynamicRoute ?? {}, routes.mode)], problems);
  const endpoints = [
    ...peers.map((peer) => peer.endPoint),
    ...routes.supers.flatMap(({ endpoint, control }) => [endpoint, control]),
  ];
  return {
    file,
    ...routes,
    nodeId: raw.nodeId,
    nodeName,
    networkName,
    privKey: privKey!,
    listenPort: raw.listenPort ?? 0,
    fwMark: raw.fwMark ?? 0,
    bind,
    afPrefer: raw.afPrefer ?? 4,
    interface: port,
    defaultTtl: raw.defaultTtl ?? 64,
    l2FibTimeout: readInterval(raw.l2FibTimeout, 3600),
    resetEndPointInterval: readInterval(raw.resetEndPointInterval, 600),
    leftToSupernode: leftToSupernode(raw, routes.mode),
    nextHopTable,
    peers,
    aead: (raw.aead ?? "auto") as Aead,
    relay: (raw.relay ?? "auto") as RelayPolicy,
    learnKeys: raw.learnKeys ?? true,
    allowLoopback: raw.allowLoopback ?? endpoints.some(hasLoopback),
    realtime: raw.realtime ?? true,
    stateDir: resolve(dirname(file), raw.stateDir || `/var/lib/etherloom/${nodeName}`),
    uapiName,
    postScript: raw.postScript ?? "",
    logLevel: readLogLevel(raw.logLevel),
    ...(sessionTimers && { sessionTimers }),
    warnings: problems.warnings,
  };
}

/** One clear line instead of all that such a file lacks for the other modes. */
function refuseP2p(value: unknown, problems: Problems): void {
  const route = (value as Partial<RawEdge> | undefined)?.dynamicRoute;
  if (route?.p2p?.useP2p !== true) return;
  problems.at(["dynamicRoute", "p2p", "useP2p"], "p2p mode is not built yet, expected false");
  problems.throwIfAny("EL_CONFIG_MODE");
}

type DynamicSettings = Pick<
  EdgeConfig,
  | "mode"
  | "supers"
  | "superNodeInfoTimeout"
  | "skipLocalIp"
  | "additionalLocalIp"
  | "networkSecret"
  | "additionalCostMs"
  | "ntp"
>;

function readDynamicRoute(
  raw: RawDynamicRoute,
  publicKey: Uint8Array | undefined,
  bind: BindConfig,
  problems: Problems,
): DynamicSettings {
  const { superNode = {}, additionalCost = 0 } = raw;
  const path = ["dynamicRoute", "superNode"] as const;
  // Of a setting that is not used, nothing but its type counts.
  const used = superNode.useSuperNode === true ? superNode : {};
  return {
    mode: superNode.useSuperNode === true ? "super" : "static",
    supers: superNode.useSuperNode === true ? buildSupers(superNode, publicKey, bind, problems) : [],
    superNodeInfoTimeout: readInterval(used.superNodeInfoTimeout, 50),
    skipLocalIp: used.skipLocalIp ?? false,
    additionalLocalIp: readLocalEndpoints(used.additionalLocalIp ?? [], problems),
    networkSecret: readSharedSecret(used.networkSecret, [...path, "networkSecret"], problems),
    // EtherGuard took a negative cost for none.
    additionalCostMs: Math.max(0, additionalCost),
    ntp: buildNtp(raw.ntpConfig, ["dynamicRoute", "ntpConfig"], problems),
  };
}

function readTable(
  raw: RawEdge,
  mode: EdgeConfig["mode"],
  peers: readonly PeerConfig[],
  problems: Problems,
): NextHopTable {
  const ids = peers.map((peer) => peer.nodeId);
  if (mode === "super" && Object.keys(raw.nextHopTable ?? {}).length > 0) {
    problems.warn(["nextHopTable"], "has no meaning in super mode, where routes come from the supernode");
  }
  return buildNextHopTable(mode === "super" ? undefined : raw.nextHopTable, raw.nodeId, ids, problems);
}

function leftToSupernode(raw: RawEdge, mode: EdgeConfig["mode"]): LeftToSupernode[] {
  if (mode !== "super") return [];
  const left: LeftToSupernode[] = [];
  if (raw.resetEndPointInterval === undefined) left.push("resetEndPointInterval");
  if (raw.dynamicRoute?.superNode?.superNodeInfoTimeout === undefined) left.push("superNodeInfoTimeout");
  return left;
}

/** Settings that were understood, and do nothing in this mode. */
function unused(raw: RawDynamicRoute, mode: EdgeConfig["mode"]): Path[] {
  if (mode === "super") return [];
  const cost = raw.additionalCost ? [["dynamicRoute", "additionalCost"]] : [];
  return [...cost, ...unusedSuperSettings(raw.superNode ?? {})];
}
