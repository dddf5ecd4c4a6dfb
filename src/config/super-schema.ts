/**
 * What a supernode's file may contain: keys, types and ranges. What keys mean together is checked in super-config.ts.
 * Spellings and `ignored` settings as in schema.ts.
 */

import { z } from "zod";
import {
  commonShape,
  networkSecretSchema,
  ntpSchema,
  type RawCommon,
  type RawNtp,
  relaySchema,
} from "./common-schema.ts";
import { nextHopTableSchema } from "./schema.ts";
import {
  ANY_NODE_KEY,
  expected,
  flag,
  ignored,
  integer,
  key,
  map,
  MAX_COST_MS,
  type Maybe,
  milliseconds,
  nodeId,
  seconds,
  text,
} from "./schema-parts.ts";

const peer = map({
  nodeId: nodeId(),
  name: text("a name").optional(),
  pubKey: key(),
  psKey: key().optional(),
  endPoint: text("host:port or [IPv6]:port").optional(),
  externalIp: text("an IP address").optional(),
  // −1 leaves it to the edge.
  additionalCost: milliseconds(-1, MAX_COST_MS).optional(),
  skipLocalIp: flag().optional(),
  static: flag().optional(),
  relay: relaySchema.optional(),
});

const latency = (): z.ZodNumber => milliseconds(0, MAX_COST_MS);
const anyNode = (): z.ZodType<string | number> =>
  z.union([z.string(), z.number()], expected('a NodeID or "*"'));

/** EtherGuard's nested map, from → to → ms, or a list. */
const manualLatency = z.union(
  [
    z.record(ANY_NODE_KEY, z.record(ANY_NODE_KEY, latency(), expected("a map of milliseconds"))),
    z.array(map({ from: anyNode(), to: anyNode(), ms: latency() })),
  ],
  expected("a map of maps of milliseconds, or a list of {from, to, ms}"),
);

const supernode = map({
  ...commonShape,
  // Required; a file of EtherGuard has one for each family instead.
  privKey: key().optional(),
  privKeyV4: key().optional(),
  privKeyV6: key().optional(),
  listenPort: integer(0, 65535, "a UDP port").optional(),
  controlPort: integer(0, 65535, "a UDP and TCP port").optional(),
  networkSecret: networkSecretSchema.optional(),
  peers: z.array(peer, expected("a list")).optional(),
  usePskForInterEdge: flag().optional(),
  pskSecret: key().optional(),
  superNodeInfoTimeout: seconds(0, 1e9).optional(),
  graphRecalculateSetting: map({
    staticMode: flag().optional(),
    manualLatency: manualLatency.optional(),
    nodeReportTimeout: seconds(1, 1e9).optional(),
    relayCost: milliseconds(0, MAX_COST_MS).optional(),
    timeoutCheckInterval: ignored(),
    // What is advertised is damped by rules of its own (DESIGN §8).
    jitterTolerance: ignored(),
    jitterToleranceMultiplier: ignored(),
    recalculateCoolDown: ignored(),
  }).optional(),
  nextHopTable: nextHopTableSchema.optional(),
  ntpConfig: ntpSchema.optional(),
  listenPort_EdgeApi: ignored(),
  listenPort_ManageApi: ignored(),
  api_Prefix: ignored(),
  rePushConfigInterval: ignored(),
  httpPostInterval: ignored(),
  peerAliveTimeout: ignored(),
  sendPingInterval: ignored(),
  dampingFilterRadius: ignored(),
  passwords: ignored(),
  edgeTemplate: ignored(),
});

/** `peers[]` of a file. */
export interface RawSuperPeer {
  nodeId: number;
  name?: Maybe<string>;
  pubKey: string;
  psKey?: Maybe<string>;
  endPoint?: Maybe<string>;
  externalIp?: Maybe<string>;
  additionalCost?: Maybe<number>;
  skipLocalIp?: Maybe<boolean>;
  static?: Maybe<boolean>;
  relay?: Maybe<string>;
}

export type RawManualLatency =
  | Record<string, Maybe<Record<string, Maybe<number>>>>
  | { from: string | number; to: string | number; ms: number }[];

/** A file as it is, after its keys were matched. */
export interface RawSuper extends RawCommon {
  privKey?: Maybe<string>;
  privKeyV4?: Maybe<string>;
  privKeyV6?: Maybe<string>;
  listenPort?: Maybe<number>;
  controlPort?: Maybe<number>;
  networkSecret?: Maybe<string>;
  peers?: Maybe<RawSuperPeer[]>;
  usePskForInterEdge?: Maybe<boolean>;
  pskSecret?: Maybe<string>;
  superNodeInfoTimeout?: Maybe<number>;
  graphRecalculateSetting?: Maybe<{
    staticMode?: Maybe<boolean>;
    manualLatency?: Maybe<RawManualLatency>;
    nodeReportTimeout?: Maybe<number>;
    relayCost?: Maybe<number>;
  }>;
  nextHopTable?: Maybe<Record<string, Record<string, number>>>;
  ntpConfig?: Maybe<RawNtp>;
}

export const superSchema: z.ZodType<RawSuper> = supernode;
