/** A supernode's configuration: loaded, checked and complete. */

import { dirname, resolve } from "node:path";
import { checkSchema, warnIgnored } from "./check-schema.ts";
import { type ConfigDocument, parseText } from "./document.ts";
import { publicKeyOf } from "./key-text.ts";
import { buildManualLatency, type ManualLatency } from "./manual-latency.ts";
import { matchKeys } from "./match-keys.ts";
import { buildFullTable, type NextHopTable } from "./next-hop-table.ts";
import { buildNtp, type NtpConfig } from "./ntp.ts";
import type { Problems } from "./problems.ts";
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
  type SessionTimerConfig,
} from "./settings.ts";
import { buildSuperPeers, type SuperPeerConfig } from "./super-peers.ts";
import { type RawSuper, superSchema } from "./super-schema.ts";
import { DEFAULT_CONTROL_PORT } from "./supers.ts";

export type { ManualLatency } from "./manual-latency.ts";
export type { SuperPeerConfig } from "./super-peers.ts";

export interface GraphRecalculateSetting {
  /** Nothing is computed: the rows of `nextHopTable` are handed out. */
  readonly staticMode: boolean;
  /** Least specific first: of those that fit a link the last one counts. */
  readonly manualLatency: readonly ManualLatency[];
  /** Seconds without a report until a node's links count as gone. */
  readonly nodeReportTimeout: number;
  /** What going through any node costs, in ms, besides that node's own additionalCost. */
  readonly relayCost: number;
}

export interface SuperConfig {
  /** The file's name as it was given. */
  readonly file: string;
  /** At most 32 bytes of A-Z a-z 0-9 _ . - */
  readonly nodeName: string;
  readonly networkName: string;
  /** X25519, 32 bytes. */
  readonly privKey: Uint8Array;
  /** UDP, for sessions with edges; 0 lets the kernel choose. */
  readonly listenPort: number;
  /** QUIC (UDP) and TCP, for control; 0 lets the kernel choose. */
  readonly controlPort: number;
  readonly bind: BindConfig;
  readonly fwMark: number;
  /** Family to prefer when a name has both; 0 takes the resolver's order. */
  readonly afPrefer: 0 | 4 | 6;
  /** The members of the network. */
  readonly peers: readonly SuperPeerConfig[];
  /** Make a preshared key for every pair of edges. */
  readonly usePskForInterEdge: boolean;
  /** 32 bytes of which those keys are made, the same at all supernodes of a network; null: the private key. */
  readonly pskSecret: Uint8Array | null;
  /** Seconds between resolving endpoint names again; 0 means never. */
  readonly resetEndPointInterval: number;
  /** Seconds, for edges whose file says nothing else; 0 means never. */
  readonly superNodeInfoTimeout: number;
  /** 32 bytes that all members share, or null for none. */
  readonly networkSecret: Uint8Array | null;
  readonly graphRecalculateSetting: GraphRecalculateSetting;
  /** Source → destination → next hop, for every pair of peers; empty unless `staticMode`. */
  readonly nextHopTable: NextHopTable;
  readonly aead: Aead;
  /** Loopback addresses may become endpoints. */
  readonly allowLoopback: boolean;
  /** Move frames before the machine does anything else, where it lets us. */
  readonly realtime: boolean;
  /** Absolute. */
  readonly stateDir: string;
  readonly uapiName: string;
  readonly postScript: string;
  readonly logLevel: LogLevel;
  readonly sessionTimers?: SessionTimerConfig;
  readonly ntp: NtpConfig;
  /** Complete lines for the user, about settings that work but may surprise. */
  readonly warnings: readonly string[];
}

/** Name of a supernode whose file gives it none. */
export const DEFAULT_SUPER_NAME = "super";
const DEFAULT_LISTEN_PORT = 3000;

/** @throws ConfigError with one line per problem */
export function loadSuperConfig(path: string): SuperConfig {
  return buildSuperConfig(path, readSecretDocument(path));
}

/** The same for text that is already here; relative paths in it are relative to `file`. */
export function parseSuperConfig(file: string, text: string): SuperConfig {
  return buildSuperConfig(file, parseText(file, text));
}

function buildSuperConfig(file: string, { tree, problems }: ConfigDocument): SuperConfig {
  const { value, ignored } = matchKeys(tree, superSchema, problems, "etherloom super --example");
  const raw = checkSchema(superSchema, value ?? {}, problems);
  const privKey = choosePrivateKey(raw, problems);
  const bind = readBind(raw, problems);
  const peers = buildSuperPeers(raw.peers ?? [], privKey && publicKeyOf(privKey), bind, problems);
  const ports = readPorts(raw, problems);
  const nodeName = readName(raw.nodeName, ["nodeName"], DEFAULT_SUPER_NAME, problems);
  const networkName = readNetworkName(raw.networkName, problems);
  const uapiName = readName(raw.uapiName, ["uapiName"], nodeName, problems);
  const networkSecret = readSharedSecret(raw.networkSecret, ["networkSecret"], problems);
  const pskSecret = readSharedSecret(raw.pskSecret, ["pskSecret"], problems);
  // Without NodeIDs that were refused.
  const members = peers.map((peer) => peer.nodeId).filter((id: number | undefined) => id !== undefined);
  const graphRecalculateSetting = readGraphSetting(raw, members, problems);
  const { staticMode } = graphRecalculateSetting;
  const nextHopTable = staticMode ? readTable(raw, members, problems) : new Map();
  const sessionTimers = readSessionTimers(raw.sessionTimers, problems);
  const ntp = buildNtp(raw.ntpConfig, ["ntpConfig"], problems);
  problems.throwIfAny("EL_CONFIG_INVALID");

  if (!staticMode && Object.keys(raw.nextHopTable ?? {}).length > 0) {
    problems.warn(["nextHopTable"], "counts with graphRecalculateSetting.staticMode: true only");
  }
  warnIgnored(ignored, problems);
  return {
    file,
    nodeName,
    networkName,
    privKey: privKey!,
    ...ports,
    bind,
    fwMark: raw.fwMark ?? 0,
    afPrefer: raw.afPrefer ?? 4,
    peers,
    usePskForInterEdge: raw.usePskForInterEdge ?? false,
    pskSecret,
    resetEndPointInterval: readInterval(raw.resetEndPointInterval, 600),
    superNodeInfoTimeout: readInterval(raw.superNodeInfoTimeout, 50),
    networkSecret,
    graphRecalculateSetting,
    nextHopTable,
    aead: (raw.aead ?? "auto") as Aead,
    allowLoopback: raw.allowLoopback ?? peers.some((peer) => hasLoopback(peer.endPoint)),
    realtime: raw.realtime ?? true,
    stateDir: resolve(dirname(file), raw.stateDir || `/var/lib/etherloom/${nodeName}`),
    uapiName,
    postScript: raw.postScript ?? "",
    logLevel: readLogLevel(raw.logLevel),
    ...(sessionTimers && { sessionTimers }),
    ntp,
    warnings: problems.warnings,
  };
}

/** EtherGuard's supernode had a key for each family; there is one now, and edges must know which. */
function choosePrivateKey(raw: RawSuper, problems: Problems): Uint8Array | undefined {
  const { privKey, privKeyV4, privKeyV6 } = raw;
  const former = privKeyV4 ? "privKeyV4" : privKeyV6 ? "privKeyV6" : undefined;
  if (former === undefined) {
    // One that is there and undefined was refused before.
    if (privKey === "" || !("privKey" in raw)) {
      problems.at(["privKey"], "missing, expected a base64 key of 32 bytes");
    }
    return readPrivateKey(privKey || undefined, ["privKey"], problems);
  }
  if (privKey) {
    problems.at([former], "given beside privKey, expected only one of the two");
    return readPrivateKey(privKey, ["privKey"], problems);
  }
  const other = privKeyV4 && privKeyV6 ? ", privKeyV6 is ignored" : "";
  problems.warn([former], `taken as privKey, the key for both families${other}; write privKey instead`);
  return readPrivateKey(raw[former], [former], problems);
}

function readTable(raw: RawSuper, members: readonly number[], problems: Problems): NextHopTable {
  // One that is there and undefined was refused before.
  if (raw.nextHopTable === undefined && "nextHopTable" in raw) return new Map();
  return buildFullTable(raw.nextHopTable, members, problems);
}

function readPorts(raw: RawSuper, problems: Problems): Pick<SuperConfig, "listenPort" | "controlPort"> {
  const { listenPort = DEFAULT_LISTEN_PORT, controlPort = DEFAULT_CONTROL_PORT } = raw;
  if (listenPort === controlPort && listenPort !== 0) {
    const path = [raw.controlPort === undefined ? "listenPort" : "controlPort"];
    problems.at(
      path,
      `listenPort and controlPort are both ${listenPort}, expected two: sessions and QUIC are both UDP`,
    );
  }
  return { listenPort, controlPort };
}

function readGraphSetting(
  raw: RawSuper,
  members: readonly number[],
  problems: Problems,
): GraphRecalculateSetting {
  const setting = raw.graphRecalculateSetting ?? {};
  const path = ["graphRecalculateSetting", "manualLatency"];
  return {
    staticMode: setting.staticMode ?? false,
    manualLatency: buildManualLatency(setting.manualLatency, members, path, problems),
    nodeReportTimeout: setting.nodeReportTimeout ?? 40,
    relayCost: setting.relayCost ?? 2,
  };
}
