import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { markdown } from "../../tools/bench/report.ts";
import type { Sample, Scenario } from "../../tools/bench/measure.ts";
import type { Result } from "../../tools/bench/report.ts";

function result(candidate: string, scenario: Scenario, tcp: number[], udp = 1000): Result {
  const sample: Omit<Sample, "tcp"> = {
    cpu: 0.5,
    relayCpu: scenario === "relay" ? 0.25 : 0,
    udp,
    ping: 30,
    memory: 80,
    start: 400,
  };
  return { candidate, scenario, samples: tcp.map((value) => ({ ...sample, tcp: value })), failures: [] };
}

const row = (text: string, section: string, candidate: string): string[] => {
  const lines = text.slice(text.indexOf(section)).split("\n");
  const line = lines.find((one) => one.startsWith(`| ${candidate} |`)) ?? "";
  return line.split("|").map((cell) => cell.trim());
};

describe("benchmark report", () => {
  const results = [
    result("etherloom", "direct", [14, 10, 12], 5000),
    result("wireguard-go", "direct", [6, 5, 4], 2000),
    result("etherloom", "relay", [9]),
    { ...result("tinc", "direct", []), failures: ["no answer\nlog"] },
  ];
  const text = markdown(results, ["a machine"], 3);

  it("shows medians with their range and ratios to wireguard-go", () => {
    assert.deepEqual(row(text, "### Two nodes", "etherloom").slice(2, 4), ["12.00 (10.00–14.00)", "2.40×"]);
    assert.deepEqual(row(text, "### Two nodes", "etherloom").slice(5, 7), ["5 (5–5)", "2.50×"]);
  });
  it("relates the relayed flow to the direct one", () => {
    assert.deepEqual(row(text, "### Through one relay", "etherloom").slice(2, 7), [
      "9.00",
      "–",
      "0.50",
      "0.25",
      "75 %",
    ]);
  });
  it("names what failed, and leaves its cells empty", () => {
    assert.equal(row(text, "### Two nodes", "tinc")[2], "–");
    assert.match(text, /^- tinc \(direct\) failed: no answer$/m);
  });
});
