// The lab's native programs, made when they are first needed.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const folder = join(import.meta.dirname, "wire");
const made = new Set<string>();

/** The path of a program of tools/netlab/wire; throws with the compiler's words when it cannot be made. */
export function nativeProgram(name: "wire" | "flow" | "pauses"): string {
  const target = join("build", name);
  if (!made.has(name)) {
    // Locked: test files run in processes of their own.
    const result = spawnSync("flock", ["Makefile", "make", "-s", target], { cwd: folder, encoding: "utf8" });
    if (result.status !== 0)
      throw new Error(`netlab: make ${target}: ${result.error?.message ?? result.stderr}`);
    made.add(name);
  }
  return join(folder, target);
}

/** Runs the tests of the wire's pure parts; returns what they printed. */
export function nativeCheck(): string {
  const result = spawnSync("flock", ["Makefile", "make", "-s", "check"], { cwd: folder, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`netlab: make check: ${result.stdout}${result.stderr}`);
  return result.stdout;
}
