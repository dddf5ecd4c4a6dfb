/**
 * The addresses of this machine at which its UDP port can be reached from the same LAN: what an edge tells its
 * supernode. Loopback, link-local and the overlay's own addresses are of no use to others.
 */
import { networkInterfaces } from "node:os";
import { addressKey, parseHost, parsePrefix, prefixContains, type UnderlayAddress } from "../wire/address.ts";

export interface LocalEndpointOptions {
  readonly port: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Overlay networks, `10.0.0.1/24`. */
  readonly overlay: readonly string[];
}

/** As many as a supernode takes. */
export const MAX_LOCAL = 16;

/** `ip:port` and `[ip]:port`, in the order of the interfaces. */
export function localEndpoints(
  options: LocalEndpointOptions,
  interfaces: NodeJS.Dict<{ address: string; internal: boolean }[]> = networkInterfaces(),
): string[] {
  const overlay = options.overlay.flatMap((text) => parsePrefix(text) ?? []);
  const found: string[] = [];
  for (const entries of Object.values(interfaces)) {
    for (const { address, internal } of entries ?? []) {
      const bytes = internal ? undefined : parseHost(address);
      if (bytes === undefined || !usable(bytes, options)) continue;
      const endpoint: UnderlayAddress = {
        family: bytes.length === 4 ? 4 : 6,
        bytes,
        port: options.port,
      };
      if (!overlay.some((prefix) => prefixContains(prefix, endpoint))) found.push(addressKey(endpoint));
    }
  }
  return found.slice(0, MAX_LOCAL);
}

function usable(bytes: Uint8Array, { ipv4, ipv6 }: LocalEndpointOptions): boolean {
  if (bytes.length === 4) return ipv4 && !(bytes[0] === 169 && bytes[1] === 254);
  // fe80::/10 means nothing without its interface.
  return ipv6 && !(bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80);
}
