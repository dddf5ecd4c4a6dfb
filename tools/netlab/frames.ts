// Raw Ethernet frames on an interface of a lab: what goes in at one TAP, byte for byte, and what comes out at another.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Child } from "./child.ts";
import type { LabNode } from "./lab.ts";

// The distribution's own interpreter, when it is there: wrappers of version managers are slow to start.
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

export interface ReceivedFrame {
  /** seconds since 1970 */
  time: number;
  frame: Buffer;
}

export class FrameSocket {
  /** Frames that arrived, without those that were sent here. Assign [] to forget them. */
  received: ReceivedFrame[] = [];
  readonly #child: Child;
  #partial = "";

  private constructor(child: Child) {
    this.#child = child;
    child.process.stdout?.on("data", (text: string) => {
      this.#take(text);
    });
  }

  static async open(node: LabNode, interfaceName: string): Promise<FrameSocket> {
    const script = join(import.meta.dirname, "frames.py");
    const child = node.spawn([python, "-I", script, interfaceName], { stdin: "pipe" });
    const frames = new FrameSocket(child);
    await child.waitFor(/^listening$/m, 10_000);
    return frames;
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const [time = "", hex = ""] = line.split(" ");
      if (/^\d/.test(time)) this.received.push({ time: Number(time), frame: Buffer.from(hex, "hex") });
    }
  }

  /** Puts frames on the interface as if its host had sent them. */
  send(...frames: Uint8Array[]): void {
    this.#child.process.stdin?.write(
      frames.map((frame) => `${Buffer.from(frame).toString("hex")}\n`).join(""),
    );
  }

  /** The frames for which `wanted` holds, once there are `count` of them; throws after `timeout` ms. */
  async waitFor(wanted: (frame: Buffer) => boolean, count = 1, timeout = 3000): Promise<Buffer[]> {
    const end = performance.now() + timeout;
    for (;;) {
      const found = this.received.map(({ frame }) => frame).filter(wanted);
      if (found.length >= count) return found;
      if (performance.now() > end) {
        throw new Error(
          `${found.length} of ${count} frames after ${timeout} ms (${this.received.length} in all)`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await this.#child.stop();
  }
}
