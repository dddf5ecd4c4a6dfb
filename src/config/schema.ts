/**
 * What an edge's file may contain: keys, types and ranges. What keys mean together is checked in edge-config.ts.
 *
 * Keys stand here in their canonical camelCase; match-keys.ts brings a file's spellings to them. Settings of
 * EtherGuard files that mean nothing here are listed with `ignored`: they are accepted whatever they hold.
 */

import { z } from "zod";
import { commonShape, type RawCommon, relaySchema } from "./common-schema.ts";
import { dynamicRouteSchema, type RawDynamicRoute } from "./dynamic-route-schema.ts";
import {
  expected,
  flag,
  ignored,
  integer,
  key,
  map,
  type Maybe,
  nodeId,
  oneOf,
  seconds,
  text,
} from "./schema-parts.ts";

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

/** Source → destination → next hop. */
export const nextHopTableSchema: z.ZodRecord<z.ZodString, z.ZodRecord<z.ZodString, z.ZodNumber>> = z.record(
  z.string(),
  z.record(z.string(), nodeId(), expected("a map of NodeIDs")),
  expected("a map of maps of NodeIDs"),
);

const edge = map({
  ...commonShape,
  nodeId: nodeId(),
  privKey: key(),
  listenPort: integer(0, 65535, "a UDP port").optional(),
  interface: port.optional(),
  defaultTtl: integer(1, 255, "a number of hops").optional(),
  l2FibTimeout: seconds(0, 1e9).optional(),
  nextHopTable: nextHopTableSchema.optional(),
  peers: z.array(peer, expected("a list")).optional(),
  relay: relaySchema.optional(),
  learnKeys: flag().optional(),
  dynamicRoute: dynamicRouteSchema.optional(),
});

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
export interface RawEdge extends RawCommon {
  nodeId: number;
  privKey: string;
  listenPort?: Maybe<number>;
  interface?: Maybe<RawPort>;
  defaultTtl?: Maybe<number>;
  l2FibTimeout?: Maybe<number>;
  nextHopTable?: Maybe<Record<string, Record<string, number>>>;
  peers?: Maybe<RawPeer[]>;
  relay?: Maybe<string>;
  learnKeys?: Maybe<boolean>;
  dynamicRoute?: Maybe<RawDynamicRoute>;
}

export const edgeSchema: z.ZodType<RawEdge> = edge;
