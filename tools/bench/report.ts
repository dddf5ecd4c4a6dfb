// Samples to Markdown.

import { median } from "../netlab/traffic.ts";
import type { Sample, Scenario } from "./measure.ts";

/** samples of one candidate in one scenario, one per round; and why rounds failed */
export interface Result {
  candidate: string;
  scenario: Scenario;
  samples: Sample[];
  failures: string[];
}

export const reference = "wireguard-go";

const middle = (result: Result | undefined, key: keyof Sample): number =>
  median((result?.samples ?? []).map((sample) => sample[key]));

function withRange(result: Result, key: keyof Sample, digits: number, scale = 1): string {
  const values = result.samples.map((sample) => sample[key] * scale);
  if (values.length === 0) return "–";
  const text = median(values).toFixed(digits);
  if (values.length === 1) return text;
  return `${text} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

function ratio(value: number, base: number): string {
  return Number.isFinite(value / base) ? `${(value / base).toFixed(2)}×` : "–";
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join(
    "\n",
  );
}

const titles: Readonly<Record<Scenario, string>> = {
  direct: "Two nodes, one veth pair, MTU 1500",
  relay: "Through one relay (a–r–b)",
};

/** One table a scenario; ratios are against the reference in the same run. */
export function markdown(results: readonly Result[], machine: readonly string[], rounds: number): string {
  const find = (candidate: string, scenario: Scenario): Result | undefined =>
    results.find((result) => result.candidate === candidate && result.scenario === scenario);
  const parts = [
    ...machine.map((line) => `- ${line}`),
    `- median of ${rounds} interleaved rounds (min–max)`,
    "",
  ];
  for (const scenario of ["direct", "relay"] as const) {
    const here = results.filter((result) => result.scenario === scenario);
    if (here.length === 0) continue;
    const base = find(reference, scenario);
    const versus = `× ${reference}`;
    const heading = ["", "TCP Gbit/s", versus, "ends s/GB"];
    if (scenario === "relay") heading.push("relay s/GB", "of direct");
    heading.push("64 B UDP kpkt/s", versus, "ping µs", "RSS MB", "first ping ms");
    const rows = here.map((result) => {
      const row = [
        result.candidate,
        withRange(result, "tcp", 2),
        ratio(middle(result, "tcp"), middle(base, "tcp")),
        withRange(result, "cpu", 2),
      ];
      if (scenario === "relay") {
        const direct = middle(find(result.candidate, "direct"), "tcp") / 100;
        const share = middle(result, "tcp") / direct;
        row.push(withRange(result, "relayCpu", 2), Number.isFinite(share) ? `${share.toFixed(0)} %` : "–");
      }
      row.push(
        withRange(result, "udp", 0, 1e-3),
        ratio(middle(result, "udp"), middle(base, "udp")),
        withRange(result, "ping", 0),
        withRange(result, "memory", 0),
        withRange(result, "start", 0),
      );
      return row;
    });
    parts.push(`### ${titles[scenario]}`, "", table(heading, rows), "");
  }
  const failures = results.flatMap((result) =>
    result.failures.map(
      (failure) => `- ${result.candidate} (${result.scenario}) failed: ${failure.split("\n")[0] ?? ""}`,
    ),
  );
  if (failures.length > 0) parts.push(...failures, "");
  return parts.join("\n");
}
