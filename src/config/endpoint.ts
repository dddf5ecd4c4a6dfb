/** `host:port` and `[IPv6]:port`: syntax only, nothing is resolved. */

import { isIPv4, isIPv6 } from "node:net";

export interface Endpoint {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** 0 for a name. */
  readonly family: 0 | 4 | 6;
}

const EXPECTED = "expected host:port or [IPv6]:port";

/** The endpoint, or a sentence that says what is wrong. */
export function parseEndpoint(text: string): Endpoint | string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) {
    if (isIPv6(text)) return `an IPv6 address without brackets or port, expected [${text}]:port`;
    return /:\d+$/.test(text) ? `not an endpoint, ${EXPECTED}` : `no port, ${EXPECTED}`;
  }
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return `port ${port}, expected one from 1 to 65535`;
  const bracketed = match[1];
  if (bracketed !== undefined) {
    if (bracketed.includes("%"))
      return "an address with a zone, expected one without: zones are not supported";
    if (!isIPv6(bracketed)) return `not an IPv6 address in brackets, ${EXPECTED}`;
    if (/^ff|^::$/i.test(bracketed)) return "a multicast or unspecified address, expected a unicast one";
    return { host: bracketed, port, family: 6 };
  }
  const host = match[2]!;
  if (isIPv4(host)) {
    const first = Number(host.split(".")[0]);
    if (first === 0 || first >= 224)
      return "a multicast, broadcast or unspecified address, expected a unicast one";
    return { host, port, family: 4 };
  }
  return isHostName(host) ? { host, port, family: 0 } : `not a host name or address, ${EXPECTED}`;
}

/** RFC 1123, and underscores, which resolvers accept; a last label of digits only is a broken IPv4 address. */
function isHostName(host: string): boolean {
  if (host.length === 0 || host.length > 253) return false;
  const labels = host.replace(/\.$/, "").split(".");
  return (
    labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label)) && !/^\d+$/.test(labels.at(-1)!)
  );
}

/** 127.0.0.0/8, ::1 and localhost. */
export function isLoopback(endpoint: Endpoint): boolean {
  const { host, family } = endpoint;
  if (family === 4) return host.startsWith("127.");
  if (family === 6) return /^(?:0*:)*:?0*1$/.test(host);
  return /^(?:.*\.)?localhost\.?$/i.test(host);
}
