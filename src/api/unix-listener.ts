/**
 * A local control socket: owner-only, never two listeners on one path, a leftover of a crash replaced, a deleted file
 * made again, and clients that hang or crowd cut off. Shared by the UAPI and the status socket.
 *
 *   bind <dir>/.<name>.<pid>.<n>  →  link to <path>  →  unlink the first name
 *
 * The socket already listens when its real name appears, so nobody (`wg` unlinks sockets that refuse) can take it for
 * a stale one; link fails where a file exists, so none is overwritten unseen; and libuv, which unlinks the name it
 * bound on close whoever owns it by then, only ever knows the first name.
 */
import { lstatSync } from "node:fs";
import { chmod, link, lstat, mkdir, unlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { EtherloomError } from "../errors.ts";

export interface UnixListenerOptions {
  /** Called once a connection; errors of the socket are already handled. */
  readonly onConnection: (socket: Socket) => void;
  /** What the socket is for, in messages: "UAPI". */
  readonly label: string;
  /** The error when a live process answers on the path. */
  readonly inUse: (path: string) => EtherloomError;
  /** The error when the socket cannot be made for another reason. */
  readonly failed: (detail: string) => EtherloomError;
  readonly log?: (message: string) => void;
  /** Mode of the directory if it has to be made. Default 0755. */
  readonly directoryMode?: number;
  /** Connections served at a time; more are closed at once. Default 16. */
  readonly maxConnections?: number;
  /** Milliseconds without traffic after which a connection is closed. Default 5000. */
  readonly idleTimeoutMs?: number;
  /** Milliseconds between looks at whether the file is still there. Default 1000. */
  readonly watchIntervalMs?: number;
}

export interface UnixListener {
  /** Undefined for an inherited descriptor. */
  readonly path: string | undefined;
  /** Stops listening, cuts open connections and removes the socket file if it is still ours. */
  close(): Promise<void>;
}

/** sun_path has 108 bytes with its closing NUL. */
const MAX_PATH_BYTES = 107;
const MAX_CONNECTIONS = 16;
const IDLE_TIMEOUT_MS = 5000;
const WATCH_INTERVAL_MS = 1000;
const BACKLOG = 16;
const BIND_ATTEMPTS = 5;
/** A listener that does not even accept within this time still counts as alive. */
const LIVENESS_PROBE_MS = 1000;

/** How connect(2) fails where nobody listens. Other failures (no permission, full backlog) leave it open: alive. */
const DEAD: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT", "ENOTDIR"]);

let bindings = 0;

interface Bound {
  readonly server: Server;
  readonly device: number;
  readonly inode: number;
}

/** Listens on `path`. Main thread only: it sets the process's umask for the moment of the bind. */
export async function listenUnix(path: string, options: UnixListenerOptions): Promise<UnixListener> {
  const sockets = new Set<Socket>();
  let bound = await bindPath(path, options, sockets);
  let complained = "";
  let busy: Promise<void> = Promise.resolve();
  let closed = false;

  const check = async (): Promise<void> => {
    const state = await ownership(path, bound);
    if (closed || state === "ours") {
      complained = "";
      return;
    }
    if (state === "missing") {
      bound.server.close();
      bound = await bindPath(path, options, sockets);
      options.log?.(`${options.label} socket ${path} was removed and has been made again`);
      complained = "";
    } else if (complained !== state) {
      complained = state;
      options.log?.(`${options.label} socket ${path} was replaced by something else; it is left alone`);
    }
  };
  let checking = false;
  const timer = setInterval(() => {
    if (checking) return;
    checking = true;
    busy = check()
      .catch((error: unknown) => {
        const message = (error as Error).message;
        if (message !== complained) options.log?.(message);
        complained = message;
      })
      .finally(() => (checking = false));
  }, options.watchIntervalMs ?? WATCH_INTERVAL_MS);
  timer.unref();

  return {
    path,
    close: async (): Promise<void> => {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      await busy;
      if ((await ownership(path, bound)) === "ours") await unlink(path).catch(() => undefined);
      await stop(bound.server, sockets);
    },
  };
}

/** Serves on a unix socket that already listens, handed over as file descriptor `fd`. Its file is not ours to remove. */
export async function listenInherited(fd: number, options: UnixListenerOptions): Promise<UnixListener> {
  const sockets = new Set<Socket>();
  const server = createSocketServer(options, sockets);
  try {
    await listening(server, () => server.listen({ fd, exclusive: true }));
  } catch (error) {
    throw options.failed(`file descriptor ${fd}: ${(error as Error).message}`);
  }
  return { path: undefined, close: () => stop(server, sockets) };
}

async function bindPath(path: string, options: UnixListenerOptions, sockets: Set<Socket>): Promise<Bound> {
  const directory = dirname(path);
  const privatePath = join(directory, `.${basename(path)}.${process.pid}.${bindings++}`);
  if (Buffer.byteLength(privatePath) > MAX_PATH_BYTES) {
    throw options.failed(`${path}: the path is too long for a unix socket`);
  }
  const server = createSocketServer(options, sockets);
  try {
    await mkdir(directory, { recursive: true, mode: options.directoryMode ?? 0o755 });
    // The name holds our pid, so whatever bears it was left by an earlier process with the same pid.
    await unlink(privatePath).catch(() => undefined);
    await listening(server, () => {
      // bind(2) happens inside listen(); with the umask there is no moment at which others could connect.
      const umask = process.umask(0o177);
      try {
        server.listen({ path: privatePath, exclusive: true, backlog: BACKLOG });
      } finally {
        process.umask(umask);
      }
    });
    await chmod(privatePath, 0o600);
    const { dev, ino } = lstatSync(privatePath);
    await publish(privatePath, path, options);
    return { server, device: dev, inode: ino };
  } catch (error) {
    if (server.listening) server.close();
    if (error instanceof EtherloomError) throw error;
    throw options.failed(`${path}: ${(error as Error).message}`);
  } finally {
    await unlink(privatePath).catch(() => undefined);
  }
}

/** Gives the listening socket its real name, clearing away a stale one. */
async function publish(privatePath: string, path: string, options: UnixListenerOptions): Promise<void> {
  for (let attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
    try {
      return await link(privatePath, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const before = await lstat(path).catch(() => undefined);
    if (before === undefined) continue;
    if (!before.isSocket()) throw options.failed(`${path}: exists and is not a socket`);
    if (await answers(path)) throw options.inUse(path);
    const after = await lstat(path).catch(() => undefined);
    if (after !== undefined && after.ino === before.ino) await unlink(path).catch(() => undefined);
  }
  throw options.failed(`${path}: other processes keep taking the path`);
}

/** Whether a process accepts connections on the socket file. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(LIVENESS_PROBE_MS, () => settle(true));
    socket.on("connect", () => settle(true));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      settle(!DEAD.has(error.code ?? ""));
    });
  });
}

async function ownership(path: string, bound: Bound): Promise<"ours" | "missing" | "foreign"> {
  try {
    const { dev, ino } = await lstat(path);
    return dev === bound.device && ino === bound.inode ? "ours" : "foreign";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "missing" : "foreign";
  }
}

function createSocketServer(options: UnixListenerOptions, sockets: Set<Socket>): Server {
  const limit = options.maxConnections ?? MAX_CONNECTIONS;
  // Half-open, so that a client may send its request, shut its side and still read the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    if (sockets.size >= limit) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setTimeout(options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, () => socket.destroy());
    options.onConnection(socket);
  });
  return server;
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      // accept() may fail for lack of descriptors; the listener lives on.
      server.on("error", () => undefined);
      resolve();
    });
    start();
  });
}

function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}
