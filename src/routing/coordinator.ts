/**
 * The supernode's brain: reports in, rows out. DESIGN §8, §9.
 *
 *     members, presence, reports ─▶ graph ─ compute ─▶ rows, deltas ─▶ nodes
 *
 * Rows are a pure function of the members, what they advertised last, and the doubts about it; the order in which
 * that arrived does not matter, except where links contradict one another (contradictions.ts).
 */
import { listCandidates } from "./candidates.ts";
import type { Candidate } from "./candidates.ts";
import { CutOff } from "./cut-off.ts";
import { Graph } from "./graph.ts";
import { Honesty } from "./honesty.ts";
import { forgetDead, forgetReports, isHeard, newReporterState, takeReport } from "./intake.ts";
import type { ReporterState } from "./intake.ts";
import { ManualLatencies } from "./manual-latency.ts";
import type { ManualLatency } from "./manual-latency.ts";
import { faultsOf } from "./outcasts.ts";
import { Refusals } from "./refusals.ts";
import type { Accusation, Refusal, RefusedBy } from "./refusals.ts";
import { MAX_SPAN_US } from "./report-schema.ts";
import { RouteEngine } from "./route-engine.ts";
import type { NodePolicies } from "./route-engine.ts";
import { RowStore } from "./row-store.ts";
import { fillStaticRows } from "./static-rows.ts";
import type { StaticTable } from "./static-rows.ts";
import type { RelayPolicy, Row, RowDelta, Version } from "./types.ts";
import { Unconfirmed } from "./unconfirmed.ts";
import { viewLinks } from "./views.ts";
import type { LinkView, NodeView } from "./views.ts";

export type { Candidate } from "./candidates.ts";
export type { ManualLatency } from "./manual-latency.ts";
export type { Accusation, Refusal, RefusalReason, RefusedBy } from "./refusals.ts";
export type { StaticTable } from "./static-rows.ts";
export type { LinkView, NodeView } from "./views.ts";

const DEFAULT_RELAY_COST_US = 2000;

export interface CoordinatorOptions {
  /** max(wall-clock seconds, stored + 1) at start. */
  incarnation: number;
  /** What it costs to go through any node, µs; default 2000. */
  relayCostUs?: number;
  manualLatency?: readonly ManualLatency[];
  /** Given: next hops come from here and nothing is computed. */
  staticTable?: StaticTable;
}

export interface Member {
  nodeId: number;
  relay: RelayPolicy;
  /** What it costs to go through this node besides the relay cost, µs; null = what the edge itself reports. */
  additionalCostUs: number | null;
}

export interface ReportResult {
  accepted: boolean;
  refused: Refusal[];
}

/** A link that was cast out is under suspicion for one to two of these. */
const FORGIVE_US = 600_000_000;

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #graph = new Graph();
  readonly #honesty = new Honesty();
  readonly #unconfirmed = new Unconfirmed();
  readonly #refusals = new Refusals();
  readonly #store: RowStore;
  readonly #engine: RouteEngine;
  readonly #reporters = new Map<number, ReporterState>();
  readonly #cutOff = new CutOff();
  #members: Member[] = [];
  /** Pairs of indices (i·n + j, i < j) whose links may have changed since the last computation. */
  readonly #pairs = new Set<number>();
  #rebuild = true;
  readonly #runs = { full: 0, incremental: 0, differences: 0 };
  #knownOutcasts = new Set<string>();
  #forgivenUs = 0;
  #accusations: Accusation[] = [];

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#store = new RowStore(options.incarnation);
    const manual = new ManualLatencies(options.manualLatency ?? []);
    const routes = options.staticTable ? undefined : this.#store;
    this.#engine = new RouteEngine(this.#graph, this.#honesty, manual, routes);
  }

  /** The whole list; links and rows of members that vanished go. */
  setMembers(members: readonly Member[]): void {
    const sorted = [...members].sort((one, other) => one.nodeId - other.nodeId);
    const ids = sorted.map(({ nodeId }) => nodeId);
    this.#members = sorted;
    this.#rebuild = true;
    if (ids.join() === this.#graph.ids.join()) return;
    this.#graph.setMembers(ids);
    this.#store.setMembers(this.#graph.ids);
    this.#pairs.clear();
    const isMember = (nodeId: number): boolean => this.#graph.indexOf(nodeId) !== undefined;
    for (const nodeId of this.#reporters.keys()) if (!isMember(nodeId)) this.#reporters.delete(nodeId);
    for (const nodeId of ids) {
      if (!this.#reporters.has(nodeId)) this.#reporters.set(nodeId, newReporterState());
    }
    this.#cutOff.retain(isMember);
    this.#honesty.retain(isMember);
    this.#refusals.retain(isMember);
  }

  /**
   * The control connection of a node opened or closed; this alone removes no link.
   * @param incarnation of the process that is connected: its first report replaces another's, even a newer one's
   */
  setPresence(nowUs: number, nodeId: number, present: boolean, incarnation?: number): void {
    const state = this.#reporters.get(nodeId);
    if (!state) return;
    if (!present) this.#cutOff.went(nowUs, nodeId);
    else if (this.#cutOff.came(nowUs, nodeId))
      for (const other of this.#reporters.values()) other.heardUs = nowUs;
    state.present = present;
    state.heardUs = nowUs;
    if (incarnation !== undefined && incarnation !== state.incarnation)
      state.incarnation = state.counter = -1;
  }

  /** Total: whatever `report` is, it is either taken in or refused with stable reasons. */
  report(nowUs: number, from: number, report: unknown): ReportResult {
    const node = this.#graph.indexOf(from);
    const state = this.#reporters.get(from);
    if (node === undefined || !state) {
      const refusal: Refusal = { reason: "unknown-member" };
      this.#refusals.count(undefined, refusal);
      return { accepted: false, refused: [refusal] };
    }
    const { accepted, refused, touched, policyChanged } = takeReport(this.#graph, node, state, report);
    for (const refusal of refused) this.#refusals.count(from, refusal);
    if (!accepted) return { accepted, refused };
    state.heardUs = nowUs;
    if (policyChanged) this.#rebuild = true;
    for (const other of touched) this.#touch(node, other);
    // Delays are compared even where no cost moved.
    for (let other = 0; other < this.#graph.size; other++) {
      if (other !== node && this.#honesty.examine(this.#graph, nowUs, node, other)) this.#touch(node, other);
    }
    return { accepted, refused };
  }

  /**
   * Call once a second. Forgets the links reported by nodes that were neither present nor heard of for so long, unless
   * a node that is present receives from them: who has lost no more than its connection to here works on. As long as
   * it is this end that is cut off nothing is known to have ended.
   */
  expire(nowUs: number, timeoutUs: number): void {
    const isPresent = (nodeId: number): boolean => this.#reporters.get(nodeId)?.present ?? false;
    const canAnswer = (nodeId: number): boolean => {
      const state = this.#reporters.get(nodeId);
      return state !== undefined && (state.present || nowUs - state.heardUs < timeoutUs);
    };
    for (const { reporter, peer, faults } of this.#honesty.confirm(nowUs, canAnswer)) {
      for (const fault of faults) this.#accuse(fault);
      this.#touch(this.#graph.indexOf(reporter) ?? 0, this.#graph.indexOf(peer) ?? 0);
    }
    for (const [nodeId, state] of this.#cutOff.isNow ? [] : this.#reporters) {
      const node = this.#graph.indexOf(nodeId);
      if (node === undefined || state.present) continue;
      // Who hears it may be gone for a moment itself.
      if (isHeard(this.#graph, node, isPresent)) state.aliveUs = nowUs;
      if (nowUs - state.heardUs < timeoutUs) continue;
      // What it called dead may have come back since.
      const isAlive = nowUs - state.aliveUs < timeoutUs;
      const touched = isAlive ? forgetDead(this.#graph, node) : forgetReports(this.#graph, node);
      for (const other of touched) this.#touch(node, other);
    }
    if (nowUs - this.#forgivenUs >= FORGIVE_US) {
      this.#forgivenUs = nowUs;
      this.#graph.forgive();
    }
    for (const fault of this.#unconfirmed.check(this.#graph, nowUs, isPresent)) this.#accuse(fault);
  }

  /** What was found against members since the last call, besides what `report` refuses at once. */
  takeAccusations(): Accusation[] {
    const taken = this.#accusations;
    this.#accusations = [];
    return taken;
  }

  /** Recompute if anything changed. True if any row did. */
  compute(): boolean {
    if (this.#rebuild) this.#run(true);
    else if (this.#pairs.size > 0) this.#run(false);
    return this.#store.commit();
  }

  /** Recompute everything from scratch and compare (a shadow run, once a minute). False if there was a difference. */
  verify(): boolean {
    if (this.#rebuild || this.#pairs.size > 0) return true;
    this.#run(true);
    const differs = this.#store.commit();
    if (differs) this.#runs.differences++;
    return !differs;
  }

  #run(full: boolean): void {
    if (full) {
      this.#engine.rebuild(this.#policies());
      this.#runs.full++;
    } else {
      this.#engine.update(this.#pairs);
      this.#runs.incremental++;
    }
    if (this.#options.staticTable) fillStaticRows(this.#options.staticTable, this.#graph, this.#store);
    this.#rebuild = false;
    this.#pairs.clear();
    this.#countOutcasts();
  }

  /** Version of a node's row. */
  rowVersion(nodeId: number): Version {
    return this.#store.version(nodeId);
  }

  /** Empty for who is no member. */
  row(nodeId: number): Row {
    return this.#store.row(nodeId);
  }

  /** From `base` to now; the whole row where a delta is impossible or longer. */
  delta(nodeId: number, base: Version): RowDelta | Row {
    return this.#store.delta(nodeId, base);
  }

  /** Chosen and rejected paths, the chosen one first, then the cheapest; as of the last computation. */
  candidates(from: number, to: number): Candidate[] {
    const s = this.#graph.indexOf(from);
    const t = this.#graph.indexOf(to);
    if (s === undefined || t === undefined || s === t) return [];
    return listCandidates(this.#graph, this.#engine, this.#store, s, t);
  }

  /** All links that anything is known of, as of the last computation. */
  links(): LinkView[] {
    return viewLinks(this.#graph, this.#engine.state);
  }

  nodes(): NodeView[] {
    const policies = this.#policies();
    return this.#members.map(({ nodeId, relay }, i) => {
      const state = this.#reporters.get(nodeId);
      const epoch = this.#graph.epoch[i] ?? NaN;
      return {
        nodeId,
        relay,
        isRelay: (this.#engine.table.rowOf[i] ?? -1) >= 0,
        relayCostUs: policies.costUs[i] ?? 0,
        present: state?.present ?? false,
        hasReported: state?.hasReported ?? false,
        epoch: Number.isNaN(epoch) ? undefined : epoch,
      };
    });
  }

  /** Members from which no report came since this coordinator began. */
  silent(): number[] {
    return [...this.#reporters].filter(([, state]) => !state.hasReported).map(([nodeId]) => nodeId);
  }

  /** Reports and links refused, by reason. */
  refusals(): Record<string, number> {
    return this.#refusals.totals();
  }

  /** Computations: whole ones, incremental ones, and shadow runs that found another table. */
  runs(): { full: number; incremental: number; differences: number } {
    return { ...this.#runs };
  }

  refusedBy(): RefusedBy[] {
    return this.#refusals.list();
  }

  #touch(i: number, j: number): void {
    this.#pairs.add(Math.min(i, j) * this.#graph.size + Math.max(i, j));
  }

  #policies(): NodePolicies {
    const base = this.#options.relayCostUs ?? DEFAULT_RELAY_COST_US;
    return {
      relay: this.#members.map(({ relay }) => relay),
      costUs: this.#members.map(({ nodeId, additionalCostUs }, i) => {
        const own = additionalCostUs ?? this.#reporters.get(nodeId)?.additionalCostUs ?? 0;
        const forwardUs = this.#graph.forwardUs[i] ?? 0;
        return Math.min(MAX_SPAN_US, Math.max(0, Math.round(base + own + forwardUs)));
      }),
    };
  }

  /** Links that were cast out are counted once, not with every computation. */
  #countOutcasts(): void {
    const known = new Set<string>();
    for (const fault of faultsOf(this.#graph, this.#engine.outcasts)) {
      const key = `${fault.reason} ${fault.nodeId} ${fault.peer}`;
      if (!this.#knownOutcasts.has(key) && !known.has(key)) this.#accuse(fault);
      known.add(key);
    }
    this.#knownOutcasts = known;
  }

  #accuse(accusation: Accusation): void {
    this.#refusals.count(accusation.nodeId, accusation);
    this.#accusations.push(accusation);
  }
}
