// The demonstration of static mode: the six-node network of configs/six-nodes, from nothing to nothing in half a minute.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fetchStatus } from "../../src/api/status-client.ts";
import { STATUS_SOCKET } from "../../src/api/status-server.ts";
import { walk } from "../netlab/mesh.ts";
import { iperf, ping, waitForPing } from "../netlab/traffic.ts";
import { HopCounter, checkout, startNetwork, wayOnTheWire } from "./network.ts";
import type { Member } from "./network.ts";

const pings = 10;
/** bytes; large enough to be told from probes on the underlay */
const pingSize = 1000;
const firstFrameTimeout = 10_000;

const failures: string[] = [];
const arrow = (way: readonly number[]): string => way.join(" → ");

function expect(condition: boolean, what: string): string {
  if (condition) return "";
  failures.push(what);
  return "  ← WRONG";
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

async function reachAll(first: Member, others: readonly Member[]): Promise<void> {
  const counter = new HopCounter([first, ...others]);
  heading(`Node 1 pings every other node, ${pings} times ${pingSize} bytes:`);
  console.log("  to   overlay address   answered   median      way by the table   way on the underlay");
  for (const other of others) {
    const { nodeId } = other.file;
    const before = counter.read();
    const result = await ping(first.node, other.address, { count: pings, interval: 0.01, size: pingSize });
    const seen = arrow(wayOnTheWire(before, counter.read(), 1, nodeId, pings));
    const planned = arrow(walk(first.file.nextHopTable, 1, nodeId));
    const answered = `${result.received}/${result.sent}`;
    const verdict = expect(result.received === result.sent && seen === planned, `ping 1 → ${nodeId}`);
    console.log(
      `  ${nodeId}    ${other.address.padEnd(15)}   ${answered.padEnd(8)}   ${result.median.toFixed(3).padStart(6)} ms   ` +
        `${planned.padEnd(16)}   ${seen}${verdict}`,
    );
  }
}

async function showStatus(first: Member): Promise<void> {
  heading("What node 1 says (etherloom status):");
  const program = [join(checkout, "etherloom.js"), "status", "--state-dir", first.stateDir];
  const result = spawnSync(process.execPath, program, { encoding: "utf8", timeout: 10_000 });
  expect(result.status === 0, `etherloom status: ${result.stderr.trim()}`);
  console.log(result.stdout.trimEnd().replaceAll(/^/gm, "  "));
  const status = await fetchStatus(join(first.stateDir, STATUS_SOCKET), { fib: false });
  const wrong = status.routes.filter(
    ({ destination, nextHop }) => first.file.nextHopTable[1]?.[destination] !== nextHop,
  );
  expect(wrong.length === 0, `routes of node 1 are not the table's: ${JSON.stringify(wrong)}`);
}

async function throughput(first: Member, last: Member): Promise<void> {
  const way = arrow(walk(first.file.nextHopTable, 1, last.file.nodeId));
  const result = await iperf(first.node, last.node, last.address, { time: 3 });
  heading(`One TCP flow ${way}, sealed end to end, all six nodes on this machine's cores:`);
  console.log(`  ${(result.bitsPerSecond / 1e9).toFixed(2)} Gbit/s`);
  expect(result.bitsPerSecond > 0, "iperf3 moved nothing");
}

async function stopAll(members: readonly Member[]): Promise<void> {
  const exits = await Promise.all(members.map(({ child }) => child.stop("SIGINT")));
  exits.forEach((exit, i) => {
    expect(
      exit.code === 0,
      `node ${i + 1} ended with ${exit.code ?? exit.signal}: ${members[i]?.child.log.slice(-500) ?? ""}`,
    );
  });
  heading("All nodes were asked to stop.");
}

/** Runs it; returns what went wrong, a line each. */
export async function demonstrateStatic(): Promise<string[]> {
  const begun = performance.now();
  console.log("Six nodes, each in a network namespace of its own, started as `node edge --config FILE`:");
  console.log("\n  1 ── 2 ── 3 ── 5\n        \\  /\n         4 ── 6\n");
  console.log("Nodes without a line between them cannot reach each other on the underlay.");
  const { lab, members } = startNetwork();
  const [first, ...others] = members;
  const last = others.at(-1);
  if (!first || !last) return [];
  try {
    const launched = performance.now();
    const allAnswer = Promise.all(
      others.map((other) => waitForPing(first.node, other.address, firstFrameTimeout)),
    );
    allAnswer.catch(() => {});
    const oneEnded = Promise.race(members.map(({ child }) => child.exited)).then(() => {
      throw new Error("a node ended although nobody asked it to");
    });
    oneEnded.catch(() => {});
    await Promise.race([allAnswer, oneEnded]);
    console.log(
      `All reached node 1's ping ${Math.round(performance.now() - launched)} ms after their start.`,
    );
    await reachAll(first, others);
    await showStatus(first);
    await throughput(first, last);
    await stopAll(members);
  } catch (error) {
    failures.push((error as Error).message);
    for (const { node, child } of members) {
      const state = child.exit ? `exit ${child.exit.code ?? child.exit.signal}` : "running";
      console.error(`--- ${node.name} (${state})\n${child.log.slice(-1500)}`);
    }
  } finally {
    await lab.close();
  }
  console.log(`Everything is removed again; ${((performance.now() - begun) / 1000).toFixed(1)} s in all.`);
  return failures;
}
