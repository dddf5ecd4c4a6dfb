// Speed of etherloom next to its peers, in namespaces of this machine.
//
//   main.ts [--quick] [--only NAME,…] [--scenario direct,relay] [--rounds 3] [--time 8] [--out FILE] [--json FILE]
//
// Candidates take turns in rounds, each in a fresh lab, so that a busy minute of the machine hits all alike. Ratios are
// against wireguard-go in the same run. Exit 1 when a candidate that was asked for could not be measured.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { onPath, ownCandidates } from "./candidate.ts";
import type { Candidate } from "./candidate.ts";
import { measure, scenarios } from "./measure.ts";
import { peers } from "./peers.ts";
import { markdown, reference } from "./report.ts";
import type { Result } from "./report.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    scenario: { type: "string", default: scenarios.join(",") },
    rounds: { type: "string" },
    time: { type: "string" },
    out: { type: "string" },
    json: { type: "string" },
  },
});

function fail(message: string, status: number): never {
  console.error(`bench: ${message}`);
  process.exit(status);
}

function choose(): Candidate[] {
  const known = [...ownCandidates, ...peers];
  const installed = (candidate: Candidate): boolean => candidate.programs.every(onPath);
  if (values.only !== undefined) {
    return values.only.split(",").map((name) => {
      const candidate = known.find((one) => one.name === name);
      if (!candidate) fail(`no candidate '${name}'; there are ${known.map((one) => one.name).join(", ")}`, 2);
      if (!installed(candidate)) fail(`${name} is not installed (tools/setup --bench)`, 1);
      return candidate;
    });
  }
  const chosen = known.filter((one) => one.name !== "underlay" && installed(one));
  if (!chosen.some((one) => one.name === reference))
    fail(`${reference} is not installed (tools/setup --bench)`, 1);
  return chosen;
}

function versionOf(packageName: string): string {
  const result = spawnSync("dpkg-query", ["-W", "-f", "${Version}", packageName], { encoding: "utf8" });
  return result.status === 0 ? result.stdout : "?";
}

function describeMachine(candidates: readonly Candidate[]): string[] {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  const names = candidates.map((one) => one.name).filter((name) => peers.some((peer) => peer.name === name));
  const versions = names.map((name) => `${name} ${versionOf(name)}`);
  return [
    `${cpus().length} × ${model}, Linux ${release()}, Node.js ${process.version}; all nodes share these cores`,
    ...(versions.length > 0 ? [versions.join(", ")] : []),
  ];
}

if (process.geteuid?.() !== 0) fail("needs root (network namespaces)", 1);
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const effort = { time: Number(values.time ?? (values.quick ? 2 : 8)), pings: values.quick ? 200 : 500 };
if (!(rounds >= 1) || !(effort.time >= 1)) fail("--rounds and --time take a number ≥ 1", 2);
const wanted = values.scenario.split(",");
const unknown = wanted.find((name) => !(scenarios as readonly string[]).includes(name));
if (unknown !== undefined) fail(`no scenario '${unknown}'; there are ${scenarios.join(", ")}`, 2);

const candidates = choose();
const results: Result[] = scenarios
  .filter((scenario) => wanted.includes(scenario))
  .flatMap((scenario) =>
    candidates
      .filter((candidate) => scenario === "direct" || candidate.relays)
      .map((candidate) => ({ candidate: candidate.name, scenario, samples: [], failures: [] })),
  );
for (let round = 1; round <= rounds; round++) {
  for (const result of results) {
    const candidate = candidates.find((one) => one.name === result.candidate);
    if (!candidate) continue;
    const label = `round ${round}/${rounds} ${result.scenario.padEnd(6)} ${candidate.name.padEnd(18)}`;
    try {
      const sample = await measure(candidate, result.scenario, effort);
      result.samples.push(sample);
      const { tcp, cpu, relayCpu, udp, ping } = sample;
      const relay = relayCpu > 0 ? ` + ${relayCpu.toFixed(2)}` : "";
      console.error(
        `${label} ${tcp.toFixed(2)} Gbit/s, ${cpu.toFixed(2)}${relay} s/GB, ${(udp / 1000).toFixed(0)} kpkt/s, ${ping.toFixed(0)} µs`,
      );
    } catch (error) {
      result.failures.push((error as Error).message);
      console.error(`${label} FAILED: ${(error as Error).message}`);
    }
  }
}

const text = markdown(results, describeMachine(candidates), rounds);
console.log(text);
if (values.out !== undefined) writeFileSync(values.out, `${text}\n`);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2));
process.exitCode = results.some((result) => result.samples.length === 0) ? 1 : 0;
