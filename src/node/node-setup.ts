/** What the file says, in the words of the data plane and the session layer. */
import type { PeerConfig } from "../config/edge-config.ts";
import type { NeighbourSetup, WorkerSetup } from "../dataplane/messages.ts";
import { mac1Key } from "../noise/cookie.ts";
import type { SessionTimers } from "../noise/timers.ts";
import { parseHost } from "../wire/address.ts";
import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 } from "../wire/handshake.ts";
import { hasAesInstructions } from "./cpu.ts";
import type { CoreConfig } from "./node-core.ts";
import type { StaticRoutes } from "./static-routes.ts";

/** `offload`: let the kernel cut and join datagrams. */
export function workerSetup(
  config: CoreConfig,
  publicKey: Uint8Array,
  offload: boolean,
  routes: StaticRoutes,
  mode: { readonly clockParent: number | null; readonly directFallback: boolean },
): Omit<WorkerSetup, "backlog" | "epoch"> {
  const { itype, name, mtu, mac, ipv4, ipv6, ipv6Ll } = config.interface;
  const addresses = [ipv4, ipv6, ipv6Ll].filter((address) => address !== null);
  return {
    ownNodeId: config.nodeId,
    mac1Key: mac1Key(publicKey),
    defaultTtl: config.defaultTtl,
    relay: config.relay,
    fibTimeoutMs: config.l2FibTimeout * 1000,
    allowLoopback: config.allowLoopback,
    realtime: config.realtime,
    overlayPrefixes: addresses,
    port: { kind: itype, name, mtu, mac, addresses },
    udp: {
      port: config.listenPort,
      ipv4: hostBytes(config.bind.ipv4),
      ipv6: hostBytes(config.bind.ipv6),
      mark: config.fwMark,
      gso: offload,
      gro: offload,
    },
    ...routes,
    ...mode,
    neighbours: [],
  };
}

export function neighbourSetup(peer: PeerConfig, link: number, clockParent: boolean): NeighbourSetup {
  return { nodeId: peer.nodeId, link, fixed: peer.static, clockParent };
}

/** The transport ciphers this node offers. */
export function aeadBits(aead: CoreConfig["aead"]): number {
  if (aead === "aes-256-gcm") return AEAD_AES_256_GCM;
  if (aead === "chacha20-poly1305" || !hasAesInstructions()) return AEAD_CHACHA20_POLY1305;
  return AEAD_AES_256_GCM | AEAD_CHACHA20_POLY1305;
}

/** Shortened timers for tests; the responder follows at the ratio of the defaults. */
export function timersOf(config: CoreConfig): Partial<SessionTimers> {
  const { rekeyAfter, rejectAfter } = config.sessionTimers ?? {};
  return {
    ...(rekeyAfter !== undefined && {
      rekeyAfter: rekeyAfter * 1000,
      rekeyAfterAsResponder: rekeyAfter * 1375,
    }),
    ...(rejectAfter !== undefined && { rejectAfter: rejectAfter * 1000 }),
  };
}

function hostBytes(text: string | null): Uint8Array | null {
  return text === null ? null : (parseHost(text) ?? null);
}
