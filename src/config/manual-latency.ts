/**
 * `manualLatency`: delays that replace the measured ones, in EtherGuard's form or as a list.
 *
 * ```
 *   manualLatency: {1: {2: 40}, "*": {3: 100}}          # from: {to: ms}
 *   manualLatency: [{from: 1, to: 2, ms: 40}, {from: "*", to: 3, ms: 100}]
 * ```
 *
 * A value replaces what is measured on a link that exists; it makes no link.
 */

import { MAX_NODE_ID } from "../wire/node-id.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import type { RawManualLatency } from "./super-schema.ts";

export interface ManualLatency {
  /** NodeID, or `*` for any. */
  readonly from: number | "*";
  readonly to: number | "*";
  readonly latencyMs: number;
}

/** Least specific first, so that of those that fit a link the last one counts. */
export function buildManualLatency(
  raw: RawManualLatency | undefined,
  members: readonly number[],
  path: Path,
  problems: Problems,
): ManualLatency[] {
  const found =
    raw === undefined ? [] : Array.isArray(raw) ? fromList(raw, path, problems) : fromMap(raw, path);
  const seen = new Map<string, number>();
  for (const { rule, path: place } of found) {
    const { from, to } = rule;
    const name = `${from} ${to}`;
    const line = seen.get(name);
    if (line === undefined) seen.set(name, problems.lineOf(place));
    else problems.at(place, `from ${from} to ${to} was given in line ${line} already, expected it once`);
    if (from === to && from !== "*") {
      problems.at(place, `from node ${from} to itself, expected two different nodes`);
    }
    for (const id of new Set([from, to])) {
      if (id !== "*" && !members.includes(id)) problems.warn(place, `node ${id} is not among the peers`);
    }
  }
  const rules = found.map(({ rule }) => rule);
  return rules.toSorted((a, b) => specificity(a) - specificity(b));
}

/** EtherGuard's order: any–any, any–to, from–any, from–to. */
const specificity = ({ from, to }: ManualLatency): number => (from === "*" ? 0 : 2) + (to === "*" ? 0 : 1);

interface Found {
  readonly rule: ManualLatency;
  readonly path: Path;
}

function fromMap(raw: Exclude<RawManualLatency, unknown[]>, path: Path): Found[] {
  // The keys were checked when they were matched.
  const node = (key: string): number | "*" => (key === "*" ? "*" : Number(key));
  return Object.entries(raw).flatMap(([from, row]) =>
    Object.entries(row ?? {}).flatMap(([to, ms]) =>
      ms === undefined
        ? []
        : [{ rule: { from: node(from), to: node(to), latencyMs: ms }, path: [...path, from, to] }],
    ),
  );
}

function fromList(raw: Extract<RawManualLatency, unknown[]>, path: Path, problems: Problems): Found[] {
  return raw.flatMap((item: (typeof raw)[number] | undefined, index) => {
    if (item?.from === undefined || item.to === undefined || item.ms === undefined) return [];
    const place = [...path, index];
    const from = readNode(item.from, [...place, "from"], problems);
    const to = readNode(item.to, [...place, "to"], problems);
    return from === undefined || to === undefined
      ? []
      : [{ rule: { from, to, latencyMs: item.ms }, path: place }];
  });
}

function readNode(value: string | number, path: Path, problems: Problems): number | "*" | undefined {
  if (value === "*" || value === 65535) return "*";
  const id = typeof value === "number" ? value : Number.NaN;
  if (Number.isInteger(id) && id >= 0 && id <= MAX_NODE_ID) return id;
  problems.at(path, `found ${showValue(value)}, expected a NodeID from 0 to ${MAX_NODE_ID} or "*"`);
  return undefined;
}
