/**
 * Keys of nodes that the own file does not list, in static mode. DESIGN §6. EtherGuard's files name neighbours
 * only, yet records are sealed end to end, so the keys of nodes further away are asked for along the route.
 *
 * Where a key comes from, in order of trust:
 *
 * - `file`: the operator wrote it; nothing overrides it;
 * - `pinned`: learned, and a session with its holder came about; a different one is refused from then on;
 * - `vouched`: a node on the route says so. It could lie, which is why `status` names it and the manual says that
 *   relays are blind only for keys from the file.
 *
 * Pure: what must be asked or answered is returned, pins are exported as data for the state directory.
 */
import { MAX_NODE_ID } from "../wire/node-id.ts";

export type KeySource = "file" | "pinned" | "vouched";

export interface KnownKey {
  readonly publicKey: Uint8Array;
  readonly source: KeySource;
  /** NodeID that vouched for it; undefined for keys from the file. */
  readonly via: number | undefined;
}

/** Outcome of {@link KeyDirectory.accept}. All but "new" and "same" leave the directory as it was. */
export type AcceptResult =
  | "new"
  | "same"
  /** The file has another key. */
  | "refused-file"
  /** Another key is pinned: log it, somebody lies or was replaced. */
  | "refused-pin"
  /** Nobody asked that node, or not for this. */
  | "refused-unasked"
  /** Own NodeID, all-zero key, a key that another node has, more hops than allowed, or learning is switched off. */
  | "refused-invalid";

/** A who-is to send. */
export interface KeyQuestion {
  nodeId: number;
  /** Session peer to ask: the own next hop towards nodeId. */
  askNode: number;
  hopsLeft: number;
}

export type WhoIsAnswer =
  | { type: "key"; publicKey: Uint8Array; source: KeySource; hops: number }
  /** The question was passed on, or waits to be: {@link KeyDirectory.due}. The asker gets its answer later. */
  | { type: "asking" }
  | { type: "ignore" };

/** One pin, as stored. */
export interface StoredPin {
  publicKey: string;
  via: number;
}
export type StoredPins = Record<string, StoredPin>;

export interface KeyDirectoryOptions {
  localNodeId: number;
  fileKeys: ReadonlyMap<number, Uint8Array>;
  /** `learnKeys: false`: the file is all there is; questions are answered from it alone. */
  learnKeys: boolean;
  pins?: unknown;
  /** Bounds: keys learned, questions open, askers waiting for one answer, hops a question may travel. */
  maxLearned?: number;
  maxPending?: number;
  maxAskers?: number;
  maxHops?: number;
}

interface Learned {
  publicKey: Uint8Array;
  via: number;
  hops: number;
  pinned: boolean;
}

interface Pending {
  askNode: number;
  hopsLeft: number;
  retryUs: number;
  gapUs: number;
  giveUpUs: number;
  askers: Set<number>;
}

const KEY_BYTES = 32;
const FIRST_GAP_US = 250_000;
const MAX_GAP_US = 5_000_000;
/** A question nobody renews is given up after this. */
const PENDING_LIFETIME_US = 30_000_000;

export class KeyDirectory {
  readonly #options: Readonly<KeyDirectoryOptions>;
  readonly #maxLearned: number;
  readonly #maxPending: number;
  readonly #maxAskers: number;
  readonly #maxHops: number;
  readonly #learned: Map<number, Learned> = new Map();
  readonly #pending: Map<number, Pending> = new Map();

  constructor(options: KeyDirectoryOptions) {
    this.#options = options;
    this.#maxLearned = options.maxLearned ?? 1024;
    this.#maxPending = options.maxPending ?? 256;
    this.#maxAskers = options.maxAskers ?? 16;
    this.#maxHops = options.maxHops ?? 8;
    if (options.learnKeys) this.#loadPins(options.pins);
  }

  /** The key to use for a node, from the most trusted source that has one. */
  keyOf(nodeId: number): KnownKey | undefined {
    const inFile = this.#options.fileKeys.get(nodeId);
    if (inFile) return { publicKey: inFile, source: "file", via: undefined };
    const learned = this.#learned.get(nodeId);
    if (!learned) return undefined;
    return { publicKey: learned.publicKey, source: learned.pinned ? "pinned" : "vouched", via: learned.via };
  }

  /**
   * The key of a node is needed here. Nothing happens when it is known, or already being asked for.
   * @param nextHop the own next hop towards it; undefined when it is not in the own table
   */
  want(nowUs: number, nodeId: number, nextHop: number | undefined): void {
    this.#ask(nowUs, nodeId, nextHop, this.#maxHops);
  }

  /**
   * A session peer asks who a node is. Answered from the file or what was learned, else by asking the own next hop.
   * @param nextHop the own next hop towards the node; undefined when it is not in the own table: no answer
   */
  whoIs(
    nowUs: number,
    asker: number,
    nodeId: number,
    hopsLeft: number,
    nextHop: number | undefined,
  ): WhoIsAnswer {
    if (nextHop === undefined || nodeId === this.#options.localNodeId || nodeId === asker) {
      return { type: "ignore" };
    }
    const known = this.keyOf(nodeId);
    if (known) {
      const hops = this.#learned.get(nodeId)?.hops ?? 0;
      return {
        type: "key",
        publicKey: known.publicKey,
        source: known.source,
        hops: known.source === "file" ? 0 : hops,
      };
    }
    // Asking back the node that asks would let two tables that point at each other talk for ever.
    if (hopsLeft <= 1 || nextHop === asker) return { type: "ignore" };
    const pending = this.#ask(nowUs, nodeId, nextHop, Math.min(hopsLeft - 1, this.#maxHops));
    if (!pending || pending.askers.size >= this.#maxAskers) return { type: "ignore" };
    pending.askers.add(asker);
    return { type: "asking" };
  }

  /**
   * A session peer says what key a node has.
   * @param hops how many nodes passed the answer on before `fromNode` sent it
   */
  accept(nodeId: number, publicKey: Uint8Array, hops: number, fromNode: number): AcceptResult {
    const inFile = this.#options.fileKeys.get(nodeId);
    if (inFile) return equalBytes(inFile, publicKey) ? "same" : "refused-file";
    if (!this.#options.learnKeys || nodeId === this.#options.localNodeId || hops >= this.#maxHops) {
      return "refused-invalid";
    }
    if (publicKey.length !== KEY_BYTES || publicKey.every((byte) => byte === 0)) return "refused-invalid";
    if (this.#belongsToAnother(nodeId, publicKey)) return "refused-invalid";
    const known = this.#learned.get(nodeId);
    if (known && equalBytes(known.publicKey, publicKey)) return "same";
    if (known?.pinned) return "refused-pin";
    if (this.#pending.get(nodeId)?.askNode !== fromNode) return "refused-unasked";
    if (!known && !this.#makeRoom()) return "refused-invalid";
    this.#learned.set(nodeId, { publicKey: publicKey.slice(), via: fromNode, hops: hops + 1, pinned: false });
    return "new";
  }

  /** Close the question about a node after its answer was accepted; returns the nodes that wait for it. */
  takeAskers(nodeId: number): number[] {
    const askers = [...(this.#pending.get(nodeId)?.askers ?? [])];
    this.#pending.delete(nodeId);
    return askers;
  }

  /** A session with the holder of this key came about: pin it. True when the pins changed and should be stored. */
  confirm(nodeId: number, publicKey: Uint8Array): boolean {
    const learned = this.#learned.get(nodeId);
    if (!learned || learned.pinned || !equalBytes(learned.publicKey, publicKey)) return false;
    learned.pinned = true;
    return true;
  }

  /** Forget what was learned of a node, a pin too (operator's wish). */
  forget(nodeId: number): boolean {
    return this.#learned.delete(nodeId);
  }

  /** The questions to send now; each is repeated after 250 ms, doubling up to 5 s, and given up after 30 s. */
  due(nowUs: number): KeyQuestion[] {
    const questions: KeyQuestion[] = [];
    for (const [nodeId, pending] of this.#pending) {
      if (nowUs >= pending.giveUpUs) {
        this.#pending.delete(nodeId);
      } else if (nowUs >= pending.retryUs) {
        questions.push({ nodeId, askNode: pending.askNode, hopsLeft: pending.hopsLeft });
        pending.retryUs = nowUs + pending.gapUs;
        pending.gapUs = Math.min(2 * pending.gapUs, MAX_GAP_US);
      }
    }
    return questions;
  }

  /** When {@link due} has something to do, µs. */
  nextDeadline(): number {
    let next = Infinity;
    for (const pending of this.#pending.values()) next = Math.min(next, pending.retryUs, pending.giveUpUs);
    return next;
  }

  /** The pins as plain data (JSON) for the state directory. */
  exportPins(): StoredPins {
    const pins: StoredPins = {};
    for (const [nodeId, learned] of this.#learned) {
      if (learned.pinned) pins[String(nodeId)] = { publicKey: toHex(learned.publicKey), via: learned.via };
    }
    return pins;
  }

  #ask(nowUs: number, nodeId: number, nextHop: number | undefined, hopsLeft: number): Pending | undefined {
    if (!this.#options.learnKeys || nextHop === undefined || nodeId === this.#options.localNodeId)
      return undefined;
    // The next hop itself cannot be asked about itself: without its key there is no session with it.
    if (this.keyOf(nodeId) || nextHop === nodeId) return undefined;
    const open = this.#pending.get(nodeId);
    if (open) {
      open.giveUpUs = nowUs + PENDING_LIFETIME_US;
      if (open.askNode !== nextHop) [open.askNode, open.retryUs, open.gapUs] = [nextHop, nowUs, FIRST_GAP_US];
      open.hopsLeft = Math.max(open.hopsLeft, hopsLeft);
      return open;
    }
    if (this.#pending.size >= this.#maxPending) return undefined;
    const pending: Pending = {
      askNode: nextHop,
      hopsLeft,
      retryUs: nowUs,
      gapUs: FIRST_GAP_US,
      giveUpUs: nowUs + PENDING_LIFETIME_US,
      askers: new Set(),
    };
    this.#pending.set(nodeId, pending);
    return pending;
  }

  /** One key, one NodeID: else a node could be mistaken for another, or lose its place to it. */
  #belongsToAnother(nodeId: number, publicKey: Uint8Array): boolean {
    for (const [other, key] of this.#options.fileKeys) {
      if (other !== nodeId && equalBytes(key, publicKey)) return true;
    }
    for (const [other, learned] of this.#learned) {
      if (other !== nodeId && equalBytes(learned.publicKey, publicKey)) return true;
    }
    return false;
  }

  /** Room for one more learned key: the oldest that was only vouched for goes. */
  #makeRoom(): boolean {
    if (this.#learned.size < this.#maxLearned) return true;
    for (const [nodeId, learned] of this.#learned) {
      if (!learned.pinned) return this.#learned.delete(nodeId);
    }
    return false;
  }

  /** Stored data may have been edited or damaged: what does not fit is left out. */
  #loadPins(stored: unknown): void {
    if (typeof stored !== "object" || stored === null) return;
    for (const [name, pin] of Object.entries(stored as Record<string, unknown>)) {
      if (!/^(?:0|[1-9][0-9]{0,4})$/.test(name) || typeof pin !== "object" || pin === null) continue;
      const { publicKey, via } = pin as Partial<Record<keyof StoredPin, unknown>>;
      const key = typeof publicKey === "string" ? fromHex(publicKey) : undefined;
      if (
        !key ||
        typeof via !== "number" ||
        Number(name) > MAX_NODE_ID ||
        this.#learned.size >= this.#maxLearned
      )
        continue;
      this.#learned.set(Number(name), { publicKey: key, via, hops: 1, pinned: true });
    }
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{64}$/i.test(text)) return undefined;
  return Uint8Array.from({ length: KEY_BYTES }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
