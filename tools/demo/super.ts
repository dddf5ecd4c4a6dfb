// The demonstration: a supernode and five edges on a virtual Internet whose directions differ. Shows the way that frames
// take in each direction and what it saves, then kills a relay and shows how long traffic was gone.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { CloudMesh } from "../netlab/cloud-mesh.ts";
import { Flow } from "../netlab/flow.ts";
import { overlayAddress, SUPER, superMesh } from "../netlab/super-mesh.ts";
import { ping, waitForPing } from "../netlab/traffic.ts";

const checkout = join(import.meta.dirname, "../..");
const names = ["berlin", "lima", "osaka", "dakar", "oslo"];

/** One-way delays, ms; what is not named takes 60. */
const delays: Readonly<Record<string, number>> = {
  "berlin>lima": 110,
  "lima>berlin": 25,
  "berlin>dakar": 12,
  "dakar>lima": 14,
  "berlin>oslo": 18,
  "oslo>lima": 22,
  "berlin>osaka": 90,
  "osaka>berlin": 90,
  "berlin>sn": 10,
  "sn>berlin": 10,
};
const otherwise = 60;
/** What a relay's work counts for when ways are compared, ms. */
const relayCost = 2;
const pings = 10;
const settleTime = 20_000;

const failures: string[] = [];

function expect(condition: boolean, what: string): string {
  if (condition) return "";
  failures.push(what);
  return "  ← WRONG";
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

const delay = (from: string, to: string): number => delays[`${from}>${to}`] ?? otherwise;
const sum = (way: readonly string[]): number =>
  way.slice(1).reduce((total, name, i) => total + delay(way[i] ?? "", name), 0);

/** The fastest way over at most one relay: with delays like these no two relays are better. */
function fastest(from: string, to: string): string[] {
  const ways = names
    .filter((name) => name !== from && name !== to)
    .map((relay) => [from, relay, to])
    .concat([[from, to]]);
  const cost = (way: readonly string[]): number => sum(way) + relayCost * (way.length - 2);
  return ways.reduce((best, way) => (cost(way) < cost(best) ? way : best));
}

/** The way by the tables of the nodes as they are now. */
async function wayNow(mesh: CloudMesh, from: string, to: string): Promise<string[]> {
  const target = mesh.site(to).id;
  const way = [from];
  while (way.at(-1) !== to && way.length <= names.length) {
    const status = await mesh.program(way.at(-1) ?? from).status();
    const route = status.routes.find(({ destination }) => destination === target);
    const next = mesh.sites.find(({ id }) => id === (route?.inUse?.nextHop ?? route?.nextHop));
    if (next === undefined || next.mode === "super") break;
    way.push(next.name);
  }
  return way;
}

/** The way when it is the fastest one, or the last that was seen: links seconds old may still take a frame another way. */
async function settledWay(mesh: CloudMesh, from: string, to: string): Promise<string[]> {
  const wanted = fastest(from, to).join();
  const end = performance.now() + settleTime;
  for (;;) {
    const way = await wayNow(mesh, from, to);
    if (way.join() === wanted || performance.now() > end) return way;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function showWays(mesh: CloudMesh): Promise<void> {
  heading("The way from berlin to every other node, and the way back:");
  const node = mesh.site("berlin").node;
  for (const other of names.slice(1)) {
    const there = await settledWay(mesh, "berlin", other);
    const back = await settledWay(mesh, other, "berlin");
    const result = await ping(node, overlayAddress(mesh.site(other)), { count: pings, interval: 0.05 });
    const direct = delay("berlin", other) + delay(other, "berlin");
    const wrong = expect(
      there.join() === fastest("berlin", other).join() && back.join() === fastest(other, "berlin").join(),
      `ways between berlin and ${other}`,
    );
    console.log(`  ${there.join(" → ")},  back ${back.join(" → ")}${wrong}`);
    console.log(
      `      ping ${result.median.toFixed(1)} ms (these links: ${sum(there) + sum(back)} ms); the direct path: ${direct} ms` +
        expect(result.received === pings, `ping berlin ${other}`),
    );
  }
}

function command(mesh: CloudMesh, name: string, args: readonly string[]): void {
  const { stateDir } = mesh.program(name).config;
  const line = [join(checkout, "etherloom.js"), ...args, "--state-dir", stateDir];
  const result = spawnSync(process.execPath, line, { encoding: "utf8", timeout: 10_000 });
  expect(result.status === 0, `etherloom ${args.join(" ")}: ${result.stderr.trim()}`);
  console.log(result.stdout.trimEnd().replaceAll(/^/gm, "  "));
}

async function killRelay(mesh: CloudMesh): Promise<void> {
  const [, relay = ""] = await wayNow(mesh, "berlin", "lima");
  const target = mesh.site("lima");
  const flow = await Flow.start(mesh.site("berlin").node, target.node, overlayAddress(target));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await mesh.program(relay).crash();
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const { outage, lost, duplicated } = await flow.stop();
  const way = await wayNow(mesh, "berlin", "lima");
  heading(`${relay} is killed while 100 packets a second go from berlin to lima:`);
  console.log(
    `  traffic was gone for ${outage.ms.toFixed(0)} ms, ${lost} packets were lost, ${duplicated} came twice`,
  );
  console.log(`  it goes ${way.join(" → ")} now${expect(outage.ms < 3000 && way.length > 1, "failover")}`);
}

async function stopAll(mesh: CloudMesh): Promise<void> {
  const running = mesh.programs.filter((program) => program.running);
  for (const program of running) await program.stop("SIGINT");
  for (const { node, child } of running) {
    expect(child.exit?.code === 0, `${node.name} ended with ${child.exit?.code ?? child.exit?.signal}`);
  }
  heading("All nodes were asked to stop.");
}

/** Runs it; returns what went wrong, a line each. */
export async function demonstrateSuper(): Promise<string[]> {
  const begun = performance.now();
  console.log("A supernode and five edges, each in a network namespace of its own, started as");
  console.log("`node super --config FILE` and `node edge --config FILE`, on a virtual Internet:");
  for (const [way, ms] of Object.entries(delays)) {
    const [from = "", to = ""] = way.split(">");
    if (to !== SUPER && from !== SUPER) console.log(`  ${from} → ${to}  ${ms} ms`);
  }
  console.log(`  any other  ${otherwise} ms`);
  const ways = Object.fromEntries(Object.entries(delays).map(([way, delayMs]) => [way, { delayMs }]));
  const mesh = superMesh({ edges: names, all: { delayMs: otherwise }, ways });
  try {
    const launched = performance.now();
    await mesh.start();
    const { node } = mesh.site("berlin");
    await Promise.all(
      names.slice(1).map((name) => waitForPing(node, overlayAddress(mesh.site(name)), 10_000, 0.5)),
    );
    console.log(`All answer berlin's ping ${Math.round(performance.now() - launched)} ms after their start.`);
    await showWays(mesh);
    heading("What berlin says of a frame's way to lima (etherloom trace lima):");
    command(mesh, "berlin", ["trace", "lima"]);
    heading("and why it goes there (etherloom why lima):");
    command(mesh, "berlin", ["why", "lima"]);
    await killRelay(mesh);
    await stopAll(mesh);
  } catch (error) {
    failures.push((error as Error).message);
    console.error(mesh.logs(1500));
  } finally {
    await mesh.close();
  }
  console.log(`Everything is removed again; ${((performance.now() - begun) / 1000).toFixed(1)} s in all.`);
  return failures;
}
