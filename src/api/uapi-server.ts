/** The UAPI socket: what `wg show` and `wg set` talk to. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { EtherloomError, uapiInUse } from "../errors.ts";
import { ERRNO_IO, ERRNO_PROTOCOL, UapiParser, formatErrno, formatGet } from "./uapi-codec.ts";
import type { DeviceChange, DeviceSnapshot, UapiRequest } from "./uapi-codec.ts";
import { listenInherited, listenUnix } from "./unix-listener.ts";
import type { UnixListener, UnixListenerOptions } from "./unix-listener.ts";

/** The device behind the socket. */
export interface UapiDevice {
  snapshot(): Promise<DeviceSnapshot> | DeviceSnapshot;
  /**
   * Applies the changes in order and returns 0 or a negative Linux errno. Never called again before its last promise
   * has settled. A private key other than the present one is ERRNO_NOT_SUPPORTED; the own public key as a peer is
   * ignored; removing a peer that is not there succeeds.
   */
  apply(changes: DeviceChange[]): Promise<number>;
}

export interface UapiServerOptions {
  /** File name without `.sock`; what stands after `wg show`. */
  readonly name: string;
  readonly device: UapiDevice;
  readonly log?: (message: string) => void;
  /** Source of EG_UAPI_DIR and EG_UAPI_FD. Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly maxConnections?: number;
  readonly idleTimeoutMs?: number;
  readonly watchIntervalMs?: number;
}

/** Where `wg` looks. */
export const DEFAULT_UAPI_DIRECTORY = "/var/run/wireguard";

/** `wg` cuts names to the kernel's IFNAMSIZ - 1 before it opens the socket for `set`. */
const MAX_WG_NAME_BYTES = 15;

/** Opens the socket; rejects with EL_UAPI_IN_USE when another process serves it, EL_UAPI otherwise. */
export async function serveUapi(options: UapiServerOptions): Promise<UnixListener> {
  const env = options.env ?? process.env;
  const exclusively = createLock();
  const listenerOptions: UnixListenerOptions = {
    label: "UAPI",
    inUse: uapiInUse,
    failed: uapiFailed,
    onConnection: (socket) => void converse(socket, options, exclusively),
    ...(options.log && { log: options.log }),
    ...(options.maxConnections !== undefined && { maxConnections: options.maxConnections }),
    ...(options.idleTimeoutMs !== undefined && { idleTimeoutMs: options.idleTimeoutMs }),
    ...(options.watchIntervalMs !== undefined && { watchIntervalMs: options.watchIntervalMs }),
  };
  const inherited = env["EG_UAPI_FD"];
  if (inherited !== undefined && inherited !== "") {
    if (!/^\d{1,9}$/.test(inherited)) {
      throw uapiFailed(`EG_UAPI_FD=${inherited}: expected a file descriptor number`);
    }
    return listenInherited(Number(inherited), listenerOptions);
  }
  if (!/^[^/\0]+$/.test(options.name) || options.name.startsWith(".")) {
    throw uapiFailed(`${JSON.stringify(options.name)} is not a file name`);
  }
  if (Buffer.byteLength(options.name) > MAX_WG_NAME_BYTES) {
    options.log?.(
      `UAPI name ${options.name}: longer than ${MAX_WG_NAME_BYTES} bytes, wg shows it but cannot set; give a uapiName`,
    );
  }
  return listenUnix(
    join(env["EG_UAPI_DIR"] || DEFAULT_UAPI_DIRECTORY, `${options.name}.sock`),
    listenerOptions,
  );
}

function uapiFailed(detail: string): EtherloomError {
  return new EtherloomError("EL_UAPI", `UAPI socket: ${detail}`);
}

type Lock = <T>(task: () => Promise<T>) => Promise<T>;

/** Runs tasks one after another: two `wg set` at a time must not mix. */
function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task);
    last = run.catch(() => undefined);
    return run;
  };
}

/** One connection: request, answer, request, …; the next bytes are read only when the last answer is out. */
async function converse(socket: Socket, options: UapiServerOptions, exclusively: Lock): Promise<void> {
  const parser = new UapiParser();
  const idleTimeoutMs = socket.timeout ?? 0;
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      for (const request of parser.push(chunk)) {
        // The device may need longer than a client may idle (a rebind waits for a socket).
        socket.setTimeout(0);
        const answer = await respond(request, options, exclusively);
        socket.setTimeout(idleTimeoutMs);
        if (!socket.write(answer)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
        if (socket.destroyed || (request.kind === "invalid" && request.fatal)) {
          socket.destroySoon();
          return;
        }
      }
    }
    socket.end(parser.midRequest ? formatErrno(ERRNO_PROTOCOL) : "");
  } catch {
    // The client went away or was cut off for idling.
    socket.destroy();
  }
}

async function respond(request: UapiRequest, options: UapiServerOptions, exclusively: Lock): Promise<string> {
  switch (request.kind) {
    case "invalid":
      options.log?.(`UAPI request refused: ${request.reason}`);
      return formatErrno(request.errno);
    case "get":
      try {
        return formatGet(await options.device.snapshot());
      } catch (error) {
        options.log?.(`UAPI get failed: ${(error as Error).message}`);
        return formatErrno(ERRNO_IO);
      }
    case "set":
      try {
        return formatErrno(await exclusively(() => options.device.apply(request.changes)));
      } catch (error) {
        options.log?.(`UAPI set failed: ${(error as Error).message}`);
        return formatErrno(ERRNO_IO);
      }
  }
}
