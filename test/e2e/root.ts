// Tests that need root: namespaces, TAPs, raw sockets.

import { describe } from "mocha";
import type { Suite } from "mocha";

/** Stands in the title of a suite that was skipped for want of root; the test runner counts by it. */
export const rootOnlyMark: string = "[needs root]";

export const isRoot: boolean = process.geteuid?.() === 0;

/** `describe` for suites that need root: skipped, under a title that says why, for everybody else. */
export function describeAsRoot(title: string, body: (this: Suite) => void): void {
  if (isRoot) describe(title, body);
  // Nothing can be made to test in. The runner says how many these are, and under CI a single one is a failure.
  else describe.skip(`${title} ${rootOnlyMark}`, body);
}
