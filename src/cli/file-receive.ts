/** The receiving end of `etherloom file`. The file appears under its name only when it is whole. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { createServer, isIPv6, type AddressInfo, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { EtherloomError, listenInUse } from "../errors.ts";
import type { Progress } from "./file-progress.ts";
import {
  decodeSummary,
  encodeSummary,
  ExactReader,
  MAGIC,
  MAX_CHUNK,
  sameSummary,
  STALL_TIMEOUT,
  SUMMARY_LENGTH,
  type Summary,
} from "./file-stream.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @throws EtherloomError EL_LISTEN_IN_USE, EL_LISTEN, EL_FILE_IO, EL_FILE_CONNECTION, EL_FILE_MISMATCH */
export async function receiveFile(
  ip: string,
  port: number,
  file: string,
  progress: Progress,
): Promise<Summary> {
  const part = join(dirname(file), `.${basename(file)}.${process.pid}.part`);
  const handle = await open(part, "wx", 0o666).catch((error: Error) => {
    throw new EtherloomError("EL_FILE_IO", `${file} cannot be written: ${error.message}`);
  });
  // A signal ends the process before any `finally` runs.
  const discard = (): void => rmSync(part, { force: true });
  const interrupted = (): void => {
    discard();
    process.stderr.write("etherloom: interrupted, nothing was kept [EL_FILE_CONNECTION]\n");
    process.exit(1);
  };
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    const socket = await acceptOne(ip, port, progress);
    try {
      const { own, claimed } = await store(socket, handle, progress);
      // Everything has come: from here on only the disk is slow, and the sender may have gone without waiting for it.
      socket.setTimeout(0);
      const closed = socket.destroyed ? undefined : once(socket, "close").catch(() => undefined);
      await handle.sync();
      const whole = sameSummary(own, claimed);
      if (whole) await rename(part, file);
      socket.end(encodeSummary(own));
      await closed;
      if (whole) return own;
      throw new EtherloomError(
        "EL_FILE_MISMATCH",
        `received ${own.bytes} bytes sha256 ${own.sha256}, but the sender had ${claimed.bytes} bytes sha256 ${claimed.sha256}`,
      );
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (error instanceof EtherloomError) throw error;
    throw new EtherloomError("EL_FILE_CONNECTION", `transfer failed: ${(error as Error).message}`);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    await handle.close();
    discard();
  }
}

async function acceptOne(ip: string, port: number, progress: Progress): Promise<Socket> {
  const server = createServer({ pauseOnConnect: true });
  server.listen({ host: ip, port });
  try {
    await once(server, "listening");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const shown = `${isIPv6(ip) ? `[${ip}]` : ip}:${port}`;
    if (code === "EADDRINUSE") throw listenInUse("TCP", shown);
    throw new EtherloomError("EL_LISTEN", `cannot listen on TCP ${shown}: ${code ?? message}`);
  }
  progress.note(`listening on ${ip} port ${(server.address() as AddressInfo).port}`);
  const [socket] = (await once(server, "connection")) as [Socket];
  server.close();
  socket.setTimeout(STALL_TIMEOUT, () => socket.destroy(new Error("nothing moved for a minute")));
  return socket;
}

async function store(
  socket: Socket,
  handle: FileHandle,
  progress: Progress,
): Promise<{ own: Summary; claimed: Summary }> {
  const reader = new ExactReader(socket.iterator({ destroyOnReturn: false }));
  const need = async (length: number): Promise<Buffer> => {
    const bytes = await reader.exactly(length);
    if (bytes === undefined) throw new Error("the connection ended early");
    return bytes;
  };
  if (!(await need(MAGIC.length)).equals(MAGIC)) throw new Error("the other end is no etherloom file send");
  const hash = createHash("sha256");
  let bytes = 0;
  for (;;) {
    const length = (await need(4)).readUInt32BE(0);
    if (length === 0) break;
    if (length > MAX_CHUNK) throw new Error(`a chunk of ${length} bytes, expected at most ${MAX_CHUNK}`);
    for (let missing = length; missing > 0;) {
      const piece = await reader.some(missing);
      if (piece === undefined) throw new Error("the connection ended early");
      hash.update(piece);
      await handle.writeFile(piece).catch((error: Error) => {
        throw new EtherloomError("EL_FILE_IO", `writing failed: ${error.message}`);
      });
      missing -= piece.length;
      bytes += piece.length;
    }
    progress.update(bytes);
  }
  const own = { bytes, sha256: hash.digest("hex") };
  return { own, claimed: decodeSummary(await need(SUMMARY_LENGTH)) };
}
