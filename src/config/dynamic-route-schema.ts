/** `dynamicRoute` of an edge's file: where its routes come from when they do not stand in the file. */

import { z } from "zod";
import { networkSecretSchema, ntpSchema, type RawNtp } from "./common-schema.ts";
import {
  expected,
  flag,
  ignored,
  key,
  map,
  MAX_COST_MS,
  type Maybe,
  milliseconds,
  seconds,
  text,
} from "./schema-parts.ts";

const endpoint = (): z.ZodString => text("host:port or [IPv6]:port");

const superNode = map({
  useSuperNode: flag().optional(),
  supers: z
    .array(
      map({ endpoint: endpoint(), control: endpoint(), pubKey: key(), psKey: key().optional() }),
      expected("a list"),
    )
    .optional(),
  networkSecret: networkSecretSchema.optional(),
  skipLocalIp: flag().optional(),
  additionalLocalIp: z.array(text("address:port"), expected("a list")).optional(),
  superNodeInfoTimeout: seconds(0, 1e9).optional(),
  // EtherGuard's way to name one supernode.
  psKey: key().optional(),
  endpointV4: endpoint().optional(),
  pubKeyV4: key().optional(),
  endpointV6: endpoint().optional(),
  pubKeyV6: key().optional(),
  endpointEdgeApiUrl: ignored(),
  httpPostInterval: ignored(),
});

const graphRecalculateSetting = map({
  staticMode: ignored(),
  manualLatency: ignored(),
  jitterTolerance: ignored(),
  jitterToleranceMultiplier: ignored(),
  timeoutCheckInterval: ignored(),
  nodeReportTimeout: ignored(),
  recalculateCoolDown: ignored(),
});

export const dynamicRouteSchema: z.ZodType<RawDynamicRoute> = map({
  additionalCost: milliseconds(-1, MAX_COST_MS).optional(),
  superNode: superNode.optional(),
  p2p: map({
    useP2p: flag().optional(),
    sendPeerInterval: ignored(),
    peerAliveTimeout: ignored(),
    additionalCost: ignored(),
    graphRecalculateSetting: graphRecalculateSetting.optional(),
  }).optional(),
  ntpConfig: ntpSchema.optional(),
  // Probes have a schedule of their own, and liveness follows from them.
  sendPingInterval: ignored(),
  peerAliveTimeout: ignored(),
  timeoutCheckInterval: ignored(),
  connNextTry: ignored(),
  dupCheckTimeout: ignored(),
  dampingFilterRadius: ignored(),
  saveNewPeers: ignored(),
});

/** `dynamicRoute.superNode.supers[]` of a file. */
export interface RawSuperEntry {
  endpoint: string;
  control: string;
  pubKey: string;
  psKey?: Maybe<string>;
}

/** `dynamicRoute.superNode` of a file. */
export interface RawSuperNode {
  useSuperNode?: Maybe<boolean>;
  supers?: Maybe<RawSuperEntry[]>;
  networkSecret?: Maybe<string>;
  skipLocalIp?: Maybe<boolean>;
  additionalLocalIp?: Maybe<string[]>;
  superNodeInfoTimeout?: Maybe<number>;
  psKey?: Maybe<string>;
  endpointV4?: Maybe<string>;
  pubKeyV4?: Maybe<string>;
  endpointV6?: Maybe<string>;
  pubKeyV6?: Maybe<string>;
}

export interface RawDynamicRoute {
  additionalCost?: Maybe<number>;
  superNode?: Maybe<RawSuperNode>;
  p2p?: Maybe<{ useP2p?: Maybe<boolean> }>;
  ntpConfig?: Maybe<RawNtp>;
}
