/**
 * Turns a syntax tree into a plain value whose keys are those of the schema: keys are matched without regard to
 * case, former names are understood, unknown and repeated keys are reported where they stand.
 */

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  type Scalar,
  visit,
} from "yaml";
import { z } from "zod";
import { MAX_NODE_ID } from "../wire/node-id.ts";
import { nearest } from "./nearest.ts";
import type { Path, Problems } from "./problems.ts";
import { ANY_NODE_KEY, FORMER_NAMES } from "./schema-parts.ts";

/** Deeper than any legal file; stops an alias that contains itself. */
const MAX_DEPTH = 32;
/** Nodes that may be visited through aliases: enough to share a peer or a table row, too few for a YAML bomb. */
const MAX_ALIASED_NODES = 10_000;

export interface Matched {
  readonly value: unknown;
  /** Present settings that the schema accepts and ignores. */
  readonly ignored: readonly Path[];
}

/** `example` is the command that prints a file with all keys. */
export function matchKeys(
  tree: Document.Parsed<ParsedNode>,
  schema: z.ZodType,
  problems: Problems,
  example: string,
): Matched {
  const matcher = new Matcher(tree, problems, example);
  return { value: matcher.visit(tree.contents, schema, [], false), ignored: matcher.ignored };
}

class Matcher {
  readonly ignored: Path[] = [];
  readonly #tree: Document;
  #anchors: Map<string, Node[]> | undefined;
  readonly #problems: Problems;
  readonly #example: string;
  #aliasedNodes = 0;

  constructor(tree: Document, problems: Problems, example: string) {
    this.#tree = tree;
    this.#problems = problems;
    this.#example = example;
  }

  visit(node: unknown, wrapped: z.ZodType, path: Path, inAlias: boolean): unknown {
    const schema = chooseForm(
      node,
      wrapped instanceof z.ZodOptional ? (wrapped.unwrap() as z.ZodType) : wrapped,
    );
    const offset = (node as Node | null)?.range?.[0];
    if (offset !== undefined && !inAlias) this.#problems.place(path, offset);
    if (inAlias) this.#aliasedNodes++;
    if (this.#aliasedNodes > MAX_ALIASED_NODES || path.length > MAX_DEPTH) {
      this.#problems.at(path, "aliases expand to too much, expected at most a few shared values");
      // One message is enough, and nothing below here is worth a look.
      this.#problems.throwIfAny("EL_CONFIG_INVALID");
    }
    if (isAlias(node)) return this.visit(this.#anchored(node), schema, path, true);
    if (schema instanceof z.ZodUnknown) {
      if (!isEmpty(node)) this.ignored.push(path);
      return undefined;
    }
    // A map or list where none belongs stays empty: the schema refuses it as a whole.
    if (isMap(node)) {
      const fits = schema instanceof z.ZodObject || schema instanceof z.ZodRecord;
      return fits ? this.#visitMap(node.items as MapItem[], schema, path, inAlias) : {};
    }
    if (isSeq(node)) {
      if (!(schema instanceof z.ZodArray)) return [];
      const element = schema.element as z.ZodType;
      return node.items.map((item, index) => this.visit(item, element, [...path, index], inAlias) ?? null);
    }
    if (isScalar(node)) return this.#visitScalar(node, schema, path);
    return undefined;
  }

  /** The node with the alias's anchor that stands last before it. */
  #anchored(alias: Alias): Node | undefined {
    this.#anchors ??= collectAnchors(this.#tree);
    const before = alias.range?.[0] ?? 0;
    return this.#anchors.get(alias.source)?.findLast((node) => (node.range?.[0] ?? 0) < before);
  }

  #visitScalar(node: Scalar, schema: z.ZodType, path: Path): unknown {
    const { value } = node;
    if (value === null) return undefined;
    if (schema instanceof z.ZodObject && "=" in schema.shape) {
      this.#problems.place([...path, "="], node.range?.[0] ?? 0);
      return { "=": value };
    }
    // A name such as 007 or 1e3 is meant as written. Addresses (the union in the schema) keep `false`.
    const plain = node.source ?? String(value);
    const isText = schema instanceof z.ZodString || schema instanceof z.ZodPipe;
    if (isText && (typeof value === "number" || typeof value === "boolean")) return plain;
    if (schema instanceof z.ZodBoolean && node.type === "PLAIN") {
      if (/^(?:y|yes|on)$/i.test(plain)) return true;
      if (/^(?:n|no|off)$/i.test(plain)) return false;
    }
    return value;
  }

  #visitMap(
    items: readonly MapItem[],
    schema: z.ZodObject | z.ZodRecord,
    path: Path,
    inAlias: boolean,
  ): Record<string, unknown> {
    // A record is a table with NodeIDs as keys.
    const anyNode = schema instanceof z.ZodRecord && schema.keyType === ANY_NODE_KEY;
    const known =
      schema instanceof z.ZodObject
        ? new Map(Object.keys(schema.shape).map((name) => [name.toLowerCase(), name]))
        : undefined;
    const result: Record<string, unknown> = {};
    const seen = new Map<string, { spelling: string; line: number }>();
    for (const { key, value } of items) {
      const offset = key?.range?.[0] ?? this.#problems.offsetOf(path);
      const spelling = isScalar(key) ? (key.source ?? String(key.value)) : "";
      const name = known === undefined ? tableKey(spelling, anyNode) : this.#knownName(spelling, known);
      if (name === undefined) {
        this.#reportUnknown(offset, path, spelling, known, anyNode);
        continue;
      }
      const first = seen.get(name);
      if (first !== undefined) {
        const other = first.spelling === spelling ? "" : ` as ${first.spelling}`;
        this.#problems.atOffset(offset, [...path, name], `given twice, first in line ${first.line}${other}`);
        continue;
      }
      const valueSchema = (
        schema instanceof z.ZodObject ? schema.shape[name] : schema.valueType
      ) as z.ZodType;
      const here = [...path, name];
      this.#problems.place(here, offset);
      seen.set(name, { spelling, line: this.#problems.lineOf(here) });
      const matched = this.visit(value, valueSchema, here, inAlias);
      if (matched !== undefined) result[name] = matched;
    }
    return result;
  }

  #knownName(spelling: string, known: ReadonlyMap<string, string>): string | undefined {
    const lower = spelling.toLowerCase();
    return known.get(lower) ?? known.get(FORMER_NAMES.get(lower)?.toLowerCase() ?? "");
  }

  #reportUnknown(
    offset: number,
    path: Path,
    spelling: string,
    known: ReadonlyMap<string, string> | undefined,
    anyNode: boolean,
  ): void {
    const shown = spelling === "" ? "?" : spelling.slice(0, 40);
    if (known === undefined) {
      this.#problems.atOffset(
        offset,
        [...path, shown],
        `found a key that is no NodeID, expected one from 0 to ${MAX_NODE_ID}${anyNode ? ' or "*"' : ""}`,
      );
      return;
    }
    const names = [...known.values()].filter((name) => name !== "=");
    const guess = nearest(spelling, names);
    const few = names.length <= 16 ? `one of ${names.join(", ")}` : `a key of ${this.#example}`;
    const hint = guess === undefined ? `expected ${few}` : `expected ${guess}, perhaps`;
    this.#problems.atOffset(offset, [...path, shown], `unknown key, ${hint}`);
  }
}

interface MapItem {
  readonly key: Node | null;
  readonly value: unknown;
}

/** One walk for all aliases of a file: a walk for each would be a bomb of its own. */
function collectAnchors(tree: Document): Map<string, Node[]> {
  const anchors = new Map<string, Node[]>();
  visit(tree, {
    Value(_, node) {
      if (node.anchor === undefined) return;
      const same = anchors.get(node.anchor);
      if (same === undefined) anchors.set(node.anchor, [node]);
      else same.push(node);
    },
  });
  return anchors;
}

/** Of a setting that may be a map or a list, the one that the file has; other choices are the schema's. */
function chooseForm(node: unknown, schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodUnion)) return schema;
  const options = schema.options as readonly z.ZodType[];
  const fits = (option: z.ZodType): boolean =>
    isMap(node)
      ? option instanceof z.ZodObject || option instanceof z.ZodRecord
      : isSeq(node) && option instanceof z.ZodArray;
  return options.find(fits) ?? schema;
}

/** NodeIDs are the keys of free tables, and `*` where any node may be meant; `01` and `1` are the same one. */
function tableKey(spelling: string, anyNode: boolean): string | undefined {
  if (anyNode && (spelling === "*" || spelling === "65535")) return "*";
  return /^\d{1,6}$/.test(spelling) && Number(spelling) <= MAX_NODE_ID ? String(Number(spelling)) : undefined;
}

function isEmpty(node: unknown): boolean {
  if (node === null || node === undefined) return true;
  if (isScalar(node))
    return node.value === null || node.value === "" || node.value === 0 || node.value === false;
  return (isMap(node) || isSeq(node)) && node.items.length === 0;
}
