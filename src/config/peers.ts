/** The peers of a file: who may connect, and where they are. */

import { parseEndpoint } from "./endpoint.ts";
import { decodeKey, encodeKey, isLowOrder, keyFault } from "./key-text.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import type { RawEdge, RawPeer } from "./schema.ts";
import { type BindConfig, readName } from "./settings.ts";

export interface PeerConfig {
  readonly nodeId: number;
  readonly name: string;
  /** X25519, 32 bytes. */
  readonly pubKey: Uint8Array;
  /** 32 bytes, or null for none. */
  readonly psKey: Uint8Array | null;
  /** `host:port` or `[IPv6]:port`, not resolved; null waits to be contacted. */
  readonly endPoint: string | null;
  /** Seconds; 0 is off. */
  readonly persistentKeepalive: number;
  /** The endpoint stays as the file says. */
  readonly static: boolean;
}

/**
 * `ownPublicKey` is undefined when the file's private key is no key. Peers without what the schema requires were
 * reported before; what is left of them is checked all the same.
 */
export function buildPeers(
  raw: RawEdge,
  ownPublicKey: Uint8Array | undefined,
  families: BindConfig,
  problems: Problems,
): PeerConfig[] {
  const unique = uniqueAmongPeers(problems);
  return (raw.peers ?? []).flatMap((peer: RawPeer | undefined, index) => {
    if (peer === undefined) return [];
    const path = ["peers", index] as const;
    if (peer.nodeId !== undefined && peer.nodeId === raw.nodeId) {
      problems.at([...path, "nodeId"], `${peer.nodeId} is the node's own NodeID, expected another one`);
    }
    if (peer.nodeId !== undefined) unique("NodeID", String(peer.nodeId), [...path, "nodeId"]);
    const pubKey = readPublicKey(peer.pubKey, [...path, "pubKey"], ownPublicKey, problems);
    if (pubKey !== undefined) unique("public key", encodeKey(pubKey), [...path, "pubKey"]);
    return {
      nodeId: peer.nodeId,
      name: readName(peer.name, [...path, "name"], `node${peer.nodeId}`, problems),
      pubKey: pubKey ?? new Uint8Array(32),
      psKey: readPresharedKey(peer.psKey, [...path, "psKey"], problems),
      endPoint: readEndpoint(peer.endPoint, [...path, "endPoint"], families, problems),
      persistentKeepalive: peer.persistentKeepalive ?? 0,
      static: peer.static ?? false,
    };
  });
}

/** Reports what two peers of a list share. */
export function uniqueAmongPeers(
  problems: Problems,
): (label: "NodeID" | "name" | "public key", value: string, path: Path) => void {
  const firstWith = new Map<string, number>();
  return (label, value, path) => {
    const line = firstWith.get(`${label} ${value}`);
    if (line === undefined) firstWith.set(`${label} ${value}`, problems.lineOf(path));
    else problems.at(path, `the same ${label} as the peer in line ${line}, expected one of its own`);
  };
}

/** A key that is no key, or nobody's but the node's own, is reported. */
export function readPublicKey(
  text: string | undefined,
  path: Path,
  ownPublicKey: Uint8Array | undefined,
  problems: Problems,
): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = decodeKey(text);
  if (key === undefined) {
    problems.at(path, keyFault(text));
  } else if (ownPublicKey !== undefined && encodeKey(key) === encodeKey(ownPublicKey)) {
    problems.at(path, "the node's own public key, expected the peer's");
  } else if (isLowOrder(key)) {
    problems.at(path, "a low-order point, expected a real public key");
  }
  return key;
}

/** An all-zero key is WireGuard's way to say none. */
export function readPresharedKey(
  text: string | undefined,
  path: Path,
  problems: Problems,
): Uint8Array | null {
  if (text === undefined || text === "") return null;
  const key = decodeKey(text);
  if (key === undefined) problems.at(path, keyFault(text));
  return key === undefined || key.every((byte) => byte === 0) ? null : key;
}

/** `host:port` as it is written; null for none, and for one that was reported. */
export function readEndpoint(
  text: string | undefined,
  path: Path,
  families: BindConfig,
  problems: Problems,
): string | null {
  if (text === undefined || text === "") return null;
  const endpoint = parseEndpoint(text);
  if (typeof endpoint === "string") {
    problems.at(path, `found ${showValue(text)}: ${endpoint}`);
    return null;
  }
  const off =
    (endpoint.family === 4 && families.ipv4 === null) || (endpoint.family === 6 && families.ipv6 === null);
  if (off)
    problems.warn(path, `an IPv${endpoint.family} endpoint, but this node's IPv${endpoint.family} is off`);
  return text;
}
