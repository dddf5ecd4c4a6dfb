/** Where the control port listens, and what is said when it cannot. */
import { createSocket } from "node:dgram";
import type { SocketType } from "node:dgram";
import { createServer } from "node:net";
import type { ListenOptions } from "node:net";

/** The kernel's errno in the QUIC library's words. */
const ERRNO: Readonly<Record<string, string>> = { "13": "EACCES", "98": "EADDRINUSE", "99": "EADDRNOTAVAIL" };

/** In the style of node:net: `code` is an errno name where one is known, `syscall` is `listen`. */
export interface ListenError extends Error {
  code: string;
  syscall: "listen";
  address: string;
  port: number;
  /** Which of the two is taken. */
  protocol: "UDP" | "TCP";
}

/** What libp2p says of an address on which it could not listen. */
export function listenError(cause: unknown, port: number): ListenError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const number = /os error (\d+)/.exec(text)?.[1];
  const code = /\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/.exec(text)?.[1] ?? ERRNO[number ?? ""] ?? "EIO";
  const failed = /\/ip[46]\/([^/\s]+)\/(udp|tcp)\/\d+/.exec(text);
  const address = failed?.[1] ?? "";
  const protocol = failed?.[2] === "udp" ? "UDP" : "TCP";
  const shown = address.includes(":") ? `[${address}]` : address;
  const detail = code === "EIO" ? ` (${text.split("\n")[0]!.slice(0, 200)})` : "";
  const message = `listen ${code}: ${protocol} ${shown}:${port}${detail}`;
  return Object.assign(new Error(message, { cause }), {
    code,
    syscall: "listen",
    address,
    port,
    protocol,
  } as const);
}

/** All addresses, of the families that the kernel has. */
export async function anyAddresses(): Promise<readonly string[]> {
  const port = await tryTcp({ host: "::", port: 0, ipv6Only: true });
  return port === undefined ? ["0.0.0.0"] : ["0.0.0.0", "::"];
}

/** Even where every second UDP port is taken, a thousandth of a thousandth fails. */
const ATTEMPTS = 20;

/** A port that is free for TCP and UDP now; the system would give the two different ones. 0 if none was found. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = await tryTcp({ host: "0.0.0.0", port: 0 });
    if (port === undefined) break;
    const refusals = await Promise.all([tryUdp("udp4", port), tryUdp("udp6", port)]);
    if (!refusals.includes("EADDRINUSE")) return port;
  }
  return 0;
}

async function tryTcp(options: ListenOptions): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const probe = createServer();
  probe.once("error", () => resolve(undefined));
  probe.listen(options, () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
  });
  return promise;
}

/** The code of the error, if there was one: a kernel may have no IPv6. */
async function tryUdp(type: SocketType, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const probe = createSocket({ type, ipv6Only: type === "udp6" });
  probe.once("error", ({ code }: NodeJS.ErrnoException) => probe.close(() => resolve(code)));
  probe.bind(port, () => probe.close(() => resolve(undefined)));
  return promise;
}
