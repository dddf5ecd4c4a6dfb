/**
 * `node edge`: starts a node, serves its sockets, and stops it. What was opened is closed in reverse order, however
 * far the start got.
 */
import { join } from "node:path";
import { createSdNotifier } from "../api/sd-notify.ts";
import { runPostScript } from "../api/post-script.ts";
import { serve, STATUS_SOCKET } from "../api/status-server.ts";
import { serveUapi } from "../api/uapi-server.ts";
import { loadEdgeConfig, type EdgeConfig } from "../config/edge-config.ts";
import { addonBroken, EtherloomError } from "../errors.ts";
import { type Addon, loadAddon } from "../native/addon.ts";
import { formatMac } from "../wire/ethernet.ts";
import { createLog, type Logger } from "./log.ts";
import { addonPath } from "./paths.ts";
import { isAnotherNode, waitForRestart } from "./reload-limits.ts";
import { StateDir } from "./state-dir.ts";
import { StaticNode } from "./static-node.ts";
import { buildStatus } from "./status-builder.ts";
import { Stdio } from "./stdio.ts";
import { NodeUapi } from "./uapi-device.ts";

export interface EdgeOptions {
  readonly uapi: boolean;
  readonly bind: "linux" | "std";
}

/** Runs until it is asked to stop (0). @throws EtherloomError when it cannot start or go on */
export async function runEdge(config: EdgeConfig, options: EdgeOptions): Promise<number> {
  const addon = openAddon();
  const launcher = process.env["ETHERLOOM_LAUNCHER_PID"];
  delete process.env["ETHERLOOM_LAUNCHER_PID"];
  if (launcher !== undefined && !addon.dieWithParent(Number(launcher))) return 0;
  const run = new EdgeRun(config, options, addon);
  try {
    await run.start();
    await run.finished;
  } finally {
    await run.stop();
  }
  return 0;
}

function openAddon(): Addon {
  const path = addonPath();
  try {
    return loadAddon(path);
  } catch (error) {
    throw addonBroken(path, (error as Error).message.split("\n")[0] ?? "");
  }
}

class EdgeRun {
  readonly finished: Promise<void>;
  readonly #config: EdgeConfig;
  readonly #options: EdgeOptions;
  readonly #addon: Addon;
  readonly #log: Logger;
  readonly #notifier: ReturnType<typeof createSdNotifier>;
  /** What has to be undone, last first. */
  readonly #undo: (() => unknown)[] = [];
  /** Aborted when the node is asked to stop. */
  readonly #asked: AbortController = new AbortController();
  /** Set when it has started. */
  #node: StaticNode | undefined;
  #finish: () => void = () => undefined;
  #fail: (error: EtherloomError) => void = () => undefined;

  constructor(config: EdgeConfig, options: EdgeOptions, addon: Addon) {
    this.#config = config;
    this.#options = options;
    this.#addon = addon;
    this.#log = createLog(config.logLevel);
    this.#notifier = createSdNotifier((path, data) => addon.sendUnixDatagram(path, data));
    this.finished = new Promise((resolve, reject) => {
      this.#finish = (): void => {
        this.#asked.abort();
        resolve();
      };
      this.#fail = reject;
    });
    // A failure while starting is thrown from there.
    this.finished.catch(() => undefined);
  }

  async start(): Promise<void> {
    const config = this.#config;
    const log = this.#log;
    this.#onSignal("SIGINT", () => this.#finish());
    this.#onSignal("SIGTERM", () => this.#finish());
    // From the beginning, because unheard it would end the process. Before there is a node, there is nothing to reload.
    this.#onSignal("SIGHUP", () => this.#node !== undefined && this.#reload(this.#node));
    const state = new StateDir(config.stateDir, (error) => log.warn(error.message));
    const stdio: Stdio | undefined =
      config.interface.itype === "stdio" ? this.#makeStdio(() => node) : undefined;
    const node: StaticNode = new StaticNode({
      config,
      addon: this.#addon,
      state,
      log,
      plainSockets: this.#options.bind === "std",
      onFailure: (error) => this.#fail(error),
      onFrame: (frame) => stdio?.write(frame) ?? false,
    });
    this.#undo.push(() => node.stop());
    const ready = await node.start();
    await this.#openSockets(node);
    this.#node = node;
    await this.#runPostScript(ready.port.name);
    if (this.#asked.signal.aborted) return;
    if (stdio !== undefined) {
      stdio.start();
      this.#undo.push(() => stdio.stop());
    }
    const { name } = ready.port;
    log.info({ node: config.nodeId, port: node.listenPort, interface: name }, "ready");
    this.#notifier.ready(`node ${config.nodeId}, UDP port ${node.listenPort}, interface ${name}`);
  }

  async stop(): Promise<void> {
    this.#notifier.stopping();
    for (const undo of this.#undo.reverse()) await undo();
    this.#undo.length = 0;
  }

  async #openSockets(node: StaticNode): Promise<void> {
    const log = (message: string): void => this.#log.warn(message);
    const status = await serve(
      join(this.#config.stateDir, STATUS_SOCKET),
      ({ fib }) => buildStatus(node, fib),
      {
        log,
      },
    );
    this.#undo.push(() => status.close());
    if (!this.#options.uapi) return;
    const uapi = await serveUapi({ name: this.#config.uapiName, device: new NodeUapi(node), log });
    this.#undo.push(() => uapi.close());
  }

  async #runPostScript(interfaceName: string): Promise<void> {
    const { postScript, nodeName, nodeId, interface: port } = this.#config;
    if (postScript === "") return;
    const view = new DataView(port.mac.buffer, port.mac.byteOffset, 6);
    const { signal } = this.#asked;
    const script = runPostScript(
      postScript,
      {
        nodeName,
        nodeId,
        interfaceName,
        interfaceType: port.itype,
        macPrefix: port.macAddrPrefix,
        macAddress: formatMac(view.getUint16(0), view.getUint32(2)),
      },
      { log: (line) => this.#log.info(`postScript: ${line}`), signal },
    );
    await script.catch((error: unknown) => {
      // A script that was cut short by the request to stop has not failed.
      if (!signal.aborted) throw error;
    });
  }

  #makeStdio(node: () => StaticNode): Stdio {
    const { l2HeaderMode, mac } = this.#config.interface;
    return new Stdio({
      mode: l2HeaderMode,
      mac,
      onFrame: (bytes) => node().plane.post({ type: "frame", bytes }),
      onEnd: () => this.#finish(),
    });
  }

  #reload(node: StaticNode): void {
    // hrtime is CLOCK_MONOTONIC.
    this.#notifier.reloading(process.hrtime.bigint() / 1000n);
    try {
      const config = loadEdgeConfig(this.#config.file);
      for (const warning of config.warnings) this.#log.warn(warning);
      if (isAnotherNode(this.#config, config)) {
        return this.#log.error("reload: nodeId and privKey cannot change; nothing was reloaded");
      }
      const waiting = waitForRestart(this.#config, config);
      if (waiting.length > 0) this.#log.warn(`reload: ${waiting.join(", ")}: only after a restart`);
      const changes = node.reload(config);
      for (const change of changes) this.#log.info(`reload: ${change}`);
      if (changes.length === 0) this.#log.info("reload: nothing changed");
    } catch (error) {
      if (!(error instanceof EtherloomError)) throw error;
      for (const line of error.message.split("\n")) this.#log.error(`reload: ${line}`);
    } finally {
      this.#notifier.ready();
    }
  }

  #onSignal(signal: NodeJS.Signals, handler: () => void): void {
    process.on(signal, handler);
    this.#undo.push(() => process.removeListener(signal, handler));
  }
}
