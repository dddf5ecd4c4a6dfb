/**
 * Collects what is wrong with a configuration file, each as one line
 * `file:line:column: path: what is wrong, what was expected`, so that one start shows all of it.
 */

import type { LineCounter } from "yaml";
import { ConfigError } from "../errors.ts";

/** Keys and list indexes from the root of the file. */
export type Path = readonly (string | number)[];

/** `peers[0].pubKey`, as people write it. The marker key of a shorthand (see schema.ts) is not shown. */
export function showPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (step !== "=") text += text === "" ? step : `.${step}`;
  }
  return text;
}

export class Problems {
  readonly file: string;
  readonly warnings: string[] = [];
  readonly #lines: LineCounter;
  readonly #found: { offset: number; line: string }[] = [];
  readonly #offsets = new Map<string, number>();

  constructor(file: string, lines: LineCounter) {
    this.file = file;
    this.#lines = lines;
  }

  /** Remembers where the value at `path` stands, as an offset into the file. */
  place(path: Path, offset: number): void {
    this.#offsets.set(showPath(path), offset);
  }

  /** Offset of the value at `path`, or of the nearest thing around it when it is absent. */
  offsetOf(path: Path): number {
    for (let length = path.length; length >= 0; length--) {
      const offset = this.#offsets.get(showPath(path.slice(0, length)));
      if (offset !== undefined) return offset;
    }
    return 0;
  }

  lineOf(path: Path): number {
    return this.#position(this.offsetOf(path)).line;
  }

  /** A problem with the value at `path`. */
  at(path: Path, message: string): void {
    this.atOffset(this.offsetOf(path), path, message);
  }

  /** A problem at a place that is no value, such as a key. */
  atOffset(offset: number, path: Path, message: string): void {
    const where = showPath(path);
    this.#found.push({
      offset,
      line: `${this.#prefix(offset)}: ${where === "" ? "" : `${where}: `}${message}`,
    });
  }

  warn(path: Path, message: string): void {
    this.warnings.push(`${this.#prefix(this.offsetOf(path))}: ${showPath(path)}: ${message}`);
  }

  warnFile(message: string): void {
    this.warnings.push(`${this.file}: ${message}`);
  }

  /** Throws everything found so far, in the order of the file. */
  throwIfAny(code: "EL_CONFIG_SYNTAX" | "EL_CONFIG_INVALID" | "EL_CONFIG_MODE"): void {
    if (this.#found.length === 0) return;
    const sorted = this.#found.toSorted((a, b) => a.offset - b.offset).map((problem) => problem.line);
    throw new ConfigError(code, [...new Set(sorted)]);
  }

  #prefix(offset: number): string {
    const { line, col } = this.#position(offset);
    return `${this.file}:${line}:${col}`;
  }

  #position(offset: number): { line: number; col: number } {
    const { line, col } = this.#lines.linePos(offset);
    return line === 0 ? { line: 1, col: 1 } : { line, col };
  }
}
