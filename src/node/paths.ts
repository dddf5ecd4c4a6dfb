/**
 * Where the package's own files are. This is the one place that knows, so that `src/` (a checkout, run as TypeScript)
 * and `dist/` (the published package, compiled) both work: this file lies in `src/node` or in `dist/node`.
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addonMissing } from "../errors.ts";

/** The directory of package.json. */
export const packageRoot: URL = new URL("../../", import.meta.url);

/** `src/` or `dist/`. */
const codeRoot = new URL("../", import.meta.url);
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** A module by its path below the code's root, without extension, e.g. `dataplane/worker`. */
export function moduleUrl(name: string): URL {
  return new URL(`${name}${extension}`, codeRoot);
}

/** The data plane's thread, for `new Worker(workerUrl)`. */
export const workerUrl: URL = moduleUrl("dataplane/worker");

export const packageJsonUrl: URL = new URL("package.json", packageRoot);
export const exampleUrl: URL = new URL("example.yaml", packageRoot);
export const superExampleUrl: URL = new URL("super.example.yaml", packageRoot);

/** In order of preference: what was built here, then what was shipped. */
export const addonCandidates: readonly string[] = [
  "src/native/build/etherloom.node",
  `prebuilds/linux-${process.arch}/etherloom.node`,
].map((path) => fileURLToPath(new URL(path, packageRoot)));

/** Path of the native addon. @throws EtherloomError EL_ADDON when there is none */
export function addonPath(): string {
  const found = addonCandidates.find((path) => existsSync(path));
  if (found === undefined) throw addonMissing(addonCandidates);
  return found;
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageJsonUrl, "utf8")) as { version: string }).version;
}
