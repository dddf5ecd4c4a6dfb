/** Underlay addresses as text: `192.0.2.1:51820`, `[2001:db8::1]:51820`; without zones. */
import { isIPv4, isIPv6 } from "node:net";

export interface EndpointText {
  readonly family: 4 | 6;
  /** Without brackets. */
  readonly address: string;
  /** 1..65535 */
  readonly port: number;
  /** Address and port again, in the one way this program prints them. */
  readonly text: string;
}

/** Parses a numeric endpoint; names, port 0 and anything else yield undefined. */
export function parseEndpoint(text: string): EndpointText | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  const v6 = match[1];
  if (v6 !== undefined) {
    if (!isIPv6(v6) || v6.includes("%")) return undefined;
    return { family: 6, address: v6, port, text: `[${v6}]:${port}` };
  }
  const v4 = match[2] ?? "";
  return isIPv4(v4) ? { family: 4, address: v4, port, text: `${v4}:${port}` } : undefined;
}
