// The demonstration, on one machine, from nothing to nothing in about half a minute. Exit 0 when all that it shows is as it
// should be; else 1.
//
//   main.ts            a supernode and five edges on a virtual Internet: each direction takes its own fastest way
//   main.ts static     six edges with a next-hop table in their files

import { demonstrateStatic } from "./static.ts";
import { demonstrateSuper } from "./super.ts";

if (process.geteuid?.() !== 0) {
  console.error("demo: needs root, for network namespaces and TAP interfaces");
  process.exit(1);
}
const [which = "super"] = process.argv.slice(2);
if (which !== "super" && which !== "static") {
  console.error(`demo: found ${which}, expected super or static`);
  process.exit(2);
}
const failures = await (which === "static" ? demonstrateStatic() : demonstrateSuper());
for (const failure of failures) console.error(`demo: FAILED: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
