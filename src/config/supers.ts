/** The supernodes of an edge's file. */

import { isLoopback, parseEndpoint } from "./endpoint.ts";
import type { RawSuperEntry, RawSuperNode } from "./dynamic-route-schema.ts";
import { encodeKey } from "./key-text.ts";
import { readEndpoint, readPresharedKey, readPublicKey } from "./peers.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import type { BindConfig } from "./settings.ts";

/** Of the supernode, unless its file says otherwise. */
export const DEFAULT_CONTROL_PORT = 3002;

export interface SuperEntry {
  /** `host:port` or `[IPv6]:port` of its UDP socket for sessions, not resolved. */
  readonly endpoint: string;
  /** The same for control: QUIC, and TCP. */
  readonly control: string;
  /** X25519, 32 bytes. */
  readonly pubKey: Uint8Array;
  /** 32 bytes, or null for none. */
  readonly psKey: Uint8Array | null;
}

const PATH = ["dynamicRoute", "superNode"] as const;
const FORMER_KEYS = ["endpointV4", "pubKeyV4", "endpointV6", "pubKeyV6", "psKey"] as const;
const WHAT_TO_WRITE = 'supers: [{endpoint: "HOST:3000", control: "HOST:3002", pubKey: …}]';

/** In order of preference; at least one, or a problem. */
export function buildSupers(
  raw: RawSuperNode,
  ownPublicKey: Uint8Array | undefined,
  families: BindConfig,
  problems: Problems,
): SuperEntry[] {
  const former = FORMER_KEYS.find((key) => raw[key]);
  if (raw.supers === undefined || raw.supers.length === 0) {
    if (former === undefined) problems.at(PATH, `no supernode, expected ${WHAT_TO_WRITE}`);
    const one = former === undefined ? undefined : fromFormerKeys(raw, families, problems);
    if (one === undefined) return [];
    const { entry, paths } = one;
    return [readEntry(entry, (key) => paths[key], ownPublicKey, families, problems)];
  }
  if (former !== undefined) {
    problems.at([...PATH, former], "given beside supers, expected only one of the two");
  }
  const lines = new Map<string, number>();
  return raw.supers.flatMap((entry: RawSuperEntry | undefined, index) => {
    if (entry === undefined) return [];
    const path = [...PATH, "supers", index];
    const read = readEntry(entry, (key) => [...path, key], ownPublicKey, families, problems);
    const key = encodeKey(read.pubKey);
    const line = lines.get(key);
    if (line === undefined) lines.set(key, problems.lineOf([...path, "pubKey"]));
    else if (read.pubKey.some((byte) => byte !== 0)) {
      problems.at(
        [...path, "pubKey"],
        `the same public key as the supernode in line ${line}, expected one of its own`,
      );
    }
    return [read];
  });
}

function readEntry(
  raw: RawSuperEntry,
  pathOf: (key: keyof RawSuperEntry) => Path,
  ownPublicKey: Uint8Array | undefined,
  families: BindConfig,
  problems: Problems,
): SuperEntry {
  const endpoint = readEndpoint(raw.endpoint, pathOf("endpoint"), families, problems) ?? "";
  const control = readEndpoint(raw.control, pathOf("control"), families, problems) ?? "";
  for (const key of ["endpoint", "control"] as const) {
    if (raw[key] === "") problems.at(pathOf(key), "empty, expected host:port or [IPv6]:port");
  }
  if (endpoint !== "" && endpoint === control) {
    problems.at(
      pathOf("control"),
      "the same as endpoint, expected the supernode's controlPort, which is another one than its listenPort",
    );
  }
  return {
    endpoint,
    control,
    pubKey: readPublicKey(raw.pubKey, pathOf("pubKey"), ownPublicKey, problems) ?? new Uint8Array(32),
    psKey: readPresharedKey(raw.psKey, pathOf("psKey"), problems),
  };
}

/**
 * EtherGuard named one supernode by a key and an endpoint for each family and an HTTP address. Here it has one key; of
 * both families the file's own preference would be a guess, so IPv4 counts where it is on. The control endpoint
 * cannot be known: the default port is taken.
 */
function fromFormerKeys(
  raw: RawSuperNode,
  families: BindConfig,
  problems: Problems,
): { entry: RawSuperEntry; paths: Record<keyof RawSuperEntry, Path> } | undefined {
  const candidates = [
    { endpoint: raw.endpointV4, pubKey: raw.pubKeyV4, suffix: "V4", on: families.ipv4 !== null },
    { endpoint: raw.endpointV6, pubKey: raw.pubKeyV6, suffix: "V6", on: families.ipv6 !== null },
  ].filter(({ endpoint, on }) => endpoint && on);
  const [chosen, other] = candidates;
  if (chosen === undefined) {
    problems.at(PATH, `neither endpointV4 nor endpointV6 can be used, expected ${WHAT_TO_WRITE}`);
    return undefined;
  }
  const { suffix } = chosen;
  const endpoint = chosen.endpoint!;
  const path = [...PATH, `endpoint${suffix}`];
  if (!chosen.pubKey) {
    problems.at(path, `without pubKey${suffix}, expected that too, or better ${WHAT_TO_WRITE}`);
    return undefined;
  }
  const parsed = parseEndpoint(endpoint);
  if (typeof parsed === "string") {
    problems.at(path, `found ${showValue(endpoint)}: ${parsed}`);
    return undefined;
  }
  const control = endpoint.replace(/\d+$/, String(DEFAULT_CONTROL_PORT));
  problems.warn(
    path,
    `taken as supers: [{endpoint: "${endpoint}", control: "${control}", …}]` +
      `${other === undefined ? "" : `, endpoint${other.suffix} and pubKey${other.suffix} are ignored`}; write that instead`,
  );
  return {
    entry: { endpoint, control, pubKey: chosen.pubKey, psKey: raw.psKey },
    paths: {
      endpoint: path,
      control: path,
      pubKey: [...PATH, `pubKey${suffix}`],
      psKey: [...PATH, "psKey"],
    },
  };
}

/** Own addresses that the file tells the supernode besides those the node finds itself. */
export function readLocalEndpoints(raw: readonly (string | undefined)[], problems: Problems): string[] {
  return raw.flatMap((text, index) => {
    if (text === undefined || text === "") return [];
    const endpoint = parseEndpoint(text);
    if (typeof endpoint !== "string" && endpoint.family !== 0 && !isLoopback(endpoint)) return [text];
    const fault =
      typeof endpoint === "string"
        ? endpoint
        : endpoint.family === 0
          ? "a name, expected an address and a port"
          : "a loopback address, which nobody else can reach";
    problems.at([...PATH, "additionalLocalIp", index], `found ${showValue(text)}: ${fault}`);
    return [];
  });
}

/** What the file says about supernodes although `useSuperNode` is not true; a timeout alone says nothing. */
export function unusedSuperSettings(raw: RawSuperNode): Path[] {
  const used = (value: unknown): boolean => Boolean(value) && !(Array.isArray(value) && value.length === 0);
  return Object.entries(raw)
    .filter(([key, value]) => key !== "useSuperNode" && key !== "superNodeInfoTimeout" && used(value))
    .map(([key]) => [...PATH, key]);
}
