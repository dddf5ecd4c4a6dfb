/** `etherloom file`: copy one file over TCP and prove that it arrived whole. For tests of a network, not for secrets. */

import { parseOptions } from "./options.ts";
import { receiveFile } from "./file-receive.ts";
import { sendFile } from "./file-send.ts";
import { Progress } from "./file-progress.ts";
import { isIP } from "node:net";
import { UsageError } from "../errors.ts";
import type { Summary } from "./file-stream.ts";

const USAGE = `usage: etherloom file receive IP PORT FILE   listen there, take one file
       etherloom file send IP PORT FILE      connect there, send it

Both ends print the number of bytes and the SHA-256; exit code 1 if they disagree or the connection breaks.
The data crosses the network as it is: use it inside the overlay.
`;

export async function runFile(args: readonly string[]): Promise<number> {
  const options = parseOptions("file", args, { help: { type: "boolean", short: "h" } });
  if (options.flags.has("help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [action, ip, portText, file, ...rest] = options.positionals;
  if ((action !== "send" && action !== "receive") || file === undefined || rest.length > 0) {
    throw new UsageError("expected file send|receive IP PORT FILE (see etherloom file --help)");
  }
  if (isIP(ip!) === 0) throw new UsageError(`${ip} is no IP address`);
  const port = Number(portText);
  const lowest = action === "send" ? 1 : 0;
  if (!/^\d{1,5}$/.test(portText!) || port < lowest || port > 65535) {
    throw new UsageError(`port ${portText}, expected a number from ${lowest} to 65535`);
  }
  const progress = new Progress(process.stderr);
  try {
    if (action === "send") print("sent", await sendFile(ip!, port, file, progress));
    else print("received", await receiveFile(ip!, port, file, progress));
  } finally {
    progress.end();
  }
  return 0;
}

function print(verb: string, { bytes, sha256 }: Summary): void {
  process.stdout.write(`${verb} ${bytes} bytes sha256 ${sha256}\n`);
}
