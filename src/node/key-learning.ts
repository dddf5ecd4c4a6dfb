/**
 * Keys of nodes that the file does not list (DESIGN §6): asks along the route, answers those who ask, and keeps what
 * was confirmed by a session in `pins.json`. The rules are {@link KeyDirectory}'s.
 */
import { isLowOrder } from "../config/key-text.ts";
import { KeyDirectory, type KeySource } from "../link/key-directory.ts";
import { encodeControl, KEY_FROM_FILE, KEY_FROM_PIN, KEY_FROM_VOUCHER } from "../wire/control.ts";
import type { Logger } from "./log.ts";
import type { StateDir } from "./state-dir.ts";

const PINS = "pins.json";
const TICK_MS = 50;

const SOURCE_CODE: Record<KeySource, number> = {
  file: KEY_FROM_FILE,
  pinned: KEY_FROM_PIN,
  vouched: KEY_FROM_VOUCHER,
};

export interface KeyLearningOptions {
  readonly nodeId: number;
  readonly publicKey: Uint8Array;
  /** Of the file as it is now: a reload changes this map. */
  readonly fileKeys: ReadonlyMap<number, Uint8Array>;
  readonly learnKeys: boolean;
  readonly state: StateDir;
  readonly log: Logger;
  /** Mesh clock, ms. */
  readonly now: () => number;
  readonly nextHop: (nodeId: number) => number | undefined;
  readonly send: (nodeId: number, control: Uint8Array) => void;
  /** A key may be used from now on. */
  readonly onKey: (nodeId: number, publicKey: Uint8Array, via: number) => void;
}

export class KeyLearning {
  readonly #options: KeyLearningOptions;
  readonly #directory: KeyDirectory;
  readonly #refused: Set<string> = new Set();
  readonly #timer: NodeJS.Timeout;

  constructor(options: KeyLearningOptions) {
    this.#options = options;
    const { nodeId: localNodeId, fileKeys, learnKeys, state } = options;
    const stored = state.read(PINS);
    this.#directory = new KeyDirectory({ localNodeId, fileKeys, learnKeys, pins: parsePins(stored) });
    this.#timer = setInterval(() => this.#ask(), TICK_MS);
    this.#timer.unref();
  }

  /** The key is needed: asks for it, or hands it out if it is known. */
  want(nodeId: number): void {
    const known = this.#directory.keyOf(nodeId);
    if (known !== undefined && known.source !== "file") {
      this.#options.onKey(nodeId, known.publicKey, known.via ?? nodeId);
      return;
    }
    this.#directory.want(this.#nowUs(), nodeId, this.#options.nextHop(nodeId));
    this.#ask();
  }

  /** An initiation with a key that no peer has: its NodeID's key is asked for along the route. */
  stranger(nodeId: number, publicKey: Uint8Array): void {
    const known = this.#directory.keyOf(nodeId);
    if (known === undefined || known.source !== "file") this.want(nodeId);
    if (known === undefined || Buffer.compare(known.publicKey, publicKey) === 0) return;
    this.#warnOnce(nodeId, "handshake", "initiation with another key than the known one refused");
  }

  whoIs(asker: number, nodeId: number, hopsLeft: number): void {
    const answer = this.#directory.whoIs(
      this.#nowUs(),
      asker,
      nodeId,
      hopsLeft,
      this.#options.nextHop(nodeId),
    );
    if (answer.type === "key") this.#tell(asker, nodeId, answer.publicKey, answer.hops, answer.source);
    else this.#ask();
  }

  keyIs(from: number, nodeId: number, publicKey: Uint8Array, hops: number): void {
    // No session can be built on a low-order key, nor on the own one.
    if (isLowOrder(publicKey) || Buffer.compare(publicKey, this.#options.publicKey) === 0) {
      this.#warnOnce(nodeId, `from ${from}`, `key from node ${from} refused: not a usable key`);
      return;
    }
    const result = this.#directory.accept(nodeId, publicKey, hops, from);
    if (result === "refused-file" || result === "refused-pin") {
      const why = result === "refused-file" ? "the file has another key" : "another key is pinned";
      this.#warnOnce(nodeId, `from ${from}`, `key from node ${from} refused: ${why}`);
      return;
    }
    if (result !== "new" && result !== "same") return;
    for (const asker of this.#directory.takeAskers(nodeId)) {
      this.#tell(asker, nodeId, publicKey, hops + 1, "vouched");
    }
    if (result === "new") {
      this.#options.log.info({ node: nodeId }, `key learned, vouched by node ${from}`);
      this.#options.onKey(nodeId, publicKey, from);
    }
  }

  /** A session with the holder of a learned key came about. */
  established(nodeId: number, publicKey: Uint8Array): void {
    if (!this.#directory.confirm(nodeId, publicKey)) return;
    this.#options.state.write(PINS, `${JSON.stringify(this.#directory.exportPins(), null, 2)}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #ask(): void {
    if (this.#directory.nextDeadline() > this.#nowUs()) return;
    for (const { nodeId, askNode, hopsLeft } of this.#directory.due(this.#nowUs())) {
      this.#options.send(askNode, encodeControl({ type: "who-is", nodeId, hopsLeft }));
    }
  }

  #tell(asker: number, nodeId: number, publicKey: Uint8Array, hops: number, source: KeySource): void {
    const control = encodeControl({ type: "key-is", nodeId, publicKey, hops, source: SOURCE_CODE[source] });
    this.#options.send(asker, control);
  }

  #warnOnce(nodeId: number, kind: string, text: string): void {
    const name = `${nodeId} ${kind}`;
    if (this.#refused.has(name) || this.#refused.size > 1000) return;
    this.#refused.add(name);
    this.#options.log.warn({ node: nodeId }, text);
  }

  #nowUs(): number {
    return this.#options.now() * 1000;
  }
}

function parsePins(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "{}");
  } catch {
    return {};
  }
}
