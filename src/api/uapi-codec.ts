/**
 * WireGuard's cross-platform text protocol ("UAPI"), without any I/O.
 *
 *   get=1⏎            set=1⏎                         answer to get           answer to set
 *   ⏎                 listen_port=51820⏎             private_key=…⏎          errno=0⏎
 *                     replace_peers=true⏎            listen_port=…⏎          ⏎
 *                     public_key=<64 hex>⏎           public_key=…⏎
 *                     endpoint=192.0.2.1:51820⏎      …
 *                     public_key=…⏎                  errno=0⏎
 *                     ⏎                              ⏎
 *
 * Lines up to the first `public_key` belong to the device, later ones to the peer named last. A request is validated
 * as a whole before any of it is handed on, so a faulty one changes nothing.
 * Source: https://www.wireguard.com/xplatform/
 */
import { parseEndpoint } from "./endpoint-text.ts";

/** One peer as `get` reports it. Times are wall clock milliseconds, 0 = never. */
export interface PeerSnapshot {
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array | null;
  /** `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
  readonly endpoint: string | null;
  readonly lastHandshakeMs: number;
  readonly txBytes: number;
  readonly rxBytes: number;
  /** Seconds, 0 = off. */
  readonly persistentKeepalive: number;
}

/** What `get` reports. */
export interface DeviceSnapshot {
  readonly privateKey: Uint8Array;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly peers: readonly PeerSnapshot[];
}

/** A change to one peer; absent fields stay as they are. */
export interface PeerChange {
  readonly kind: "peer";
  readonly publicKey: Uint8Array;
  /** Forget the peer; the other fields are then without meaning. */
  remove?: true;
  /** Do nothing when the peer is not there, instead of adding it. */
  updateOnly?: true;
  /** 32 bytes; all zero = none. */
  presharedKey?: Uint8Array;
  /** Canonical `a.b.c.d:port` or `[v6]:port`, port never 0. */
  endpoint?: string;
  /** Seconds, 0 = off. */
  persistentKeepalive?: number;
}

/** One step of a `set`, in the order of the request. */
export type DeviceChange =
  | { readonly kind: "privateKey"; readonly privateKey: Uint8Array }
  | { readonly kind: "listenPort"; readonly listenPort: number }
  | { readonly kind: "fwmark"; readonly fwmark: number }
  | { readonly kind: "replacePeers" }
  | PeerChange;

/** A complete request. After a `fatal` one the stream has lost its framing and must be closed. */
export type UapiRequest =
  | { readonly kind: "get" }
  | { readonly kind: "set"; readonly changes: DeviceChange[] }
  | { readonly kind: "invalid"; readonly errno: number; readonly reason: string; readonly fatal: boolean };

/** Negative Linux error numbers used in answers. */
export const ERRNO_IO: number = -5;
export const ERRNO_TOO_BIG: number = -7;
export const ERRNO_INVALID: number = -22;
export const ERRNO_PROTOCOL: number = -71;
export const ERRNO_NOT_SUPPORTED: number = -95;

/** Largest request, in bytes: room for about 5000 peers in one `set`. */
export const MAX_REQUEST_BYTES: number = 1 << 20;
/** Longest line, in bytes; the longest meaningful one has about 110. */
export const MAX_LINE_BYTES = 1024;

const KEY_BYTES = 32;

interface Fault {
  readonly errno: number;
  readonly reason: string;
}

const invalid = (reason: string): Fault => ({ errno: ERRNO_INVALID, reason });

/** Splits a connection's bytes into requests; feed it whatever arrives. */
export class UapiParser {
  #line = "";
  #bytes = 0;
  #operation: "none" | "get" | "set" = "none";
  #changes: DeviceChange[] = [];
  #peer: PeerChange | undefined;
  #fault: Fault | undefined;
  #broken = false;

  /** Whether a request has begun and its closing blank line has not come yet. */
  get midRequest(): boolean {
    return !this.#broken && (this.#operation !== "none" || this.#line !== "");
  }

  /** Takes the next bytes and returns the requests they complete, in order. */
  push(chunk: Uint8Array): UapiRequest[] {
    const requests: UapiRequest[] = [];
    let start = 0;
    while (!this.#broken && start < chunk.length) {
      const newline = chunk.indexOf(0x0a, start);
      const end = newline < 0 ? chunk.length : newline;
      this.#bytes += end - start + 1;
      if (this.#bytes > MAX_REQUEST_BYTES || this.#line.length + end - start > MAX_LINE_BYTES) {
        requests.push(this.#break({ errno: ERRNO_TOO_BIG, reason: "request too large" }));
        break;
      }
      this.#line += String.fromCharCode(...chunk.subarray(start, end));
      start = end + 1;
      if (newline < 0) break;
      const line = this.#line;
      this.#line = "";
      const request = this.#takeLine(line);
      if (request !== undefined) requests.push(request);
    }
    return requests;
  }

  #takeLine(line: string): UapiRequest | undefined {
    if (this.#operation === "none") {
      if (line === "get=1") this.#operation = "get";
      else if (line === "set=1") this.#operation = "set";
      else return this.#break({ errno: ERRNO_PROTOCOL, reason: "expected get=1 or set=1" });
      return undefined;
    }
    if (line === "") return this.#finish();
    // Only the first fault is reported; the rest of the request is skipped up to its blank line.
    this.#fault ??= this.#operation === "get" ? this.#refuseLine() : this.#takeSetLine(line);
    return undefined;
  }

  #refuseLine(): Fault {
    return { errno: ERRNO_PROTOCOL, reason: "get takes no further lines" };
  }

  #takeSetLine(line: string): Fault | undefined {
    const parts = line.split("=");
    const [key, value] = parts;
    if (parts.length !== 2 || key === undefined || value === undefined)
      return { errno: ERRNO_PROTOCOL, reason: "a line must be key=value" };
    if (key === "public_key") {
      const publicKey = parseHexKey(value);
      if (publicKey === undefined) return invalid("public_key: expected 64 hex digits");
      this.#peer = { kind: "peer", publicKey };
      this.#changes.push(this.#peer);
      return undefined;
    }
    if (this.#peer !== undefined) return setPeerField(this.#peer, key, value);
    const change = deviceChange(key, value);
    if ("reason" in change) return change;
    this.#changes.push(change);
    return undefined;
  }

  #finish(): UapiRequest {
    const request: UapiRequest =
      this.#fault !== undefined
        ? { kind: "invalid", ...this.#fault, fatal: false }
        : this.#operation === "get"
          ? { kind: "get" }
          : { kind: "set", changes: this.#changes };
    this.#operation = "none";
    this.#bytes = 0;
    this.#changes = [];
    this.#peer = undefined;
    this.#fault = undefined;
    return request;
  }

  #break(fault: Fault): UapiRequest {
    this.#broken = true;
    this.#line = "";
    this.#changes = [];
    return { kind: "invalid", ...fault, fatal: true };
  }
}

function deviceChange(key: string, value: string): DeviceChange | Fault {
  switch (key) {
    case "private_key": {
      const privateKey = parseHexKey(value);
      return privateKey ? { kind: "privateKey", privateKey } : invalid("private_key: expected 64 hex digits");
    }
    case "listen_port": {
      const listenPort = parseDecimal(value, 65535);
      return listenPort === undefined
        ? invalid("listen_port: expected 0..65535")
        : { kind: "listenPort", listenPort };
    }
    case "fwmark": {
      const fwmark = parseDecimal(value, 0xffffffff);
      return fwmark === undefined ? invalid("fwmark: expected a 32-bit number") : { kind: "fwmark", fwmark };
    }
    case "replace_peers":
      return value === "true" ? { kind: "replacePeers" } : invalid("replace_peers: expected true");
    default:
      return invalid("unknown device key");
  }
}

function setPeerField(peer: PeerChange, key: string, value: string): Fault | undefined {
  switch (key) {
    case "remove":
      if (value !== "true") return invalid("remove: expected true");
      peer.remove = true;
      return undefined;
    case "update_only":
      if (value !== "true") return invalid("update_only: expected true");
      peer.updateOnly = true;
      return undefined;
    case "preshared_key": {
      const presharedKey = parseHexKey(value);
      if (presharedKey === undefined) return invalid("preshared_key: expected 64 hex digits");
      peer.presharedKey = presharedKey;
      return undefined;
    }
    case "endpoint": {
      const endpoint = parseEndpoint(value);
      if (endpoint === undefined) return invalid("endpoint: expected ip:port or [ip6]:port");
      peer.endpoint = endpoint.text;
      return undefined;
    }
    case "persistent_keepalive_interval": {
      const seconds = parseDecimal(value, 65535);
      if (seconds === undefined) return invalid("persistent_keepalive_interval: expected 0..65535");
      peer.persistentKeepalive = seconds;
      return undefined;
    }
    case "protocol_version":
      return value === "1" ? undefined : invalid("protocol_version: expected 1");
    // A layer-2 peer may carry any address: both keys are checked for form and otherwise ignored.
    case "replace_allowed_ips":
      return value === "true" ? undefined : invalid("replace_allowed_ips: expected true");
    case "allowed_ip":
      return /^[-+]?[0-9a-fA-F.:]+\/\d{1,3}$/.test(value)
        ? undefined
        : invalid("allowed_ip: expected ip/cidr");
    default:
      return invalid("unknown peer key");
  }
}

function parseHexKey(text: string): Uint8Array | undefined {
  return text.length === KEY_BYTES * 2 && /^[0-9a-fA-F]+$/.test(text)
    ? Uint8Array.from({ length: KEY_BYTES }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16))
    : undefined;
}

function parseDecimal(text: string, maximum: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= maximum ? value : undefined;
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const count = (value: number): string => String(BigInt(Math.max(0, Math.trunc(value))));

/**
 * The answer to `get`. No `allowed_ip` line is printed: those are layer-3 filters, which this device does not have,
 * and a made-up 0.0.0.0/0 on every peer would read as a route. `wg show` prints "allowed ips: (none)".
 */
export function formatGet(device: DeviceSnapshot): string {
  const lines = [`private_key=${hex(device.privateKey)}`, `listen_port=${device.listenPort}`];
  if (device.fwmark !== 0) lines.push(`fwmark=${device.fwmark}`);
  for (const peer of device.peers) {
    lines.push(`public_key=${hex(peer.publicKey)}`);
    if (peer.presharedKey !== null) lines.push(`preshared_key=${hex(peer.presharedKey)}`);
    lines.push("protocol_version=1");
    if (peer.endpoint !== null) lines.push(`endpoint=${peer.endpoint}`);
    const handshakeMs = Math.max(0, Math.trunc(peer.lastHandshakeMs));
    lines.push(
      `last_handshake_time_sec=${Math.floor(handshakeMs / 1000)}`,
      `last_handshake_time_nsec=${(handshakeMs % 1000) * 1_000_000}`,
      `tx_bytes=${count(peer.txBytes)}`,
      `rx_bytes=${count(peer.rxBytes)}`,
      `persistent_keepalive_interval=${peer.persistentKeepalive}`,
    );
  }
  return `${lines.join("\n")}\n${formatErrno(0)}`;
}

/** The closing line of every answer; 0 is success. */
export function formatErrno(errno: number): string {
  return `errno=${errno}\n\n`;
}
