/** The settings that an edge's and a supernode's file have in common. */

import { z } from "zod";
import {
  expected,
  flag,
  ignored,
  integer,
  key,
  map,
  type Maybe,
  oneOf,
  seconds,
  text,
} from "./schema-parts.ts";

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

const address = (example: string): z.ZodType<string | false | undefined> =>
  z.union([z.string(), z.literal(false)], expected(`an address such as ${example}, or false`)).optional();

/** Shape of the settings below, to be spread into a file's map. */
export const commonShape: { readonly [Key in keyof RawCommon]-?: z.ZodType<RawCommon[Key]> } = {
  nodeName: text("a name").optional(),
  networkName: text("a name").optional(),
  fwMark: integer(0, 0xffffffff).optional(),
  bind: map({ ipv4: address("0.0.0.0"), ipv6: address("::") }).optional(),
  disabledAf: map({
    ipv4: flag().optional(),
    ipv6: flag().optional(),
    listenIpv4: text("an IPv4 address").optional(),
    listenIpv6: text("an IPv6 address").optional(),
  }).optional(),
  afPrefer: z.literal([0, 4, 6], expected("0, 4 or 6")).optional(),
  resetEndPointInterval: seconds(0, 1e9).optional(),
  aead: oneOf(["auto", "aes-256-gcm", "chacha20-poly1305"]).optional(),
  allowLoopback: flag().optional(),
  realtime: flag().optional(),
  stateDir: text("a directory").optional(),
  uapiName: text("a name").optional(),
  postScript: text("a command line").optional(),
  logLevel: logLevel.optional(),
  sessionTimers: map({
    rekeyAfter: seconds(1, 3600).optional(),
    rejectAfter: seconds(2, 7200).optional(),
  }).optional(),
};

export const ntpSchema: z.ZodType<RawNtp> = map({
  useNtp: flag().optional(),
  servers: z.array(text("a server's name or address"), expected("a list of names")).optional(),
  maxServerUse: integer(1, 100, "a number of servers").optional(),
  syncTimeInterval: seconds(0, 1e9).optional(),
  ntpTimeout: seconds(0, 60).optional(),
});

export const relaySchema: z.ZodType<string> = oneOf(["auto", "never", "always"]);

/** A secret that all members share, not a key of anybody. */
export const networkSecretSchema: z.ZodString = key();

/** `ntpConfig` of a file. */
export interface RawNtp {
  useNtp?: Maybe<boolean>;
  servers?: Maybe<string[]>;
  maxServerUse?: Maybe<number>;
  syncTimeInterval?: Maybe<number>;
  ntpTimeout?: Maybe<number>;
}

export interface RawCommon {
  nodeName?: Maybe<string>;
  networkName?: Maybe<string>;
  fwMark?: Maybe<number>;
  bind?: Maybe<{ ipv4?: Maybe<string | false>; ipv6?: Maybe<string | false> }>;
  disabledAf?: Maybe<{
    ipv4?: Maybe<boolean>;
    ipv6?: Maybe<boolean>;
    listenIpv4?: Maybe<string>;
    listenIpv6?: Maybe<string>;
  }>;
  afPrefer?: Maybe<0 | 4 | 6>;
  resetEndPointInterval?: Maybe<number>;
  aead?: Maybe<string>;
  allowLoopback?: Maybe<boolean>;
  realtime?: Maybe<boolean>;
  stateDir?: Maybe<string>;
  uapiName?: Maybe<string>;
  postScript?: Maybe<string>;
  logLevel?: Maybe<{ "="?: Maybe<string>; logLevel?: Maybe<string> }>;
  sessionTimers?: Maybe<{ rekeyAfter?: Maybe<number>; rejectAfter?: Maybe<number> }>;
}
