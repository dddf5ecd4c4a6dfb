import assert from "node:assert/strict";
import { resolve } from "node:path";
import { ESLint, Linter } from "eslint";
import { describe, it } from "mocha";
import tseslint from "typescript-eslint";
import { importArrows } from "../../tools/eslint/import-arrows.ts";

/** Messages of the rule alone, for one line of code in a file that need not exist. */
function complaints(file: string, code: string): string[] {
  const linter = new Linter();
  const config: Linter.Config = {
    files: ["**/*.ts"],
    languageOptions: { parser: tseslint.parser as Linter.Parser },
    plugins: { etherloom: { rules: { "import-arrows": importArrows } } },
    rules: { "etherloom/import-arrows": ["error", resolve("src")] },
  };
  return linter.verify(code, config, { filename: resolve(file) }).map((message) => message.message);
}

const forbidden: [string, string][] = [
  ["src/wire/ethernet.ts", `import { readFileSync } from "node:fs";`],
  ["src/wire/ethernet.ts", `import { x } from "../link/probe.ts";`],
  ["src/wire/ethernet.ts", `import { z } from "zod";`],
  ["src/noise/session.ts", `import { x } from "../dataplane/worker.ts";`],
  ["src/noise/session.ts", `import { createSocket } from "node:dgram";`],
  ["src/noise/session.ts", `const now = Date.now();`],
  ["src/link/estimator.ts", `import { x } from "../routing/graph.ts";`],
  ["src/link/estimator.ts", `export { x } from "../routing/graph.ts";`],
  ["src/link/estimator.ts", `export * from "../routing/graph.ts";`],
  ["src/routing/graph.ts", `import type { x } from "../config/schema.ts";`],
  ["src/routing/damping.ts", `const r = Math.random();`],
  ["src/switch/fib.ts", `import { setTimeout } from "node:timers/promises";`],
  ["src/port/tap.ts", `import { x } from "../node/edge.ts";`],
  ["src/dataplane/worker.ts", `import { x } from "../cli/main.ts";`],
  ["src/dataplane/worker.ts", `const m = await import("../cli/main.ts");`],
  ["src/control/gossip.ts", `import { x } from "../node/edge.ts";`],
  ["src/api/uapi.ts", `import { x } from "../cli/main.ts";`],
  ["src/cli/main.ts", `import { x } from "../dataplane/worker.ts";`],
  ["src/node/edge.ts", `import { x } from "../../test/e2e/harness.ts";`],
  ["src/misc/things.ts", `const one = 1;`],
];

const allowed: [string, string][] = [
  ["src/wire/ethernet.ts", `import { x } from "./ip.ts";`],
  [
    "src/noise/session.ts",
    `import { createHash } from "node:crypto"; import { x } from "../wire/handshake.ts";`,
  ],
  ["src/link/deep/estimator.ts", `import { x } from "../../wire/probe.ts";`],
  ["src/dataplane/worker.ts", `import { x } from "../switch/fib.ts"; const now = Date.now();`],
  ["src/node/edge.ts", `import { x } from "../dataplane/worker.ts"; import { y } from "../errors.ts";`],
  ["src/cli/main.ts", `import { x } from "../node/edge.ts"; import { y } from "../errors.ts";`],
  ["test/wire/ip.test.ts", `import { x } from "../../src/dataplane/worker.ts";`],
];

describe("import arrows between rooms", () => {
  for (const [file, code] of forbidden) {
    it(`${file} may not: ${code}`, () => {
      assert.equal(complaints(file, code).length, 1);
    });
  }
  for (const [file, code] of allowed) {
    it(`${file} may: ${code}`, () => {
      assert.deepEqual(complaints(file, code), []);
    });
  }
  it("are an error in the project's own configuration", async () => {
    const config = (await new ESLint().calculateConfigForFile("src/wire/ethernet.ts")) as Linter.Config;
    const entry = config.rules?.["etherloom/import-arrows"] as [number, string];
    assert.equal(entry[0], 2);
    assert.equal(resolve(entry[1]), resolve("src"));
  });
});
