/**
 * Keypairs as the data plane holds them: which slot of the engine belongs to which receiver index and node, which one
 * seals, and what has been confirmed. Keys come from the main thread; counters exist in the engine alone.
 */
import type { Links } from "./links.ts";
import { NO_NODE } from "./members.ts";
import type { ActivityReport, FromWorker, PeerReport, ToWorker } from "./messages.ts";
import type { PlaneState } from "./state.ts";
import { chooseWay, WAY_NODE } from "./ways.ts";

/** An answer that takes longer than this may not come. */
const OVERDUE_MS = 200;

interface Installed {
  nodeId: number;
  slot: number;
}

interface Totals {
  txRecords: number;
  rxRecords: number;
  txBytes: number;
  rxBytes: number;
}

export class Sessions {
  readonly #state: PlaneState;
  readonly #links: Links;
  readonly #release: (node: number) => void;
  readonly #post: (message: FromWorker) => void;
  readonly #byIndex: Map<number, Installed> = new Map();
  readonly #indexOfSlot: Map<number, number> = new Map();
  /** Receiver index of the keypair that seals, per node. */
  readonly #current: Map<number, number> = new Map();
  /** What keypairs that are gone have carried. */
  readonly #past: Map<number, Totals> = new Map();
  readonly #stats: Float64Array = new Float64Array(4);

  constructor(
    state: PlaneState,
    links: Links,
    release: (node: number) => void,
    post: (message: FromWorker) => void,
  ) {
    this.#state = state;
    this.#links = links;
    this.#release = release;
    this.#post = post;
  }

  install(message: Extract<ToWorker, { type: "install" }>): void {
    const { engine, members, slotNode, slotConfirmed } = this.#state;
    const { nodeId, localIndex, remoteIndex, aead, sendKey, receiveKey } = message;
    const link = members.link[nodeId] ?? -1;
    const slot = engine.addKeypair(localIndex, remoteIndex, nodeId, link, aead, sendKey, receiveKey);
    slotNode[slot] = nodeId;
    slotConfirmed[slot] = 0;
    this.#byIndex.set(localIndex, { nodeId, slot });
    this.#indexOfSlot.set(slot, localIndex);
  }

  use(localIndex: number): void {
    const installed = this.#byIndex.get(localIndex);
    if (installed === undefined) return;
    const { nodeId, slot } = installed;
    this.#state.members.sendSlot[nodeId] = slot;
    this.#state.activity.unanswered[nodeId] = 0;
    this.#current.set(nodeId, localIndex);
    this.#links.sessionUp(nodeId);
    this.releaseWaiting();
  }

  /** A neighbour can be sent to: what waited may have a way, over it or to it. */
  releaseWaiting(): void {
    for (const waiting of [...this.#state.waiting.nodes]) this.#release(waiting);
  }

  remove(localIndex: number): void {
    const installed = this.#byIndex.get(localIndex);
    if (installed === undefined) return;
    const { nodeId, slot } = installed;
    this.#keepTotals(nodeId, slot);
    this.#byIndex.delete(localIndex);
    this.#indexOfSlot.delete(slot);
    this.#state.engine.removeKeypair(slot);
    if (this.#current.get(nodeId) === localIndex) {
      this.#current.delete(nodeId);
      this.#state.members.sendSlot[nodeId] = -1;
      this.#links.sessionDown(nodeId);
    }
  }

  removeNode(nodeId: number): void {
    for (const [index, installed] of [...this.#byIndex]) if (installed.nodeId === nodeId) this.remove(index);
    this.#past.delete(nodeId);
  }

  /** The first authentic record arrived on a keypair. */
  confirmed(slot: number): void {
    this.#state.slotConfirmed[slot] = 1;
    const localIndex = this.#indexOfSlot.get(slot);
    if (localIndex !== undefined) this.#post({ type: "confirmed", localIndex });
  }

  nodeOf(localIndex: number): number | undefined {
    return this.#byIndex.get(localIndex)?.nodeId;
  }

  /** Nodes with a keypair to seal with. */
  nodes(): IterableIterator<number> {
    return this.#current.keys();
  }

  /** @param all those too that nothing is overdue from */
  activity(all: boolean): ActivityReport[] {
    const { activity, engine, nowMs } = this.#state;
    const reports: ActivityReport[] = [];
    for (const [nodeId, localIndex] of this.#current) {
      const installed = this.#byIndex.get(localIndex);
      if (installed === undefined) continue;
      const since = activity.unanswered[nodeId] ?? 0;
      if (!all && (since === 0 || nowMs - since < OVERDUE_MS)) continue;
      engine.keypairStats(installed.slot, this.#stats);
      reports.push({
        nodeId,
        lastHeard: activity.heard[nodeId] ?? 0,
        unansweredSince: since,
        lastFrame: activity.framed[nodeId] ?? 0,
        sentRecords: this.#stats[0] ?? 0,
        localIndex,
      });
    }
    return reports;
  }

  report(): PeerReport[] {
    const totals = new Map<number, Totals>();
    for (const [nodeId, past] of this.#past) totals.set(nodeId, { ...past });
    for (const { nodeId, slot } of this.#byIndex.values()) this.#addTotals(totals, nodeId, slot);
    const reports: PeerReport[] = [];
    for (const [nodeId, total] of totals) {
      const { members } = this.#state;
      const way = chooseWay(members, nodeId, NO_NODE, NO_NODE);
      const maxFrame = members.maxFrame(nodeId, way === NO_NODE ? nodeId : way & WAY_NODE);
      reports.push({ nodeId, localIndex: this.#current.get(nodeId) ?? null, ...total, maxFrame });
    }
    return reports;
  }

  #keepTotals(nodeId: number, slot: number): void {
    this.#addTotals(this.#past, nodeId, slot);
  }

  #addTotals(into: Map<number, Totals>, nodeId: number, slot: number): void {
    const total = into.get(nodeId) ?? { txRecords: 0, rxRecords: 0, txBytes: 0, rxBytes: 0 };
    if (this.#state.engine.keypairStats(slot, this.#stats)) {
      total.txRecords += this.#stats[0] ?? 0;
      total.rxRecords += this.#stats[1] ?? 0;
      total.txBytes += this.#stats[2] ?? 0;
      total.rxBytes += this.#stats[3] ?? 0;
    }
    into.set(nodeId, total);
  }
}
