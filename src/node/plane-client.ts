/** The main thread's end of the data-plane worker: typed messages, answers by id, and a clear error when it cannot start. */
import { randomBytes } from "node:crypto";
import { Worker } from "node:worker_threads";
import { BACKLOG_BYTES, BACKLOG_FRAMES, BACKLOG_HANDSHAKES } from "../dataplane/messages.ts";
import type { FromWorker, ToWorker, WorkerSetup, WorkerStatus } from "../dataplane/messages.ts";
import {
  EtherloomError,
  interfaceInvalid,
  interfaceTaken,
  listenInUse,
  noPermission,
  noTun,
} from "../errors.ts";
import { addonPath, workerUrl } from "./paths.ts";

type Ready = Extract<FromWorker, { type: "ready" }>;
type Failed = Extract<FromWorker, { type: "failed" }>;
type Answer = Extract<FromWorker, { type: "answer" }>;
type Reply = Answer | Extract<FromWorker, { type: "status" }>;
interface Waiting {
  resolve: (message: Reply) => void;
  reject: (error: EtherloomError) => void;
}
/** A request without its id, which the client gives it. */
type Unnumbered<T> = T extends { id: number } ? Omit<T, "id"> : never;

const EPERM = 1;
const EBUSY = 16;
const EADDRINUSE = 98;
const ANSWER_TIMEOUT_MS = 5000;
/** The data plane allocates next to nothing, so its garbage may be collected in small portions. */
const YOUNG_GENERATION_MB = 4;

export class PlaneClient {
  readonly #worker: Worker;
  readonly #backlog: Int32Array;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #ready: Promise<Ready>;
  #nextId = 1;
  #closed: () => void = () => undefined;
  #closing = false;
  /** The worker has ended, asked or not. */
  #gone = false;

  /** `onMessage` gets what is no answer; `onExit` a death that nobody asked for. */
  constructor(
    setup: Omit<WorkerSetup, "backlog" | "epoch">,
    onMessage: (message: FromWorker) => void,
    onExit: (error: EtherloomError) => void,
  ) {
    const backlog = new SharedArrayBuffer(BACKLOG_BYTES);
    this.#backlog = new Int32Array(backlog);
    const full: WorkerSetup = {
      ...setup,
      backlog,
      epoch: randomBytes(4).readUInt32BE(),
    };
    this.#worker = new Worker(workerUrl, {
      workerData: { addonPath: addonPath(), setup: full },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromWorker) => {
        if (message.type === "ready") resolve(message);
        else if (message.type === "failed") reject(startError(message, full));
        else this.#receive(message, onMessage);
      });
      this.#worker.once("error", (error) => {
        const failure = new EtherloomError("EL_WORKER", `the data plane failed: ${error.message}`, {
          cause: error,
        });
        reject(failure);
        if (!this.#closing) onExit(failure);
      });
      this.#worker.once("exit", (code) => {
        this.#onGone();
        if (!this.#closing && code !== 0)
          onExit(new EtherloomError("EL_WORKER", `the data plane stopped (${code})`));
      });
    });
  }

  /** @throws EtherloomError that names what could not be opened */
  ready(): Promise<Ready> {
    return this.#ready;
  }

  post(message: ToWorker): void {
    if (!this.#closing) this.#worker.postMessage(message);
  }

  /** errno, 0 = done. */
  async ask(
    request: Unnumbered<Extract<ToWorker, { type: "rebind" | "mark" | "goodbye" }>>,
  ): Promise<Answer> {
    return (await this.#request(request)) as Answer;
  }

  async status(fib: boolean): Promise<WorkerStatus> {
    const answer = await this.#request({ type: "status", fib });
    return (answer as Extract<FromWorker, { type: "status" }>).status;
  }

  async close(): Promise<void> {
    if (this.#closing || this.#gone) return;
    const gone = new Promise<void>((resolve) => (this.#closed = resolve));
    this.#worker.postMessage({ type: "close" } satisfies ToWorker);
    this.#closing = true;
    const timer = setTimeout(() => void this.#worker.terminate(), ANSWER_TIMEOUT_MS);
    await gone;
    clearTimeout(timer);
  }

  #onGone(): void {
    this.#gone = true;
    this.#closed();
    for (const { reject } of this.#waiting.values()) reject(notAnswering());
    this.#waiting.clear();
  }

  #request(request: Unnumbered<ToWorker>): Promise<Reply> {
    if (this.#gone) return Promise.reject(notAnswering());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(notAnswering());
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, {
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.post({ ...request, id } as ToWorker);
    });
  }

  #receive(message: FromWorker, onMessage: (message: FromWorker) => void): void {
    if (message.type === "handshake") Atomics.sub(this.#backlog, BACKLOG_HANDSHAKES, 1);
    else if (message.type === "frame") Atomics.sub(this.#backlog, BACKLOG_FRAMES, 1);
    if (message.type === "answer" || message.type === "status") {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      waiting?.resolve(message);
      return;
    }
    onMessage(message);
  }
}

function notAnswering(): EtherloomError {
  return new EtherloomError("EL_WORKER", "the data plane does not answer");
}

function startError(failed: Failed, setup: WorkerSetup): EtherloomError {
  const { step, errno, message } = failed;
  const { name } = setup.port;
  if (step === "open /dev/net/tun")
    return errno === EPERM || errno === 13 ? noPermission(step) : noTun(message);
  if (step === "create TAP") {
    if (errno === EPERM) return noPermission(`create interface ${name}`);
    if (errno === EBUSY) return interfaceTaken(name);
  }
  if (step.startsWith("bind")) {
    const family = step.includes("IPv6") ? "[::]" : "0.0.0.0";
    if (errno === EADDRINUSE) return listenInUse("UDP", `${family}:${setup.udp.port}`);
    return new EtherloomError("EL_LISTEN", message);
  }
  if (step.startsWith("open UDP")) return new EtherloomError("EL_LISTEN", message);
  if (step === "set fwmark") return noPermission("set fwMark");
  if (errno === EPERM) return noPermission(step);
  if (errno === 0) return new EtherloomError("EL_WORKER", `the data plane cannot start: ${message}`);
  return interfaceInvalid(name, message);
}
