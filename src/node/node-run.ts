/**
 * Runs a node: signals, sockets, postScript, sd_notify. What was opened is closed in reverse order, however far the
 * start got.
 */
import { join } from "node:path";
import { runPostScript } from "../api/post-script.ts";
import { createSdNotifier } from "../api/sd-notify.ts";
import { serve, STATUS_SOCKET } from "../api/status-server.ts";
import { serveUapi } from "../api/uapi-server.ts";
import { addonBroken, EtherloomError } from "../errors.ts";
import { type Addon, loadAddon } from "../native/addon.ts";
import { formatMac } from "../wire/ethernet.ts";
import { createLog, type Logger } from "./log.ts";
import type { CoreConfig, NodeEnvironment } from "./node-core.ts";
import { keepMemorySmall } from "./memory-keeper.ts";
import { addonPath } from "./paths.ts";
import type { RunningNode } from "./running-node.ts";
import { StateDir } from "./state-dir.ts";
import { buildStatus } from "./status-builder.ts";
import { Stdio } from "./stdio.ts";
import { NodeUapi } from "./uapi-device.ts";

export interface RunOptions {
  readonly uapi: boolean;
  readonly bind: "linux" | "std";
}

/** What differs between an edge and a supernode. */
export interface NodeKind<Node extends RunningNode> {
  /** As postScript is told. */
  readonly mode: "edge" | "super";
  readonly make: (environment: NodeEnvironment) => Node | Promise<Node>;
  /** Takes over the file, read again: returns what changed, a line each. @throws EtherloomError */
  readonly reload: (node: Node, log: Logger) => string[] | undefined;
}

/** Runs until it is asked to stop (0). @throws EtherloomError when it cannot start or go on */
export async function runNode<Node extends RunningNode>(
  config: CoreConfig,
  options: RunOptions,
  kind: NodeKind<Node>,
): Promise<number> {
  const addon = openAddon();
  const launcher = process.env["ETHERLOOM_LAUNCHER_PID"];
  delete process.env["ETHERLOOM_LAUNCHER_PID"];
  if (launcher !== undefined && !addon.dieWithParent(Number(launcher))) return 0;
  const run = new NodeRun(config, options, kind, addon);
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

class NodeRun<Node extends RunningNode> {
  readonly finished: Promise<void>;
  readonly #config: CoreConfig;
  readonly #options: RunOptions;
  readonly #kind: NodeKind<Node>;
  readonly #addon: Addon;
  readonly #log: Logger;
  readonly #notifier: ReturnType<typeof createSdNotifier>;
  /** What has to be undone, last first. */
  readonly #undo: (() => unknown)[] = [];
  /** Aborted when the node is asked to stop. */
  readonly #asked: AbortController = new AbortController();
  /** Set when it has started. */
  #node: Node | undefined;
  #finish: () => void = () => undefined;
  #fail: (error: EtherloomError) => void = () => undefined;

  constructor(config: CoreConfig, options: RunOptions, kind: NodeKind<Node>, addon: Addon) {
    this.#config = config;
    this.#options = options;
    this.#kind = kind;
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
    let stdio: Stdio | undefined;
    const node = await this.#kind.make({
      addon: this.#addon,
      state,
      log,
      plainSockets: this.#options.bind === "std",
      onFailure: (error) => this.#fail(error),
      onFrame: (frame) => stdio?.write(frame) ?? false,
    });
    if (config.interface.itype === "stdio") stdio = this.#makeStdio(node);
    this.#undo.push(() => node.stop());
    const ready = await node.start();
    await this.#openSockets(node);
    this.#node = node;
    await this.#runPostScript(ready.port.name);
    if (this.#asked.signal.aborted) return;
    if (stdio !== undefined) {
      const started = stdio;
      started.start();
      this.#undo.push(() => started.stop());
    }
    this.#undo.push(keepMemorySmall({ trim: () => this.#addon.trimMemory() }));
    const { name } = ready.port;
    const port = node.core.listenPort;
    log.info({ node: config.nodeId, port, interface: name }, "ready");
    this.#notifier.ready(`node ${config.nodeId}, UDP port ${port}, interface ${name}`);
  }

  async stop(): Promise<void> {
    this.#notifier.stopping();
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        // What was opened before it is closed all the same.
        this.#log.error(`while stopping: ${(error as Error).message}`);
      }
    }
  }

  async #openSockets(node: Node): Promise<void> {
    const log = (message: string): void => this.#log.warn(message);
    const status = await serve(
      join(this.#config.stateDir, STATUS_SOCKET),
      ({ fib }) => buildStatus(node, fib),
      { log, answer: (question) => node.answer(question) },
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
        mode: this.#kind.mode,
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

  #makeStdio(node: Node): Stdio {
    const { l2HeaderMode, mac } = this.#config.interface;
    return new Stdio({
      mode: l2HeaderMode,
      mac,
      onFrame: (bytes) => node.core.plane.post({ type: "frame", bytes }),
      onEnd: () => this.#finish(),
    });
  }

  #reload(node: Node): void {
    // hrtime is CLOCK_MONOTONIC.
    this.#notifier.reloading(process.hrtime.bigint() / 1000n);
    try {
      const changes = this.#kind.reload(node, this.#log);
      if (changes === undefined) return;
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
