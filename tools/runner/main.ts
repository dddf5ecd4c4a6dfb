// The test runner: mocha over the chosen files, with a closing line that a program can read.
//
//   main.ts [--long] [--grep PATTERN] [FILE…]
//
// Suites that need root are declared with `describeAsRoot` (test/e2e/root.ts). Without root they are skipped, loudly; with CI
// or ETHERLOOM_REQUIRE_ROOT set, such a skip is a failure.

import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import Mocha from "mocha";
import { rootOnlyMark } from "../../test/e2e/root.ts";

const endToEndFolder = "test/e2e/";

/** Unit tests first: they are quick, and what they find explains the others' failures. */
function chooseFiles(named: string[], long: boolean): string[] {
  if (named.length > 0) return named.flatMap((pattern) => globSync(pattern).toSorted());
  if (long) return globSync("test/long/**/*.test.ts").toSorted();
  const files = globSync("test/**/*.test.ts", { exclude: ["test/long/**"] }).toSorted();
  const isEndToEnd = (file: string): boolean => file.startsWith(endToEndFolder);
  return [...files.filter((file) => !isEndToEnd(file)), ...files.filter(isEndToEnd)];
}

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  endToEnd: number;
  rootSkipped: number;
}

async function run(files: string[], grep: string | undefined, long: boolean): Promise<Tally> {
  const options = JSON.parse(readFileSync(".mocharc.json", "utf8")) as Mocha.MochaOptions;
  const mocha = new Mocha({ ...options, reporter: "spec", ...(long && { timeout: 0 }) });
  if (grep !== undefined) mocha.grep(new RegExp(grep));
  for (const file of files) mocha.addFile(resolve(file));
  await mocha.loadFilesAsync();

  const tally: Tally = { passed: 0, failed: 0, skipped: 0, endToEnd: 0, rootSkipped: 0 };
  await new Promise<void>((done) => {
    const runner = mocha.run(() => {
      done();
    });
    const isEndToEnd = (test: Mocha.Test): boolean => test.file?.includes(`/${endToEndFolder}`) ?? false;
    runner.on("pass", (test) => {
      tally.passed++;
      if (isEndToEnd(test)) tally.endToEnd++;
    });
    // Failures of hooks arrive here too, so a broken `before` cannot pass for success.
    runner.on("fail", (test) => {
      tally.failed++;
      if (isEndToEnd(test)) tally.endToEnd++;
    });
    runner.on("pending", (test) => {
      tally.skipped++;
      if (test.fullTitle().includes(rootOnlyMark)) tally.rootSkipped++;
    });
  });
  return tally;
}

const { values, positionals } = parseArgs({
  options: { long: { type: "boolean", default: false }, grep: { type: "string", short: "g" } },
  allowPositionals: true,
});
const files = chooseFiles(positionals, values.long);
if (files.length === 0) {
  console.error("no test files match");
  process.exit(2);
}
const tally = await run(files, values.grep, values.long);
if (tally.rootSkipped > 0) {
  console.log(`!!! ${tally.rootSkipped} tests SKIPPED because they need root (network namespaces, TAPs)`);
}
console.log(`${tally.endToEnd} end-to-end tests were run`);
const rootRequired = process.env["ETHERLOOM_REQUIRE_ROOT"] === "1" || process.env["CI"] === "true";
const bad = tally.failed > 0 || tally.passed === 0 || (rootRequired && tally.rootSkipped > 0);
process.stdout.write(
  `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`,
  // A handle that a test left open must not keep the run from ending.
  () => process.exit(bad ? 1 : 0),
);
