/** The `interface` of a file: the port that frames enter and leave by. */

import { DEFAULT_MTU, mtuWarning } from "./mtu.ts";
import { deriveAddress, deriveLinkLocal, deriveMac, parseMacPrefix } from "./node-address.ts";
import type { Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import type { RawPort } from "./schema.ts";

export interface PortConfig {
  readonly itype: "tap" | "dummy" | "stdio";
  readonly name: string;
  /** 6 bytes, from `macAddrPrefix` and the NodeID. */
  readonly mac: Uint8Array;
  readonly macAddrPrefix: string;
  /** With prefix length and the NodeID added, e.g. `10.0.0.2/24`. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly ipv6Ll: string | null;
  /** Bytes of payload of an untagged frame. */
  readonly mtu: number;
  readonly l2HeaderMode: "nochg" | "kbdbg" | "noL2";
}

/** Locally administered; the same in every network without a prefix of its own, so that MACs need no agreement. */
export const DEFAULT_MAC_PREFIX = "02:45:4C:00";
const DEFAULT_NAME = "etherloom0";
const BUILT = ["tap", "dummy", "stdio"];

export function buildPort(raw: RawPort, nodeId: number, problems: Problems): PortConfig {
  const itype = raw.iType?.toLowerCase() ?? "tap";
  if (!BUILT.includes(itype)) {
    problems.at(
      ["interface", "iType"],
      `${itype} ports are not built yet, expected one of ${BUILT.join(", ")}`,
    );
  }
  const name = raw.name || DEFAULT_NAME;
  // Only a TAP's name reaches the kernel (dev_valid_name of Linux: < 16 bytes, no slash, colon or blank); % makes it a pattern.
  if (itype === "tap" && !/^(?!\.{1,2}$)[^\s/:%\p{Cc}]+$/u.test(name)) {
    problems.at(
      ["interface", "name"],
      `found ${showValue(name)}, expected an interface name without / : % or blanks`,
    );
  } else if (itype === "tap" && Buffer.byteLength(name) > 15) {
    problems.at(["interface", "name"], `found ${showValue(name)}, expected at most 15 bytes`);
  }
  const mtu = raw.mtu || DEFAULT_MTU;
  if (mtu < 576)
    problems.at(["interface", "mtu"], `found ${mtu}, expected a number of bytes from 576 to 9000`);
  else if (mtu < 1280 && (raw.ipv6Cidr || raw.ipv6LlPrefix)) {
    problems.at(["interface", "mtu"], `found ${mtu}, expected at least 1280, as IPv6 needs`);
  }
  const macAddrPrefix = raw.macAddrPrefix || DEFAULT_MAC_PREFIX;
  const derive = (key: "ipv4Cidr" | "ipv6Cidr" | "ipv6LlPrefix"): string | null => {
    const cidr = raw[key];
    if (!cidr) return null;
    const derived =
      key === "ipv6LlPrefix"
        ? deriveLinkLocal(cidr, nodeId)
        : deriveAddress(cidr, nodeId, key === "ipv4Cidr" ? 4 : 6);
    if (derived.fault !== undefined) problems.at(["interface", key], derived.fault);
    return derived.address ?? null;
  };
  return {
    itype: itype as PortConfig["itype"],
    name,
    mac: readMac(macAddrPrefix, nodeId, problems),
    macAddrPrefix,
    ipv4: derive("ipv4Cidr"),
    ipv6: derive("ipv6Cidr"),
    ipv6Ll: derive("ipv6LlPrefix"),
    mtu,
    l2HeaderMode: (raw.l2HeaderMode ?? "nochg") as PortConfig["l2HeaderMode"],
  };
}

/** The port of a node that moves no frames of its own. */
export function buildDummyPort(nodeId: number): PortConfig {
  const prefix = parseMacPrefix(DEFAULT_MAC_PREFIX);
  if (typeof prefix === "string") throw new TypeError(prefix);
  return {
    itype: "dummy",
    name: "dummy",
    mac: deriveMac(prefix, nodeId),
    macAddrPrefix: DEFAULT_MAC_PREFIX,
    ipv4: null,
    ipv6: null,
    ipv6Ll: null,
    mtu: DEFAULT_MTU,
    l2HeaderMode: "nochg",
  };
}

function readMac(text: string, nodeId: number, problems: Problems): Uint8Array {
  const prefix = parseMacPrefix(text);
  if (typeof prefix === "string") {
    problems.at(["interface", "macAddrPrefix"], prefix);
    return new Uint8Array(6);
  }
  const mac = deriveMac(prefix, nodeId);
  if (mac.every((octet) => octet === 0)) {
    problems.at(["interface", "macAddrPrefix"], "the MAC would be all zero, expected another prefix");
  } else if (prefix.length === 5 && nodeId > 255) {
    problems.warn(
      ["interface", "macAddrPrefix"],
      "leaves one octet for the NodeID; nodes 256 apart share a MAC",
    );
  }
  return mac;
}

/** `family` is the one with the larger header that is on; `relayed` tells whether any route passes a relay. */
export function warnAboutMtu(port: PortConfig, family: 4 | 6, relayed: boolean, problems: Problems): void {
  const warning = port.itype === "tap" ? mtuWarning(port.mtu, family, relayed) : undefined;
  if (warning !== undefined) problems.warn(["interface", "mtu"], warning);
}
