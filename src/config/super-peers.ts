/** The peers of a supernode's file: the members of the network, and what is decided for them. */

import { isIPv4, isIPv6 } from "node:net";
import { parseEndpoint } from "./endpoint.ts";
import { encodeKey } from "./key-text.ts";
import { readEndpoint, readPresharedKey, readPublicKey, uniqueAmongPeers } from "./peers.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import { type BindConfig, readName, type RelayPolicy } from "./settings.ts";
import type { RawSuperPeer } from "./super-schema.ts";

export interface SuperPeerConfig {
  readonly nodeId: number;
  /** Unique, like NodeID and key. */
  readonly name: string;
  /** X25519, 32 bytes. */
  readonly pubKey: Uint8Array;
  /** Between the supernode and this edge; 32 bytes, or null for none. */
  readonly psKey: Uint8Array | null;
  /** `host:port` or `[IPv6]:port` where the supernode and the other edges reach the edge, not resolved; null waits for it. */
  readonly endPoint: string | null;
  /** The address to tell the others instead of the observed one; the observed port stays. */
  readonly externalIp: string | null;
  /** What passing through this edge costs, in ms; null leaves it to the edge's own file. */
  readonly additionalCost: number | null;
  /** Its LAN addresses are told to nobody, and nobody's to it. */
  readonly skipLocalIp: boolean;
  /** The endpoint stays as the file says. */
  readonly static: boolean;
  /** Null leaves it to the edge's own file. */
  readonly relay: RelayPolicy | null;
}

/** As buildPeers of an edge's file; here names are unique, too, because people name members by them. */
export function buildSuperPeers(
  raw: readonly (RawSuperPeer | undefined)[],
  ownPublicKey: Uint8Array | undefined,
  families: BindConfig,
  problems: Problems,
): SuperPeerConfig[] {
  const unique = uniqueAmongPeers(problems);
  return raw.flatMap((peer, index) => {
    if (peer === undefined) return [];
    const path = ["peers", index] as const;
    if (peer.nodeId !== undefined) unique("NodeID", String(peer.nodeId), [...path, "nodeId"]);
    const name = readName(peer.name, [...path, "name"], `node${peer.nodeId}`, problems);
    // A name made from the NodeID is reported with that.
    if (peer.name || peer.nodeId !== undefined) unique("name", name, [...path, "name"]);
    const pubKey = readPublicKey(peer.pubKey, [...path, "pubKey"], ownPublicKey, problems);
    if (pubKey !== undefined) unique("public key", encodeKey(pubKey), [...path, "pubKey"]);
    const cost = peer.additionalCost ?? -1;
    return {
      nodeId: peer.nodeId,
      name,
      pubKey: pubKey ?? new Uint8Array(32),
      psKey: readPresharedKey(peer.psKey, [...path, "psKey"], problems),
      endPoint: readEndpoint(peer.endPoint, [...path, "endPoint"], families, problems),
      externalIp: readExternalIp(peer.externalIp, [...path, "externalIp"], problems),
      additionalCost: cost < 0 ? null : cost,
      skipLocalIp: peer.skipLocalIp ?? false,
      static: peer.static ?? false,
      relay: (peer.relay ?? null) as RelayPolicy | null,
    };
  });
}

function readExternalIp(text: string | undefined, path: Path, problems: Problems): string | null {
  if (text === undefined || text === "") return null;
  if (!isIPv4(text) && !(isIPv6(text) && !text.includes("%"))) {
    problems.at(path, `found ${showValue(text)}, expected an IP address, without a port`);
    return null;
  }
  const endpoint = parseEndpoint(isIPv4(text) ? `${text}:1` : `[${text}]:1`);
  if (typeof endpoint === "string") problems.at(path, `found ${showValue(text)}: ${endpoint}`);
  return text;
}
