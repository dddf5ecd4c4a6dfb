// Run inside a namespace: starts and stops one node again and again in this process, and prints what is left each time.
//
//   node lifecycle-node-loop.ts FILE ROUNDS        one JSON line a round: {"round","descriptors","rssBytes","threads"}

import { readdirSync, readFileSync } from "node:fs";
import { loadEdgeConfig } from "../../src/config/edge-config.ts";
import { loadAddon } from "../../src/native/addon.ts";
import { createLog } from "../../src/node/log.ts";
import { addonPath } from "../../src/node/paths.ts";
import { StateDir } from "../../src/node/state-dir.ts";
import { StaticNode } from "../../src/node/static-node.ts";

export interface RoundReport {
  round: number;
  descriptors: number;
  rssBytes: number;
  threads: number;
}

const [file = "", rounds = "1"] = process.argv.slice(2);
const fail = (error: Error): never => {
  console.error(error.message);
  process.exit(1);
};
const collect = (globalThis as { gc?: (options: { type: "major"; flavor: "last-resort" }) => void }).gc;
const addon = loadAddon(addonPath());

for (let round = 1; round <= Number(rounds); round++) {
  const config = loadEdgeConfig(file);
  const node = new StaticNode(config, {
    addon,
    state: new StateDir(config.stateDir, fail),
    log: createLog("silent"),
    plainSockets: false,
    onFailure: fail,
    onFrame: () => false,
  });
  await node.start();
  // Long enough for a session and a few probes.
  await new Promise((resolve) => setTimeout(resolve, 150));
  await node.stop();
  // A young generation that stays at its largest, and free pages of the C library, are no leaks: twelve megabytes come and go.
  collect?.({ type: "major", flavor: "last-resort" });
  addon.trimMemory();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const report: RoundReport = {
    round,
    descriptors: readdirSync("/proc/self/fd").length,
    rssBytes: process.memoryUsage.rss(),
    threads: Number(/^Threads:\s+(\d+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]),
  };
  console.log(JSON.stringify(report));
}
