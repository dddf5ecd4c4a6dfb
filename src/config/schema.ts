/**
 * What an edge's file may contain: keys, types and ranges. What keys mean together is checked in edge-config.ts.
 *
 * Keys stand here in their canonical camelCase; match-keys.ts brings a file's spellings to them. Settings of
 * EtherGuard files that mean nothing here are listed with `ignored`: they are accepted whatever they hold.
 */

import { z } from "zod";

/** NodeIDs 65532..65535 have special meanings. */
export const MAX_NODE_ID = 65531;

/** Former names of keys, in lower case, and today's name for them. */
export const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ["resetconninterval", "resetEndPointInterval"],
  ["conntimeout", "timeoutCheckInterval"],
  ["dampingresistance", "dampingFilterRadius"],
  ["connurlv4", "endpointV4"],
  ["connurlv6", "endpointV6"],
  ["apiurl", "endpointEdgeApiUrl"],
]);

/** How a value is shown in a message: never long, never a secret. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length <= 44 ? text : `${text.slice(0, 40)}…"`;
}

type Complain = (issue: { input?: unknown }) => string;

function expected(what: string): { error: Complain } {
  return {
    error: ({ input }) =>
      input === undefined ? `missing, expected ${what}` : `found ${showValue(input)}, expected ${what}`,
  };
}

function integer(min: number, max: number, noun = "an integer"): z.ZodNumber {
  const message = expected(`${noun} from ${min} to ${max}`);
  return z.int(message).min(min, message).max(max, message);
}

const nodeId = (): z.ZodNumber => integer(0, MAX_NODE_ID, "a NodeID");
const seconds = (min: number, max: number): z.ZodNumber => {
  const message = expected(`a number of seconds from ${min} to ${max}`);
  return z.number(message).min(min, message).max(max, message);
};
const flag = (): z.ZodBoolean => z.boolean(expected("true or false"));
const text = (what: string): z.ZodString => z.string(expected(what));
const oneOf = (values: readonly string[]): z.ZodType<string> =>
  z.string(expected(values.join(", "))).transform((value, context) => {
    const match = values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (match !== undefined) return match;
    const hint = expected(values.length === 1 ? values.join() : `one of ${values.join(", ")}`);
    context.addIssue({ code: "custom", message: hint.error({ input: value }) });
    return z.NEVER;
  });
const map = <Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> =>
  z.object(shape, expected("a map"));

/** 32 bytes in base64. Its value never appears in a message. */
function key(): z.ZodString {
  return z.string({
    error: ({ input }) =>
      input === undefined
        ? "missing, expected a base64 key of 32 bytes"
        : `found ${typeof input === "object" ? showValue(input) : `a ${typeof input}`}, expected a base64 key of 32 bytes`,
  });
}

const ignored = (): z.ZodOptional<z.ZodUnknown> => z.unknown().optional();

const graphRecalculateSetting = map({
  staticMode: ignored(),
  manualLatency: ignored(),
  jitterTolerance: ignored(),
  jitterToleranceMultiplier: ignored(),
  timeoutCheckInterval: ignored(),
  nodeReportTimeout: ignored(),
  recalculateCoolDown: ignored(),
});

const dynamicRoute = map({
  sendPingInterval: ignored(),
  peerAliveTimeout: ignored(),
  timeoutCheckInterval: ignored(),
  connNextTry: ignored(),
  dupCheckTimeout: ignored(),
  additionalCost: ignored(),
  dampingFilterRadius: ignored(),
  saveNewPeers: ignored(),
  superNode: map({
    useSuperNode: flag().optional(),
    psKey: ignored(),
    endpointV4: ignored(),
    pubKeyV4: ignored(),
    endpointV6: ignored(),
    pubKeyV6: ignored(),
    endpointEdgeApiUrl: ignored(),
    skipLocalIp: ignored(),
    additionalLocalIp: ignored(),
    httpPostInterval: ignored(),
    superNodeInfoTimeout: ignored(),
  }).optional(),
  p2p: map({
    useP2p: flag().optional(),
    sendPeerInterval: ignored(),
    peerAliveTimeout: ignored(),
    additionalCost: ignored(),
    graphRecalculateSetting: graphRecalculateSetting.optional(),
  }).optional(),
  ntpConfig: map({
    useNtp: ignored(),
    maxServerUse: ignored(),
    syncTimeInterval: ignored(),
    ntpTimeout: ignored(),
    servers: ignored(),
  }).optional(),
});

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

/** A scalar stands for a map with the key `=`; a map is EtherGuard's form. */
const logLevel = map({
  "=": oneOf(LOG_LEVELS).optional(),
  logLevel: text("a log level").optional(),
  logTransit: ignored(),
  logControl: ignored(),
  logNormal: ignored(),
  dumpNormal: ignored(),
  logInternal: ignored(),
  logNtp: ignored(),
});

const INTERFACE_TYPES = [
  "tap",
  "dummy",
  "stdio",
  "udpsock",
  "tcpsock",
  "unixsock",
  "unixgramsock",
  "unixpacketsock",
  "fd",
  "vpp",
];

const port = map({
  iType: oneOf(INTERFACE_TYPES).optional(),
  name: text("an interface name").optional(),
  macAddrPrefix: text("2 to 6 hexadecimal octets").optional(),
  ipv4Cidr: text("an IPv4 network such as 10.0.0.0/24").optional(),
  ipv6Cidr: text("an IPv6 network such as fd00::/64").optional(),
  ipv6LlPrefix: text("an IPv6 network inside fe80::/64").optional(),
  mtu: integer(0, 9000, "a number of bytes").optional(),
  l2HeaderMode: oneOf(["nochg", "kbdbg", "noL2"]).optional(),
  vppIfaceId: ignored(),
  vppBridgeId: ignored(),
  recvAddr: ignored(),
  sendAddr: ignored(),
});

const peer = map({
  nodeId: nodeId(),
  name: text("a name").optional(),
  pubKey: key(),
  psKey: key().optional(),
  endPoint: text("host:port or [IPv6]:port").optional(),
  persistentKeepalive: integer(0, 65535, "a number of seconds").optional(),
  static: flag().optional(),
});

const address = (example: string): z.ZodType<string | false | undefined> =>
  z.union([z.string(), z.literal(false)], expected(`an address such as ${example}, or false`)).optional();

const edge = map({
  nodeId: nodeId(),
  nodeName: text("a name").optional(),
  networkName: text("a name").optional(),
  privKey: key(),
  listenPort: integer(0, 65535, "a UDP port").optional(),
  fwMark: integer(0, 0xffffffff).optional(),
  bind: map({ ipv4: address("0.0.0.0"), ipv6: address("::") }).optional(),
  disabledAf: map({
    ipv4: flag().optional(),
    ipv6: flag().optional(),
    listenIpv4: text("an IPv4 address").optional(),
    listenIpv6: text("an IPv6 address").optional(),
  }).optional(),
  afPrefer: z.literal([0, 4, 6], expected("0, 4 or 6")).optional(),
  interface: port.optional(),
  defaultTtl: integer(1, 255, "a number of hops").optional(),
  l2FibTimeout: seconds(0, 1e9).optional(),
  resetEndPointInterval: seconds(0, 1e9).optional(),
  nextHopTable: z
    .record(
      z.string(),
      z.record(z.string(), nodeId(), expected("a map of NodeIDs")),
      expected("a map of maps of NodeIDs"),
    )
    .optional(),
  peers: z.array(peer, expected("a list")).optional(),
  aead: oneOf(["auto", "aes-256-gcm", "chacha20-poly1305"]).optional(),
  relay: oneOf(["auto", "never", "always"]).optional(),
  learnKeys: flag().optional(),
  allowLoopback: flag().optional(),
  stateDir: text("a directory").optional(),
  uapiName: text("a name").optional(),
  postScript: text("a command line").optional(),
  logLevel: logLevel.optional(),
  sessionTimers: map({
    rekeyAfter: seconds(1, 3600).optional(),
    rejectAfter: seconds(2, 7200).optional(),
  }).optional(),
  dynamicRoute: dynamicRoute.optional(),
});

type Maybe<T> = T | undefined;

/** `peers[]` of a file. */
export interface RawPeer {
  nodeId: number;
  name?: Maybe<string>;
  pubKey: string;
  psKey?: Maybe<string>;
  endPoint?: Maybe<string>;
  persistentKeepalive?: Maybe<number>;
  static?: Maybe<boolean>;
}

/** `interface` of a file. */
export interface RawPort {
  iType?: Maybe<string>;
  name?: Maybe<string>;
  macAddrPrefix?: Maybe<string>;
  ipv4Cidr?: Maybe<string>;
  ipv6Cidr?: Maybe<string>;
  ipv6LlPrefix?: Maybe<string>;
  mtu?: Maybe<number>;
  l2HeaderMode?: Maybe<string>;
}

/** A file as it is, after its keys were matched. */
export interface RawEdge {
  nodeId: number;
  nodeName?: Maybe<string>;
  networkName?: Maybe<string>;
  privKey: string;
  listenPort?: Maybe<number>;
  fwMark?: Maybe<number>;
  bind?: Maybe<{ ipv4?: Maybe<string | false>; ipv6?: Maybe<string | false> }>;
  disabledAf?: Maybe<{
    ipv4?: Maybe<boolean>;
    ipv6?: Maybe<boolean>;
    listenIpv4?: Maybe<string>;
    listenIpv6?: Maybe<string>;
  }>;
  afPrefer?: Maybe<0 | 4 | 6>;
  interface?: Maybe<RawPort>;
  defaultTtl?: Maybe<number>;
  l2FibTimeout?: Maybe<number>;
  resetEndPointInterval?: Maybe<number>;
  nextHopTable?: Maybe<Record<string, Record<string, number>>>;
  peers?: Maybe<RawPeer[]>;
  aead?: Maybe<string>;
  relay?: Maybe<string>;
  learnKeys?: Maybe<boolean>;
  allowLoopback?: Maybe<boolean>;
  stateDir?: Maybe<string>;
  uapiName?: Maybe<string>;
  postScript?: Maybe<string>;
  logLevel?: Maybe<{ "="?: Maybe<string>; logLevel?: Maybe<string> }>;
  sessionTimers?: Maybe<{ rekeyAfter?: Maybe<number>; rejectAfter?: Maybe<number> }>;
  dynamicRoute?: Maybe<{
    superNode?: Maybe<{ useSuperNode?: Maybe<boolean> }>;
    p2p?: Maybe<{ useP2p?: Maybe<boolean> }>;
  }>;
}

export const edgeSchema: z.ZodType<RawEdge> = edge;
