// `etherloom file` from one node of a lab to another.

import { join } from "node:path";
import type { Edge } from "../../tools/netlab/mesh.ts";

const program = join(import.meta.dirname, "../../etherloom.js");

/** Sends a file over the overlay; returns the SHA-256 that both ends printed. Throws when an end fails or they differ. */
export async function sendFileThrough(
  from: Edge,
  to: Edge,
  source: string,
  target: string,
  timeout: number = 60_000,
): Promise<string> {
  const receiver = to.node.spawn([process.execPath, program, "file", "receive", to.address, "9100", target]);
  await receiver.waitFor(/listening/, 10_000);
  const command = [process.execPath, program, "file", "send", to.address, "9100", source];
  const sent = await from.node.execAsync(command, { timeout, check: false });
  if (sent.status !== 0) throw new Error(`send: ${sent.stderr || sent.stdout}\nreceive: ${receiver.log}`);
  const exit = await receiver.exited;
  if (exit.code !== 0) throw new Error(`receive: ${receiver.log}`);
  const hashOf = (text: string): string | undefined => /\b[0-9a-f]{64}\b/.exec(text)?.[0];
  const [here, there] = [hashOf(sent.stdout), hashOf(receiver.log)];
  if (here === undefined || here !== there) throw new Error(`sent ${here}, received ${there}`);
  return here;
}
