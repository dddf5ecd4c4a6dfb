// The rule that keeps the rooms apart: who may import whom below src/.

import { dirname, relative, resolve, sep } from "node:path";
import type { Rule } from "eslint";

interface Room {
  /** Rooms it may import from, besides itself; "*" is all. */
  rooms: readonly string[] | "*";
  /** Packages and node: modules it may import; a trailing `*` matches the rest; "*" is all. */
  packages: readonly string[] | "*";
}

/** The files directly in src/ (errors, paths, version) form this room; it imports nothing of ours. */
const common = "(top)";

const sansIo: Room = { rooms: ["wire"], packages: [] };
const adapter: Room = {
  rooms: [
    common,
    "wire",
    "noise",
    "link",
    "routing",
    "switch",
    "native",
    "port",
    "dataplane",
    "control",
    "config",
    "api",
  ],
  packages: "*",
};

/** One line a room. Pure rooms do no I/O, read no clock and draw no randomness, so they get no `node:` modules either. */
const rooms: Readonly<Record<string, Room>> = {
  [common]: { rooms: [], packages: "*" },
  wire: { rooms: [], packages: [] },
  noise: { rooms: ["wire"], packages: ["node:crypto", "@noble/*"] },
  link: sansIo,
  routing: { rooms: ["wire"], packages: ["graphology", "graphology-types"] },
  switch: sansIo,
  /** The TypeScript face of the addon. */
  native: { rooms: [common], packages: "*" },
  port: adapter,
  dataplane: adapter,
  control: adapter,
  api: adapter,
  config: { rooms: [common, "wire", "noise", "routing"], packages: "*" },
  node: { rooms: "*", packages: "*" },
  cli: { rooms: [common, "node", "config", "api", "noise", "wire"], packages: "*" },
  web: { rooms: [], packages: "*" },
};

/** Things that make a pure room impure without an import. */
const impure: Readonly<Record<string, readonly string[]>> = {
  Date: ["now"],
  Math: ["random"],
  performance: ["now"],
  crypto: ["getRandomValues", "randomUUID"],
};
const pureRooms = new Set(["wire", "noise", "link", "routing", "switch"]);

function matches(name: string, allowed: readonly string[]): boolean {
  return allowed.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name));
}

/** The room of a path relative to src/, or undefined outside. */
function roomOf(path: string): string | undefined {
  if (path.startsWith("..")) return undefined;
  const parts = path.split(sep);
  return parts.length === 1 ? common : parts[0];
}

export const importArrows: Rule.RuleModule = {
  meta: {
    type: "problem",
    schema: [{ type: "string" }],
    messages: {
      room: "'{{from}}' may not import '{{to}}' (see the table in tools/eslint/import-arrows.ts)",
      outside: "'{{from}}' may not import from outside src/",
      package: "'{{from}}' may not import the module '{{to}}'",
      unknown: "src/{{from}} is not a room: add it to tools/eslint/import-arrows.ts",
      impure: "'{{from}}' may not use {{to}}: time and randomness are arguments there",
    },
  },
  create(context) {
    const source = resolve(String(context.options[0] ?? "src"));
    const from = roomOf(relative(source, context.filename));
    if (from === undefined) return {};
    const room = rooms[from];

    function check(node: Rule.Node, specifier: unknown): void {
      if (room === undefined || from === undefined || typeof specifier !== "string") return;
      if (!specifier.startsWith(".")) {
        if (room.packages !== "*" && !matches(specifier, room.packages)) {
          context.report({ node, messageId: "package", data: { from, to: specifier } });
        }
        return;
      }
      const to = roomOf(relative(source, resolve(dirname(context.filename), specifier)));
      if (to === undefined) {
        if (from !== common) context.report({ node, messageId: "outside", data: { from } });
      } else if (to !== from && room.rooms !== "*" && !room.rooms.includes(to)) {
        context.report({ node, messageId: "room", data: { from, to } });
      }
    }

    return {
      Program(node) {
        if (room === undefined) context.report({ node, messageId: "unknown", data: { from } });
      },
      ImportDeclaration(node) {
        check(node, node.source.value);
      },
      ExportNamedDeclaration(node) {
        if (node.source) check(node, node.source.value);
      },
      ExportAllDeclaration(node) {
        check(node, node.source.value);
      },
      ImportExpression(node) {
        if (node.source.type === "Literal") check(node, node.source.value);
      },
      MemberExpression(node) {
        if (!pureRooms.has(from) || node.object.type !== "Identifier" || node.property.type !== "Identifier")
          return;
        if (impure[node.object.name]?.includes(node.property.name)) {
          const to = `${node.object.name}.${node.property.name}`;
          context.report({ node, messageId: "impure", data: { from, to } });
        }
      },
    };
  },
};
