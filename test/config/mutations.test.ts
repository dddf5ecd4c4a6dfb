import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "mocha";
import { parse, stringify } from "yaml";
import { parseEdgeConfig } from "../../src/config/edge-config.ts";
import { encodeKey, generatePrivateKey, publicKeyOf } from "../../src/config/key-text.ts";
import { parseSuperConfig } from "../../src/config/super-config.ts";
import { ConfigError } from "../../src/errors.ts";

const read = (path: string): Record<string, unknown> =>
  parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")) as Record<string, unknown>;
const [one, two] = [1, 2].map(() => encodeKey(publicKeyOf(generatePrivateKey())));

const edge = {
  ...read("example.yaml"),
  dynamicRoute: {
    superNode: {
      useSuperNode: true,
      supers: [{ endpoint: "a:1", control: "a:2", pubKey: one, psKey: one }],
      additionalLocalIp: ["192.0.2.1:5"],
      endpointV6: "",
    },
    additionalCost: 4,
    ntpConfig: { useNtp: true, servers: ["a"] },
    p2p: { useP2p: false },
  },
};
const supernode = {
  ...read("super.example.yaml"),
  peers: [
    { nodeId: 1, pubKey: one, psKey: one, endPoint: "a:1", externalIp: "192.0.2.1", additionalCost: 3 },
    { nodeId: 2, name: "b", pubKey: two, relay: "never" },
  ],
  graphRecalculateSetting: { staticMode: true, manualLatency: { 1: { 2: 3 }, "*": { 1: 3 } } },
  nextHopTable: { 1: { 2: 2 }, 2: { 1: 1 } },
};
const listed = {
  ...supernode,
  graphRecalculateSetting: { manualLatency: [{ from: 1, to: "*", ms: 3 }, { from: 2, to: 1, ms: 3 }] }, // prettier-ignore
};

const junk: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  ...[null, 0, -1, 1.5, 65535, 1e308, "", "x", "*", true, [], {}, [null], [[]], [{}], { 1: null }, { 1: { 2: 3 } }],
  ...[[{ from: 1 }], [{ nodeId: 1 }], { supers: [null] }],
); // prettier-ignore

/** All places of a value, as keys from its root. */
function places(value: unknown): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [[]];
  const inside = Object.entries(value).flatMap(([key, inner]) =>
    places(inner).map((path) => [Array.isArray(value) ? Number(key) : key, ...path]),
  );
  return [[], ...inside];
}

function replaced(value: unknown, [step, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (step === undefined) return by;
  const inner = replaced((value as Record<string | number, unknown>)[step], rest, by);
  return Array.isArray(value) ? value.with(Number(step), inner) : { ...(value as object), [step]: inner };
}

describe("files with anything anywhere", () => {
  for (const [name, file, load] of [
    ["an edge's", edge, parseEdgeConfig],
    ["a supernode's", supernode, parseSuperConfig],
    ["a supernode's with lists", listed, parseSuperConfig],
  ] as const) {
    it(`load, or are refused in lines with a place: ${name}`, () => {
      assert.doesNotThrow(() => load("f", stringify(file)));
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 3 }), (changes) => {
          let changed: unknown = file;
          for (const [pick, value] of changes) {
            const all = places(changed);
            changed = replaced(changed, all[pick % all.length] ?? [], value);
          }
          try {
            load("f", stringify(changed));
          } catch (error) {
            assert.ok(error instanceof ConfigError, String(error));
            for (const line of error.problems) assert.match(line, /^f:\d+:\d+: .+$/);
          }
        }),
        { numRuns: 150 },
      );
    });
  }
});
