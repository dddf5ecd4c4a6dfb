/**
 * Taking in what a node reports: who may say what, in which order. DESIGN §9.
 *
 * A link is told by its receiver; its sender may only add that it cannot use it. What one node says never touches a
 * link between two others.
 */
import type { Graph } from "./graph.ts";
import { LEAST_PAYLOAD } from "./payload.ts";
import { parseAdvert, parseReport } from "./report-schema.ts";
import type { ReportHead } from "./report-schema.ts";
import type { Refusal } from "./refusals.ts";

/**
 * Links of one report. Not the number of members: a report may be older than the newest list of them, and what it says of
 * others is refused link by link.
 */
const MAX_LINKS = 4096;

/** What is remembered of a member besides its links. */
export interface ReporterState {
  incarnation: number;
  counter: number;
  /** When it last reported or was present, µs. */
  heardUs: number;
  /** When somebody who is present last received from it while it was not, µs. */
  aliveUs: number;
  present: boolean;
  hasReported: boolean;
  additionalCostUs: number;
}

export function newReporterState(): ReporterState {
  return {
    incarnation: -1,
    counter: -1,
    heardUs: -Infinity,
    aliveUs: -Infinity,
    present: false,
    hasReported: false,
    additionalCostUs: 0,
  };
}

export interface Intake {
  accepted: boolean;
  /** Besides what does not count, links that are not for others. */
  refused: Refusal[];
  /** Index of the other end of each link that may change a route, or a doubt. */
  touched: Set<number>;
  /** The node itself costs something else now. */
  policyChanged: boolean;
}

/** Take in a report of the member with index `node`. Total: `report` may be anything. */
export function takeReport(graph: Graph, node: number, state: ReporterState, report: unknown): Intake {
  const intake: Intake = { accepted: false, refused: [], touched: new Set(), policyChanged: false };
  const head = parseReport(report);
  if (typeof head === "string") return refuse(intake, { reason: head });
  if (head.links.length > MAX_LINKS) {
    return refuse(intake, { reason: "too-many" });
  }
  const restarted = head.incarnation > state.incarnation;
  if (!restarted && (head.incarnation < state.incarnation || head.counter <= state.counter)) {
    return refuse(intake, { reason: "stale" });
  }
  intake.accepted = true;
  state.incarnation = head.incarnation;
  state.counter = head.counter;
  state.hasReported = true;
  noteCosts(graph, node, state, head, intake);
  if (!Object.is(graph.epoch[node], head.epoch)) {
    graph.epoch[node] = head.epoch;
    for (let other = 0; other < graph.size; other++) if (other !== node) intake.touched.add(other);
  }
  noteLinks(graph, node, head, restarted || head.full, intake);
  noteDead(graph, node, head.dead, intake);
  return intake;
}

/** Forget which links a node could not send on. Indices of the other ends. */
export function forgetDead(graph: Graph, node: number): number[] {
  const touched: number[] = [];
  for (let other = 0; other < graph.size; other++) {
    const out = node * graph.size + other;
    if (graph.dead[out] === 1) touched.push(other);
    graph.dead[out] = 0;
  }
  return touched;
}

/** Forget what a node said of its links. Indices of the other ends. */
export function forgetReports(graph: Graph, node: number): number[] {
  const touched = new Set(forgetDead(graph, node));
  for (let other = 0; other < graph.size; other++) if (graph.drop(other, node)) touched.add(other);
  return [...touched];
}

/**
 * Whether somebody receives what a node sends, in the clock epoch that it announced last.
 * @param isPresent whether the member (NodeID) is here to tell when it does not any more
 */
export function isHeard(graph: Graph, node: number, isPresent: (nodeId: number) => boolean): boolean {
  return graph.ids.some(
    (id, other) =>
      other !== node &&
      Number.isFinite(graph.cost[node * graph.size + other]) &&
      graph.epochsFit(node, other) &&
      isPresent(id),
  );
}

function refuse(intake: Intake, refusal: Refusal): Intake {
  intake.refused.push(refusal);
  return intake;
}

function noteCosts(graph: Graph, node: number, state: ReporterState, head: ReportHead, intake: Intake): void {
  const { forwardUs = 0, additionalCostUs = 0 } = head;
  intake.policyChanged = forwardUs !== graph.forwardUs[node] || additionalCostUs !== state.additionalCostUs;
  graph.forwardUs[node] = forwardUs;
  state.additionalCostUs = additionalCostUs;
}

function noteLinks(graph: Graph, node: number, head: ReportHead, full: boolean, intake: Intake): void {
  const named = new Set<number>();
  for (const link of head.links) {
    const advert = parseAdvert(link, graph.idOf(node), head.epoch);
    if (typeof advert === "string") {
      const peer = peerOf(link);
      intake.refused.push(peer === undefined ? { reason: advert } : { reason: advert, peer });
      // What was said of this link before stands: a refusal changes nothing.
      const known = peer === undefined ? undefined : graph.indexOf(peer);
      if (known !== undefined) named.add(known);
      continue;
    }
    const from = graph.indexOf(advert.from);
    if (from === undefined) intake.refused.push({ reason: "unknown-peer", peer: advert.from });
    else if (named.has(from)) intake.refused.push({ reason: "duplicate", peer: advert.from });
    else {
      named.add(from);
      const isNews = graph.mtu[from * graph.size + node] !== advert.mtu;
      if (graph.put(from, node, advert)) intake.touched.add(from);
      if (isNews && advert.mtu > 0 && advert.mtu < LEAST_PAYLOAD) {
        intake.refused.push({ reason: "narrow", peer: advert.from });
      }
    }
  }
  const gone = new Set(full ? graph.ids : head.gone);
  for (let from = 0; from < graph.size; from++) {
    const isGone = gone.has(graph.idOf(from)) && !named.has(from);
    if (isGone && graph.drop(from, node)) intake.touched.add(from);
  }
}

function noteDead(graph: Graph, node: number, dead: readonly number[], intake: Intake): void {
  const indices = new Set(dead.map((id) => graph.indexOf(id)));
  for (let to = 0; to < graph.size; to++) {
    const at = node * graph.size + to;
    const isDead = indices.has(to) && to !== node ? 1 : 0;
    if (graph.dead[at] === isDead) continue;
    graph.dead[at] = isDead;
    intake.touched.add(to);
  }
}

/** The peer that a refused link names, for the log, if it names one at all. */
function peerOf(link: unknown): number | undefined {
  const from = typeof link === "object" && link !== null ? (link as { from?: unknown }).from : undefined;
  return typeof from === "number" && Number.isInteger(from) && from >= 0 && from <= 65535 ? from : undefined;
}
