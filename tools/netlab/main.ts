// netlab on the command line.
//
//   up FILE [NAME]             make the namespaces of a topology file (name: the file's by default)
//   exec NAME NODE COMMAND…    run something in one of them
//   down NAME                  end what runs in them, and remove them
//   list                       what is up
//   sweep                      remove labs whose owner was killed
//   set NAME FROM TO KEY=VALUE…    change what the wire does in one direction: delayMs=5 loss=0.01 …
//   cut NAME FROM TO, restore NAME FROM TO, counters NAME FROM TO
//   check                      measure what the wire reaches on this machine

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { check } from "./check.ts";
import { Lab, sweep } from "./lab.ts";
import { parseTopology } from "./topology.ts";
import type { Topology, WireParameters } from "./topology.ts";

const stateFolder = "/run/etherloom-netlab";
const usage =
  "usage: netlab up FILE [NAME] | exec NAME NODE COMMAND… | down NAME | list | sweep |\n" +
  "       set NAME FROM TO KEY=VALUE… | cut|restore|counters NAME FROM TO | check";

const wireCommands = new Set(["set", "cut", "restore", "counters"]);

interface Saved {
  topology: Topology;
  folder: string;
}

class UsageError extends Error {}

const stateFile = (name: string): string => `${stateFolder}/${name}.json`;

function load(name: string): Lab {
  let saved: Saved;
  try {
    saved = JSON.parse(readFileSync(stateFile(name), "utf8")) as Saved;
  } catch {
    throw new UsageError(`no lab '${name}' is up`);
  }
  return Lab.attach(saved.topology, `nl-${name}`, saved.folder);
}

function names(): string[] {
  try {
    return readdirSync(stateFolder).map((file) => basename(file, ".json"));
  } catch {
    return [];
  }
}

function up(file: string, wanted?: string): void {
  const name = wanted ?? basename(file).replace(/\.[^.]*$/, "");
  if (!/^[a-z0-9-]{1,20}$/.test(name)) throw new UsageError(`bad lab name '${name}' (a-z, 0-9, -)`);
  if (names().includes(name)) throw new UsageError(`lab '${name}' is up already`);
  const topology = parseTopology(readFileSync(file, "utf8"));
  const lab = Lab.create(topology, { prefix: `nl-${name}`, lasting: true });
  mkdirSync(stateFolder, { recursive: true });
  const saved: Saved = { topology, folder: lab.folder };
  writeFileSync(stateFile(name), JSON.stringify(saved));
  lab.detach();
  for (const node of lab.nodes) console.log(`${node.name}\t${node.netns}\t${node.address}\t${node.address6}`);
}

/** One command to the wire of a lab that is up. */
async function wire(verb: string, name: string, words: readonly string[]): Promise<void> {
  const [from = "", to = "", ...pairs] = words;
  const direction = load(name).wire(from, to);
  if (verb === "cut") await direction.cut();
  else if (verb === "restore") await direction.restore();
  else if (verb === "counters") console.log(await direction.counters());
  else {
    const parameters = pairs.map((pair) => pair.split("=")).map(([key = "", value]) => [key, Number(value)]);
    await direction.set(Object.fromEntries(parameters) as WireParameters);
  }
}

async function main(argv: string[]): Promise<number> {
  const [command, name, ...rest] = argv;
  if (command === "up" && name !== undefined) up(name, rest[0]);
  else if (command === "exec" && name !== undefined && rest.length >= 2) {
    const [node = "", ...program] = rest;
    const [file = "", ...args] = load(name).node(node).inside(program);
    return spawnSync(file, args, { stdio: "inherit" }).status ?? 1;
  } else if (command === "down" && name !== undefined) {
    await load(name).close();
    rmSync(stateFile(name));
  } else if (command === "list") for (const one of names()) console.log(one);
  else if (command === "sweep") for (const one of sweep()) console.log(`removed ${one}`);
  else if (command !== undefined && wireCommands.has(command) && name !== undefined && rest.length >= 2)
    await wire(command, name, rest);
  else if (command === "check") return (await check()) ? 0 : 1;
  else throw new UsageError(usage);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`netlab: ${(error as Error).message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
