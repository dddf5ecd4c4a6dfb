/** The sending end of `etherloom file`. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { EtherloomError } from "../errors.ts";
import type { Progress } from "./file-progress.ts";
import {
  decodeSummary,
  encodeSummary,
  ExactReader,
  MAGIC,
  sameSummary,
  STALL_TIMEOUT,
  SUMMARY_LENGTH,
  type Summary,
} from "./file-stream.ts";

const READ_SIZE = 256 * 1024;
const CONNECT_TIMEOUT = 15_000;

/** @throws EtherloomError EL_FILE_IO, EL_FILE_CONNECTION, EL_FILE_MISMATCH */
export async function sendFile(ip: string, port: number, file: string, progress: Progress): Promise<Summary> {
  const handle = await open(file, "r").catch((error: Error) => {
    throw new EtherloomError("EL_FILE_IO", `${file} cannot be read: ${error.message}`);
  });
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw new EtherloomError("EL_FILE_IO", `${file} is a directory`);
    const socket = await dial(ip, port);
    try {
      return await transmit(socket, handle, stat.isFile() ? stat.size : undefined, progress);
    } catch (error) {
      if (error instanceof EtherloomError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new EtherloomError("EL_FILE_CONNECTION", `connection to ${ip} port ${port}: ${code ?? message}`);
    } finally {
      socket.destroy();
    }
  } finally {
    await handle.close();
  }
}

async function dial(ip: string, port: number): Promise<Socket> {
  const socket = connect({ host: ip, port });
  const patience = setTimeout(() => socket.destroy(new Error("no answer")), CONNECT_TIMEOUT);
  try {
    await once(socket, "connect");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new EtherloomError(
      "EL_FILE_CONNECTION",
      `cannot connect to ${ip} port ${port}: ${code ?? message}`,
    );
  } finally {
    clearTimeout(patience);
  }
  socket.setTimeout(STALL_TIMEOUT, () => socket.destroy(new Error("nothing moved for a minute")));
  return socket;
}

async function transmit(
  socket: Socket,
  handle: FileHandle,
  total: number | undefined,
  progress: Progress,
): Promise<Summary> {
  // Errors while nobody waits for an event surface at the next write.
  let broken: Error | undefined;
  const failed = new Promise<never>((_, reject) => {
    socket.once("error", (error) => {
      broken = error;
      reject(error);
    });
    socket.once("close", () => reject(broken ?? new Error("closed by the receiver")));
  });
  failed.catch(() => undefined);
  const write = async (data: Buffer): Promise<void> => {
    if (!socket.write(data)) await Promise.race([once(socket, "drain"), failed]);
  };

  const hash = createHash("sha256");
  let bytes = 0;
  await write(MAGIC);
  for (;;) {
    // The socket keeps what it was given, so each round has its own buffer.
    const chunk = Buffer.allocUnsafe(4 + READ_SIZE);
    const { bytesRead } = await handle.read(chunk, 4, READ_SIZE, null).catch((error: Error) => {
      throw new EtherloomError("EL_FILE_IO", `reading failed: ${error.message}`);
    });
    chunk.writeUInt32BE(bytesRead, 0);
    hash.update(chunk.subarray(4, 4 + bytesRead));
    bytes += bytesRead;
    await write(chunk.subarray(0, 4 + bytesRead));
    if (bytesRead === 0) break;
    progress.update(bytes, total);
  }
  const own: Summary = { bytes, sha256: hash.digest("hex") };
  await write(encodeSummary(own));
  const answer = await Promise.race([new ExactReader(socket).exactly(SUMMARY_LENGTH), failed]);
  if (answer === undefined) throw new Error("closed by the receiver before it confirmed");
  const other = decodeSummary(answer);
  if (!sameSummary(own, other)) {
    throw new EtherloomError(
      "EL_FILE_MISMATCH",
      `sent ${own.bytes} bytes sha256 ${own.sha256}, but the receiver has ${other.bytes} bytes sha256 ${other.sha256}`,
    );
  }
  return own;
}
