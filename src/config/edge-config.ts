/** An edge's configuration: loaded, checked and complete, so that nobody behind this line meets a missing value. */

import { statSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";
import { dirname, resolve } from "node:path";
import { type ConfigDocument, parseText, readDocument } from "./document.ts";
import { isLoopback, parseEndpoint } from "./endpoint.ts";
import { decodeKey, keyFault, publicKeyOf } from "./key-text.ts";
import { matchKeys } from "./match-keys.ts";
import { buildNextHopTable, type NextHopTable, usesRelays } from "./next-hop-table.ts";
import { buildPeers, type PeerConfig } from "./peers.ts";
import { buildPort, type PortConfig, warnAboutMtu } from "./port-config.ts";
import { type Path, type Problems, showPath } from "./problems.ts";
import { edgeSchema, LOG_LEVELS, type RawEdge, showValue } from "./schema.ts";

export type { NextHopTable } from "./next-hop-table.ts";
export type { PeerConfig } from "./peers.ts";
export type { PortConfig } from "./port-config.ts";

export type LogLevel = (typeof LOG_LEVELS)[number];
export type Aead = "auto" | "aes-256-gcm" | "chacha20-poly1305";
export type RelayPolicy = "auto" | "never" | "always";

export interface EdgeConfig {
  /** The file's name as it was given. */
  readonly file: string;
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
  /** Addresses to listen on; null turns the family off. At least one is on. */
  readonly bind: { readonly ipv4: string | null; readonly ipv6: string | null };
  /** Family to prefer when a name has both; 0 takes the resolver's order. */
  readonly afPrefer: 0 | 4 | 6;
  readonly interface: PortConfig;
  readonly defaultTtl: number;
  /** Seconds; 0 means never. */
  readonly l2FibTimeout: number;
  /** Seconds between resolving endpoint names again; 0 means never. */
  readonly resetEndPointInterval: number;
  /** Source → destination → next hop; the own row always exists. */
  readonly nextHopTable: NextHopTable;
  readonly peers: readonly PeerConfig[];
  readonly aead: Aead;
  readonly relay: RelayPolicy;
  readonly learnKeys: boolean;
  /** Loopback addresses may become endpoints. */
  readonly allowLoopback: boolean;
  /** Absolute. */
  readonly stateDir: string;
  readonly uapiName: string;
  readonly postScript: string;
  readonly logLevel: LogLevel;
  /** Seconds; shortened session timers for tests. */
  readonly sessionTimers?: { readonly rekeyAfter?: number; readonly rejectAfter?: number };
  /** Complete lines for the user, about settings that work but may surprise. */
  readonly warnings: readonly string[];
}

/** @throws ConfigError with one line per problem */
export function loadEdgeConfig(path: string): EdgeConfig {
  const document = readDocument(path);
  // Others who can read the file can be this node.
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (mode & 0o004)
    document.problems.warnFile("readable by everybody, but holds a private key; chmod 600 it");
  return buildEdgeConfig(path, document);
}

/** The same for text that is already here; relative paths in it are relative to `file`. */
export function parseEdgeConfig(file: string, text: string): EdgeConfig {
  return buildEdgeConfig(file, parseText(file, text));
}

function buildEdgeConfig(file: string, { tree, problems }: ConfigDocument): EdgeConfig {
  const { value, ignored } = matchKeys(tree, edgeSchema, problems);
  refuseOtherModes(value, problems);
  const raw = checkSchema(value ?? {}, problems);
  const privKey = readPrivateKey(raw.privKey, problems);
  const bind = readBind(raw, problems);
  const peers = buildPeers(raw, privKey && publicKeyOf(privKey), bind, problems);
  const nextHopTable = buildNextHopTable(
    raw.nextHopTable,
    raw.nodeId,
    peers.map((peer) => peer.nodeId),
    problems,
  );
  const port = buildPort(raw.interface ?? {}, raw.nodeId, problems);
  const nodeName = readName(raw.nodeName, ["nodeName"], `node${raw.nodeId}`, problems);
  const networkName = readNetworkName(raw.networkName, problems);
  const uapiName = readName(raw.uapiName, ["uapiName"], nodeName, problems);
  const logLevel = readLogLevel(raw.logLevel);
  const sessionTimers = readSessionTimers(raw.sessionTimers, problems);
  problems.throwIfAny("EL_CONFIG_INVALID");

  warnAboutMtu(port, bind.ipv6 === null ? 4 : 6, usesRelays(nextHopTable), problems);
  if (ignored.length > 0) {
    const names = ignored.slice(1).map(showPath).join(", ");
    problems.warn(
      ignored[0]!,
      `has no meaning here and is ignored${ignored.length > 1 ? `, like ${names}` : ""}`,
    );
  }
  return {
    file,
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
    nextHopTable,
    peers,
    aead: (raw.aead ?? "auto") as Aead,
    relay: (raw.relay ?? "auto") as RelayPolicy,
    learnKeys: raw.learnKeys ?? true,
    allowLoopback: raw.allowLoopback ?? peers.some((peer) => hasLoopback(peer.endPoint)),
    stateDir: resolve(dirname(file), raw.stateDir || `/var/lib/etherloom/${nodeName}`),
    uapiName,
    postScript: raw.postScript ?? "",
    logLevel,
    ...(sessionTimers && { sessionTimers }),
    warnings: problems.warnings,
  };
}

/**
 * Checks types and ranges. What fails is reported and taken out, so that the checks of meaning can still be made for
 * the rest and one start shows everything; the caller throws before such a half value is used.
 */
function checkSchema(value: unknown, problems: Problems): RawEdge {
  const parsed = edgeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (typeof value !== "object" || Array.isArray(value)) {
    problems.at([], parsed.error.issues[0]!.message);
    problems.throwIfAny("EL_CONFIG_INVALID");
  }
  // A value that is wrong in two ways is still one problem: the first one found counts.
  const issues = new Map(
    parsed.error.issues.toReversed().map((issue) => [showPath(issue.path as Path), issue]),
  );
  for (const issue of issues.values()) {
    problems.at(issue.path as Path, issue.message);
    let holder: Record<string | number, unknown> | undefined = value as Record<string, unknown>;
    for (const step of issue.path.slice(0, -1)) holder = holder?.[step as string] as typeof holder;
    if (holder !== undefined) holder[issue.path.at(-1) as string] = undefined;
  }
  return value as RawEdge;
}

/** One clear line instead of all that such a file lacks for static mode. */
function refuseOtherModes(value: unknown, problems: Problems): void {
  const route = (value as Partial<RawEdge> | undefined)?.dynamicRoute;
  if (route?.superNode?.useSuperNode === true) {
    problems.at(["dynamicRoute", "superNode", "useSuperNode"], "super mode is not built yet, expected false");
  }
  if (route?.p2p?.useP2p === true) {
    problems.at(["dynamicRoute", "p2p", "useP2p"], "p2p mode is not built yet, expected false");
  }
  if (route?.superNode?.useSuperNode === true || route?.p2p?.useP2p === true) {
    problems.throwIfAny("EL_CONFIG_MODE");
  }
}

function readPrivateKey(text: string | undefined, problems: Problems): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = decodeKey(text);
  if (key === undefined) problems.at(["privKey"], keyFault(text));
  else if (key.every((byte) => byte === 0))
    problems.at(["privKey"], "all zero, expected a real key (etherloom keygen)");
  else return key;
  return undefined;
}

function readBind(raw: RawEdge, problems: Problems): EdgeConfig["bind"] {
  const { bind = {}, disabledAf = {} } = raw;
  const one = (family: 4 | 6): string | null => {
    const own = family === 4 ? bind.ipv4 : bind.ipv6;
    const listen = family === 4 ? disabledAf.listenIpv4 : disabledAf.listenIpv6;
    const off = own === false || (family === 4 ? disabledAf.ipv4 : disabledAf.ipv6) === true;
    const address = (own === false ? "" : own) || listen || (family === 4 ? "0.0.0.0" : "::");
    if (!(family === 4 ? isIPv4(address) : isIPv6(address))) {
      const path = own ? ["bind", `ipv${family}`] : ["disabledAf", `listenIpv${family}`];
      problems.at(path, `found ${showValue(address)}, expected an IPv${family} address`);
    }
    return off ? null : address;
  };
  const result = { ipv4: one(4), ipv6: one(6) };
  if (result.ipv4 === null && result.ipv6 === null) {
    problems.at(
      [raw.disabledAf === undefined ? "bind" : "disabledAf"],
      "IPv4 and IPv6 are both off, expected one of them on",
    );
  }
  return result;
}

/** Names become file and socket names, so they are plain. */
export function readName(text: string | undefined, path: Path, fallback: string, problems: Problems): string {
  if (text === undefined || text === "") return fallback;
  if (!/^[A-Za-z0-9_.-]{1,32}$/.test(text) || /^\.+$/.test(text)) {
    problems.at(path, `found ${showValue(text)}, expected at most 32 characters of A-Z a-z 0-9 _ . -`);
  }
  return text;
}

function readNetworkName(text: string | undefined, problems: Problems): string {
  if (text === undefined || text === "") return "etherloom";
  if (Buffer.byteLength(text) > 64 || /\p{Cc}/u.test(text)) {
    problems.at(["networkName"], "too long or with control characters, expected at most 64 bytes of text");
  }
  return text;
}

/** EtherGuard's levels are verbose, debug, error, silent (often written slient); it takes all else for error. */
function readLogLevel(raw: RawEdge["logLevel"]): LogLevel {
  if (raw?.["="] !== undefined) return raw["="] as LogLevel;
  if (raw === undefined) return "info";
  const level = raw.logLevel?.toLowerCase() ?? "info";
  if (level === "verbose") return "debug";
  if (level === "slient") return "silent";
  return LOG_LEVELS.find((known) => known === level) ?? "error";
}

/** EtherGuard turns an interval off with 0.01 or less. */
function readInterval(seconds: number | undefined, fallback: number): number {
  if (seconds === undefined) return fallback;
  return seconds <= 0.01 ? 0 : seconds;
}

function readSessionTimers(raw: RawEdge["sessionTimers"], problems: Problems): EdgeConfig["sessionTimers"] {
  if (raw === undefined) return undefined;
  const { rekeyAfter, rejectAfter } = raw;
  if ((rejectAfter ?? 180) <= (rekeyAfter ?? 120)) {
    const name = rejectAfter === undefined ? "rekeyAfter" : "rejectAfter";
    problems.at(
      ["sessionTimers", name],
      "a session would end before it is renewed, expected rejectAfter > rekeyAfter",
    );
  }
  return {
    ...(rekeyAfter !== undefined && { rekeyAfter }),
    ...(rejectAfter !== undefined && { rejectAfter }),
  };
}

function hasLoopback(endPoint: string | null): boolean {
  const endpoint = endPoint === null ? "" : parseEndpoint(endPoint);
  return typeof endpoint !== "string" && isLoopback(endpoint);
}
