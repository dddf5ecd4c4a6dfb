/**
 * The text of a distance matrix. DESIGN §11.
 *
 *     X  1    2    3          a corner word, then the columns' names
 *     1  0    0.5  Inf        a row's name, then the distance to each column; Inf = no link
 *     2  0.5  0    0.5
 *     3  Inf  0.5  0
 *
 * Blanks and tabs separate; empty lines, one at the end above all, mean nothing. Rows may come in another order than
 * columns.
 */
import type { DistanceMatrix } from "./solve.ts";

/** The matrix, or faults of the form `line:column: what is wrong, what was expected`. */
export function parseDistanceMatrix(text: string): DistanceMatrix | { faults: string[] } {
  const faults: string[] = [];
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ number: i + 1, words: [...line.matchAll(/\S+/g)] }))
    .filter(({ words }) => words.length > 0);
  const names = (lines[0]?.words ?? []).slice(1).map(String);
  const rows = new Map<string, number[]>();
  if (names.length === 0) faults.push("1:1: no columns, expected a corner word and names");
  if (new Set(names).size < names.length)
    faults.push("1:1: a column's name comes twice, expected different ones");
  for (const { number, words } of lines.slice(1)) {
    const name = String(words[0]);
    if (!names.includes(name))
      faults.push(`${number}:1: no column is named ${name}, expected one of ${names.join(", ")}`);
    if (rows.has(name)) faults.push(`${number}:1: a second row for ${name}, expected one`);
    if (words.length - 1 !== names.length) {
      faults.push(`${number}:1: ${words.length - 1} distances, expected ${names.length}`);
    }
    const row = words.slice(1).map((word) => {
      const distance = parseDistance(String(word));
      if (distance === undefined) {
        faults.push(`${number}:${word.index + 1}: ${String(word)} is no distance, expected a number or Inf`);
      }
      return distance ?? Infinity;
    });
    rows.set(name, row);
  }
  for (const name of names)
    if (!rows.has(name)) faults.push(`1:1: no row for ${name}, expected one for each column`);
  if (faults.length > 0) return { faults };
  return { names, distances: names.map((name) => rows.get(name) ?? []) };
}

function parseDistance(word: string): number | undefined {
  if (/^\+?inf(inity)?$/i.test(word)) return Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) && Number.isFinite(Number(word))
    ? Number(word)
    : undefined;
}
