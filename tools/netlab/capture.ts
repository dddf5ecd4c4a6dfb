// Packet captures of a lab's interface, read back with tshark.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Child } from "./child.ts";
import type { LabNode } from "./lab.ts";

let serial = 0;

export class Capture {
  /** pcapng */
  readonly file: string;
  readonly #child: Child;

  private constructor(file: string, child: Child) {
    this.file = file;
    this.#child = child;
  }

  /** Resolves when the interface is being listened to. `filter` is a pcap filter. */
  static async start(node: LabNode, interfaceName: string, filter: string, folder: string): Promise<Capture> {
    const file = join(folder, `${node.name}-${interfaceName}-${serial++}.pcapng`);
    const arguments_ = [
      "-q",
      "-B",
      "32",
      "-i",
      interfaceName,
      "-w",
      file,
      ...(filter === "" ? [] : ["-f", filter]),
    ];
    const child = node.spawn(["dumpcap", ...arguments_]);
    await child.waitFor(/^File: /m, 10_000);
    return new Capture(file, child);
  }

  /** Ends the capture; the file is complete then. */
  async stop(): Promise<void> {
    // What the kernel still has in its ring is written on the next wake-up of dumpcap (100 ms).
    await new Promise((resolve) => setTimeout(resolve, 250));
    await this.#child.stop("SIGINT");
  }

  /** The raw bytes, to search for what must not be in them. */
  bytes(): Buffer {
    return readFileSync(this.file);
  }

  /** One row a packet, one column a field, of the packets that match the display filter. */
  fields(names: readonly string[], displayFilter = ""): string[][] {
    const columns = names.flatMap((name) => ["-e", name]);
    const filter = displayFilter === "" ? [] : ["-Y", displayFilter];
    const arguments_ = ["-n", "-r", this.file, ...filter, "-T", "fields", "-E", "separator=/t", ...columns];
    const result = spawnSync("tshark", arguments_, { encoding: "utf8", maxBuffer: 256 << 20 });
    if (result.status !== 0) throw new Error(`tshark: ${result.stderr}`);
    const lines = result.stdout.split("\n");
    return lines.slice(0, -1).map((line) => line.split("\t"));
  }

  count(displayFilter = ""): number {
    return this.fields(["frame.number"], displayFilter).length;
  }
}
