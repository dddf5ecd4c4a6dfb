/** Where the control port listens, and what is said when it cannot. */
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
  const port = await tryListen({ host: "::", port: 0, ipv6Only: true });
  return port === undefined ? ["0.0.0.0"] : ["0.0.0.0", "::"];
}

/** A port that is free for TCP now; the system would give QUIC and TCP different ones. */
export async function freePort(): Promise<number> {
  return (await tryListen({ host: "0.0.0.0", port: 0 })) ?? 0;
}

async function tryListen(options: ListenOptions): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const probe = createServer();
  probe.once("error", () => resolve(undefined));
  probe.listen(options, () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
  });
  return promise;
}
