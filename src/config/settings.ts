/** The meaning of the settings that an edge's and a supernode's file have in common. */

import { statSync } from "node:fs";
import { parseHost } from "../wire/address.ts";
import { LOG_LEVELS, type RawCommon } from "./common-schema.ts";
import { type ConfigDocument, readDocument } from "./document.ts";
import { isLoopback, parseEndpoint } from "./endpoint.ts";
import { decodeKey, keyFault } from "./key-text.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";

export type LogLevel = (typeof LOG_LEVELS)[number];
export type Aead = "auto" | "aes-256-gcm" | "chacha20-poly1305";
export type RelayPolicy = "auto" | "never" | "always";

/** Addresses to listen on; null turns the family off. At least one is on. */
export interface BindConfig {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** Seconds; shortened session timers for tests. */
export interface SessionTimerConfig {
  readonly rekeyAfter?: number;
  readonly rejectAfter?: number;
}

/** @throws ConfigError EL_CONFIG_READ, EL_CONFIG_SYNTAX */
export function readSecretDocument(path: string): ConfigDocument {
  const document = readDocument(path);
  // Others who can read the file can be this node.
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (mode & 0o004)
    document.problems.warnFile("readable by everybody, but holds a private key; chmod 600 it");
  return document;
}

export function readPrivateKey(
  text: string | undefined,
  path: Path,
  problems: Problems,
): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = decodeKey(text);
  if (key === undefined) problems.at(path, keyFault(text));
  else if (key.every((byte) => byte === 0))
    problems.at(path, "all zero, expected a real key (etherloom keygen)");
  else return key;
  return undefined;
}

export function readBind(raw: RawCommon, problems: Problems): BindConfig {
  const { bind = {}, disabledAf = {} } = raw;
  const one = (family: 4 | 6): string | null => {
    const own = family === 4 ? bind.ipv4 : bind.ipv6;
    const listen = family === 4 ? disabledAf.listenIpv4 : disabledAf.listenIpv6;
    const off = own === false || (family === 4 ? disabledAf.ipv4 : disabledAf.ipv6) === true;
    const address = (own === false ? "" : own) || listen || (family === 4 ? "0.0.0.0" : "::");
    if (parseHost(address)?.length !== (family === 4 ? 4 : 16)) {
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

export function readNetworkName(text: string | undefined, problems: Problems): string {
  if (text === undefined || text === "") return "etherloom";
  if (Buffer.byteLength(text) > 64 || /\p{Cc}/u.test(text)) {
    problems.at(["networkName"], "too long or with control characters, expected at most 64 bytes of text");
  }
  return text;
}

/** EtherGuard's levels are verbose, debug, error, silent (often written slient); it takes all else for error. */
export function readLogLevel(raw: RawCommon["logLevel"]): LogLevel {
  if (raw?.["="] !== undefined) return raw["="] as LogLevel;
  if (raw === undefined) return "info";
  const level = raw.logLevel?.toLowerCase() ?? "info";
  if (level === "verbose") return "debug";
  if (level === "slient") return "silent";
  return LOG_LEVELS.find((known) => known === level) ?? "error";
}

/** EtherGuard turns an interval off with 0.01 or less. */
export function readInterval(seconds: number | undefined, fallback: number): number {
  if (seconds === undefined) return fallback;
  return seconds <= 0.01 ? 0 : seconds;
}

export function readSessionTimers(
  raw: RawCommon["sessionTimers"],
  problems: Problems,
): SessionTimerConfig | undefined {
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

/** 32 bytes that all members share; null for none. */
export function readSharedSecret(
  text: string | undefined,
  path: Path,
  problems: Problems,
): Uint8Array | null {
  if (text === undefined || text === "") return null;
  const secret = decodeKey(text);
  if (secret === undefined) problems.at(path, keyFault(text));
  else if (secret.every((byte) => byte === 0))
    problems.at(path, "all zero, expected a real secret (etherloom keygen --psk)");
  return secret ?? null;
}

export function hasLoopback(endPoint: string | null): boolean {
  const endpoint = endPoint === null ? "" : parseEndpoint(endPoint);
  return typeof endpoint !== "string" && isLoopback(endpoint);
}
