/**
 * Starts the program from whatever Node.js runs this file. Plain ES2020, because an old Node reads it.
 *
 *   Node >= 24    imports the program: dist/ in a published package, src/ in a checkout
 *   older Node    runs the pinned runtime (npm package node-linux-<arch>) as a child and stands in for it: descriptors,
 *                 signals and the exit come through, and the child dies with the launcher
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import * as nodeModule from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = 24;
/** How long the child of a Ctrl-C may take before the launcher doubts that the terminal told it, in ms. */
const DOUBT_AFTER = 3000;

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Not a checkout. Node refuses TypeScript below node_modules, where only dist/ is shipped. */
const installed = root.includes(`${sep}node_modules${sep}`);

/** `prefix` is put before the arguments of the command line: `["edge"]` for edge.js. */
export function launch(prefix) {
  const args = prefix.concat(process.argv.slice(2));
  if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
    keepCompiledCode();
    return import(pathToFileURL(programFile()).href).then((program) => program.start(args));
  }
  const runtime = findRuntime();
  if (runtime === undefined) {
    const remedy = installed
      ? `npm install ${whereInstalled()}node-linux-${process.arch}@${NEEDED}`
      : "npm ci";
    console.error(
      `etherloom: Node.js ${NEEDED} or newer is needed, this is ${process.version} and no pinned runtime is ` +
        `installed with ${root} (${remedy} brings one) [EL_RUNTIME]`,
    );
    process.exitCode = 2;
    return undefined;
  }
  return runChild(runtime, [join(root, "etherloom.js")].concat(args));
}

function programFile() {
  const source = join(root, "src", "cli", "main.ts");
  return !installed && existsSync(source) ? source : join(root, "dist", "cli", "main.js");
}

/**
 * Later starts take compiled modules from disk: a third less memory, since the TypeScript stripper is not loaded in
 * either thread, and half the time. A directory that cannot be written only means that nothing is kept.
 */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_COMPILE_CACHE = cacheDirectory();
  // Not a named import: an old Node does not have it, and this file must load there too.
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/** Of a checkout that belongs to somebody else nothing is touched: npm could not remove there what root has written. */
function cacheDirectory() {
  const isOwn = statSync(root).uid === process.getuid();
  return isOwn ? join(root, "node_modules", ".cache", "etherloom") : join("/var/cache", "etherloom");
}

/** Options of npm that put another package where this one is, among the global ones (they belong to no package) or a project's. */
function whereInstalled() {
  const isGlobal = !existsSync(join(dirname(dirname(root)), "package.json"));
  // Its command is `node`: npm would not overwrite the system's, and fail.
  return isGlobal ? "-g --no-bin-links " : "";
}

function findRuntime() {
  for (let directory = root; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", `node-linux-${process.arch}`, "bin", "node");
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
}

/** Index = descriptor in the child. Gaps stay closed. */
function descriptors(args) {
  const passed = new Set([0, 1, 2]);
  for (const [name, value] of Object.entries(process.env)) {
    if ((name.startsWith("EG_FD_") || name === "EG_UAPI_FD") && /^\d{1,5}$/.test(value))
      passed.add(Number(value));
  }
  // sd_listen_fds(3): that many from 3 on.
  const count = /^\d{1,4}$/.test(process.env.LISTEN_FDS || "") ? Number(process.env.LISTEN_FDS) : 0;
  for (let fd = 3; fd < 3 + count; fd++) passed.add(fd);
  // A shell's <(command) is a file of this name.
  for (const arg of args) {
    const named = /(?:^|=)\/(?:dev|proc\/self)\/fd\/(\d{1,5})$/.exec(arg);
    if (named !== null) passed.add(Number(named[1]));
  }
  const stdio = [];
  for (let fd = 0; fd <= Math.max(...passed); fd++) {
    const open = passed.has(fd) && existsSync(`/proc/self/fd/${fd}`);
    stdio.push(open ? fd : "ignore");
  }
  return stdio;
}

function runChild(runtime, args) {
  const env = Object.assign({}, process.env, { ETHERLOOM_LAUNCHER_PID: String(process.pid) });
  const child = spawn(runtime, args, { stdio: descriptors(args), env });
  let doubt;
  const forward = (signal) => child.kill(signal);
  const onInterrupt = () => {
    // Ctrl-C goes to the terminal's whole foreground group, so the child has it already; a second one would mean
    // "at once". A SIGINT that kill(1) sent to the launcher alone looks the same here: hence the doubt.
    if (!inForeground()) return forward("SIGINT");
    if (doubt === undefined) doubt = setTimeout(() => child.kill("SIGTERM"), DOUBT_AFTER);
    return undefined;
  };
  process.on("SIGTERM", forward);
  process.on("SIGHUP", forward);
  process.on("SIGINT", onInterrupt);
  child.on("error", (error) => {
    console.error(`etherloom: ${runtime} cannot be run: ${error.message} [EL_RUNTIME]`);
    process.exit(2);
  });
  child.on("exit", (code, signal) => {
    clearTimeout(doubt);
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Reached for signals that do not end a process by default.
    setTimeout(() => process.exit(1), 1000);
  });
}

/** Whether this process is in the foreground group of its terminal, see proc_pid_stat(5). */
function inForeground() {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch (error) {
    return false;
  }
}
