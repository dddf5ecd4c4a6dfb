// A wire that outlives the process that started it (`netlab up`): commands go in through a named pipe, answers into a file.

import { spawn, spawnSync } from "node:child_process";
import { constants, closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { awaitWire, readAnswer, wireCommand } from "./wires.ts";
import type { WireLine, WireOptions } from "./wires.ts";

/** ms */
const answerTime = 5000;

export class LastingWire implements WireLine {
  readonly #pipe: string;
  readonly #answers: string;

  /** For a wire that runs with this folder. */
  constructor(folder: string) {
    this.#pipe = join(folder, "wire.in");
    this.#answers = join(folder, "wire.out");
  }

  static start(options: WireOptions): LastingWire {
    const wire = new LastingWire(options.folder);
    const { command, resultFile } = wireCommand(options);
    const made = spawnSync("mkfifo", ["-m", "600", wire.#pipe], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`netlab: mkfifo: ${made.stderr}`);
    // Opened for both directions the pipe never ends, whoever comes and goes.
    const shell = `exec "$@" 0<>"$0" >"${wire.#answers}" 2>&1`;
    spawn("sh", ["-c", shell, wire.#pipe, ...command], { stdio: "ignore", detached: true }).unref();
    awaitWire(resultFile);
    return wire;
  }

  async request(command: string): Promise<string> {
    // A number that nobody before us used, nor somebody beside us.
    const mark = `#${process.pid}${String(Math.floor(performance.timeOrigin * 1000 + performance.now() * 1000)).slice(-9)}`;
    const pipe = openSync(this.#pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(pipe, `${mark} ${command}\n`);
    closeSync(pipe);
    for (const end = performance.now() + answerTime; performance.now() < end;) {
      const line = readFileSync(this.#answers, "utf8")
        .split("\n")
        .slice(0, -1)
        .find((one) => one.startsWith(`${mark} `));
      if (line !== undefined) return readAnswer(command, line.slice(mark.length + 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`netlab: wire: ${command}: no answer within ${answerTime} ms`);
  }
}
