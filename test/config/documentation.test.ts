import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { z } from "zod";
import { edgeSchema } from "../../src/config/schema.ts";
import { superSchema } from "../../src/config/super-schema.ts";
import { REJECT_CODES } from "../../src/control/messages.ts";
import { Drops } from "../../src/dataplane/drops.ts";
import { HANDSHAKE_DROPS, handshakeDropName } from "../../src/node/handshake-drops.ts";
import { REFUSAL_REASONS } from "../../src/routing/refusals.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Keys that do something. */
function keysOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) return keysOf(schema.element as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(keysOf);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const inner = value as z.ZodType;
    const unused = inner instanceof z.ZodOptional && inner.unwrap() instanceof z.ZodUnknown;
    const inside = keysOf(inner);
    // A map of former settings alone is one itself.
    const former =
      inner instanceof z.ZodOptional && inner.unwrap() instanceof z.ZodObject && inside.length === 0;
    return unused || former || key === "=" ? [] : [key, ...inside];
  });
}

/** EtherGuard's spellings of what other keys say, and a mode to come. */
const FOREIGN = [
  ...["disabledAf", "listenIpv4", "listenIpv6", "p2p", "useP2p"],
  ...["endpointV4", "pubKeyV4", "endpointV6", "pubKeyV6", "privKeyV4", "privKeyV6"],
];

describe("documentation of what a supernode refuses", () => {
  it("names every code of a connection and every reason of a report", () => {
    const manual = read("configs/MANUAL.md");
    for (const code of [...REJECT_CODES, ...REFUSAL_REASONS]) assert.ok(manual.includes(`\`${code}\``), code);
  });
});

describe("documentation of status", () => {
  const [, section = ""] = /\n## Status\n(.*?)\n## /s.exec(read("configs/MANUAL.md")) ?? [];

  it("explains every counter and every reason of a drop, and none that there is not", () => {
    const engine = [...read("src/native/counters.h").matchAll(/\bX\((\w+)\)/g)].map(([, name]) => name ?? "");
    const known = new Set([
      ...engine.filter((name) => name !== ""),
      ...Object.keys(new Drops().report()),
      ...HANDSHAKE_DROPS.map(handshakeDropName),
      ...["dropPathProbe", "floodCopies", "waitingFrames"],
    ]);
    assert.ok(known.size > 90);
    const rows = section.split("\n").filter((line) => /^\| `\w+`/.test(line));
    const explained = rows.flatMap((line) => {
      const [, names = ""] = line.split("|");
      return [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? "");
    });
    assert.deepEqual(explained.toSorted(), [...known].toSorted());
  });

  it("explains every column", () => {
    const titles = [...read("src/api/status-text.ts").matchAll(/title: "([^"]+)"/g)].map(
      ([, title]) => title ?? "",
    );
    assert.ok(titles.length > 40);
    // What these mean goes without saying.
    const plain = ["ID", "NAME", "TYPE", "CONTROL"];
    for (const title of titles) if (!plain.includes(title)) assert.ok(section.includes(title), title);
  });
});

describe("documentation of the configuration", () => {
  for (const [what, schema, example] of [
    ["an edge", edgeSchema, "example.yaml"],
    ["a supernode", superSchema, "super.example.yaml"],
  ] as const) {
    it(`names every key of ${what} in the example and in the manual`, () => {
      const [text, manual] = [read(example), read("configs/MANUAL.md")];
      const keys = keysOf(schema);
      assert.ok(keys.length > 40);
      for (const key of keys) {
        assert.match(manual, new RegExp(`\\b${key}\\b`, "i"), key);
        if (FOREIGN.includes(key)) continue;
        assert.match(text, new RegExp(`^[# ]*(?:- )?(?:\\{.*)?${key}:`, "m"), key);
      }
    });
  }
});
