/**
 * A distance matrix as text, EtherGuard's path.txt: what `solve` reads.
 *
 * ```
 *   X 1   2   3        a corner word, then the NodeIDs
 *   1 0   0.5 Inf      from this node to each of those; the unit is the reader's
 *   2 0.5 0   0.5      Inf = no link; what a node has to itself does not count
 *   3 Inf 0.5 0
 * ```
 *
 * Words are separated by blanks; `#` begins a comment; empty lines and a newline at the end mean nothing.
 */

import { LineCounter } from "yaml";
import { MAX_NODE_ID } from "../wire/node-id.ts";
import { readText } from "./document.ts";
import { Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";

export interface DistanceMatrix {
  /** NodeIDs, ascending. */
  readonly ids: readonly number[];
  /** distances[i][j] from ids[i] to ids[j]; Infinity is no link, 0 on the diagonal. */
  readonly distances: readonly (readonly number[])[];
}

/** More than any network has; bounds what a wrong file can cost. */
const MAX_NODES = 1000;
/** In the file's unit. What is larger is a slip, and would cost the sums their decimals. */
const MAX_DISTANCE = 1e6;

interface Word {
  readonly text: string;
  readonly offset: number;
}

/** @throws ConfigError EL_CONFIG_READ, EL_CONFIG_INVALID */
export function loadDistanceMatrix(file: string): DistanceMatrix {
  return parseDistanceMatrix(file, readText(file));
}

/** The same for text that is already here. */
export function parseDistanceMatrix(file: string, text: string): DistanceMatrix {
  const counter = new LineCounter();
  const problems = new Problems(file, counter);
  const [header, ...rows] = splitLines(text, counter);
  if (header === undefined) {
    problems.atOffset(0, [], "empty, expected a line of NodeIDs and a line for each node");
    problems.throwIfAny("EL_CONFIG_INVALID");
  }
  const columns = readNodes(header!.slice(1), "column", problems);
  if (columns.length < 2) {
    problems.atOffset(
      header![0]!.offset,
      [],
      "fewer than two nodes, expected a corner word and their NodeIDs",
    );
  } else if (columns.length > MAX_NODES) {
    problems.atOffset(header![0]!.offset, [], `${columns.length} nodes, expected at most ${MAX_NODES}`);
  }
  problems.throwIfAny("EL_CONFIG_INVALID");

  const ids = columns.toSorted((a, b) => a - b);
  const place = new Map(ids.map((id, index) => [id, index]));
  const distances = ids.map((_, i) => ids.map((_id, j) => (i === j ? 0 : Infinity)));
  const nodes = readNodes(
    rows.map((row) => row[0]!),
    "row",
    problems,
  );
  rows.forEach((row, r) => {
    const from = place.get(nodes[r]!);
    const [name, ...cells] = row;
    if (from === undefined && !Number.isNaN(nodes[r])) {
      problems.atOffset(name!.offset, [], `node ${nodes[r]} has a row and no column, expected both`);
    }
    if (cells.length !== columns.length) {
      problems.atOffset(
        name!.offset,
        [],
        `${cells.length} values, expected ${columns.length}: one for each column`,
      );
      return;
    }
    cells.forEach((cell, c) => {
      if (columns[c] === nodes[r]) return;
      const distance = readDistance(cell, problems);
      if (from !== undefined) distances[from]![place.get(columns[c]!)!] = distance;
    });
  });
  columns.forEach((id, c) => {
    if (!nodes.includes(id)) {
      problems.atOffset(header![c + 1]!.offset, [], `node ${id} has a column and no row, expected both`);
    }
  });
  problems.throwIfAny("EL_CONFIG_INVALID");
  return { ids, distances };
}

/** The words of every line that has some. */
function splitLines(text: string, counter: LineCounter): Word[][] {
  const lines: Word[][] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    counter.addNewLine(offset);
    const start = offset;
    const words = [...line.replace(/#.*/s, "").matchAll(/[^\s\uFEFF]+/g)];
    if (words.length > 0)
      lines.push(words.map(({ 0: word, index }) => ({ text: word, offset: start + index })));
    offset += line.length + 1;
  }
  return lines;
}

/** NaN where a word is no NodeID; that and a repeated one are reported. */
function readNodes(words: readonly Word[], what: "row" | "column", problems: Problems): number[] {
  const seen = new Set<number>();
  return words.map(({ text, offset }) => {
    const id = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (!(id <= MAX_NODE_ID)) {
      problems.atOffset(offset, [], `found ${showValue(text)}, expected a NodeID from 0 to ${MAX_NODE_ID}`);
      return Number.NaN;
    }
    if (seen.has(id)) problems.atOffset(offset, [], `a second ${what} for node ${id}, expected one`);
    seen.add(id);
    return id;
  });
}

function readDistance({ text, offset }: Word, problems: Problems): number {
  if (/^\+?inf(?:inity)?$/i.test(text)) return Infinity;
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(value) <= MAX_DISTANCE) return value;
  problems.atOffset(
    offset,
    [],
    `found ${showValue(text)}, expected Inf or a number from -${MAX_DISTANCE} to ${MAX_DISTANCE}`,
  );
  return Infinity;
}
