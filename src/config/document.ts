/** Reads a YAML (or JSON) file into a syntax tree that knows where everything stands. */

import { closeSync, openSync, readSync } from "node:fs";
import { type Document, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { ConfigError } from "../errors.ts";
import { Problems } from "./problems.ts";

/** Far above any real file (a full next-hop table of 1000 nodes has 15 MB); protects against mistakes like /dev/zero. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const PORTION_BYTES = 64 * 1024;

export interface ConfigDocument {
  readonly tree: Document.Parsed<ParsedNode>;
  readonly problems: Problems;
}

/** @throws ConfigError EL_CONFIG_READ, EL_CONFIG_SYNTAX */
export function readDocument(file: string): ConfigDocument {
  return parseText(file, readText(file));
}

/** @throws ConfigError EL_CONFIG_READ */
export function readText(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readBytes(file));
  } catch (error) {
    throw new ConfigError("EL_CONFIG_READ", [`${file}: cannot be read: ${readReason(error)}`]);
  }
}

/** In portions: the size of a pipe or a device is not known before. */
function readBytes(file: string): Buffer {
  const portions: Buffer[] = [];
  const descriptor = openSync(file, "r");
  try {
    for (let size = 0; size <= MAX_FILE_BYTES;) {
      const portion = Buffer.alloc(PORTION_BYTES);
      const length = readSync(descriptor, portion);
      if (length === 0) return Buffer.concat(portions);
      portions.push(portion.subarray(0, length));
      size += length;
    }
  } finally {
    closeSync(descriptor);
  }
  throw new Error(`larger than ${MAX_FILE_BYTES} bytes`);
}

/** The same for text that is already here; `file` is only a name for messages. */
export function parseText(file: string, text: string): ConfigDocument {
  const lines = new LineCounter();
  // Duplicate keys are found later, without regard to case.
  const tree = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems = new Problems(file, lines);
  for (const error of [...tree.errors, ...tree.warnings]) {
    problems.atOffset(error.pos[0], [], `not valid YAML: ${error.message.split("\n")[0]}`);
  }
  problems.throwIfAny("EL_CONFIG_SYNTAX");
  return { tree, problems };
}

function readReason(error: unknown): string {
  if (error instanceof TypeError) return "not UTF-8 text";
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "EISDIR") return "it is a directory";
  return message;
}
