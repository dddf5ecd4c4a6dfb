/** Checks of a report that came from outside: shape and bounds. Total: never throws. DESIGN §9. */
import { MAX_NODE_ID } from "../wire/node-id.ts";
import type { LinkAdvert, LinkReport } from "./types.ts";

/** ± 35 years: more than any uptime, and sums of such numbers are still exact in Float64. */
export const MAX_ONE_WAY_US: number = 2 ** 50;
/** An hour. */
export const MAX_SPAN_US: number = 2 ** 32;
const MAX_U32 = 2 ** 32 - 1;
/** Of a link's MTU, bytes of UDP payload: less does not even carry a record in transit. */
const LEAST_PAYLOAD = 128;

export type SchemaFault = "malformed" | "bad-number" | "own-id" | "not-receiver" | "wrong-epoch";

/** A report's head; the links are still to be checked one by one. */
export type ReportHead = Omit<LinkReport, "links"> & { links: readonly unknown[] };

/** The head of a report, or what is wrong with it. */
export function parseReport(report: unknown): ReportHead | SchemaFault {
  if (!isRecord(report)) return "malformed";
  const { incarnation, counter, epoch, full, links, gone, dead, forwardUs, additionalCostUs } = report;
  if (!Array.isArray(links) || !Array.isArray(gone) || !Array.isArray(dead)) return "malformed";
  if (full !== undefined && typeof full !== "boolean") return "malformed";
  if (!isInteger(incarnation, 0, Number.MAX_SAFE_INTEGER)) return "bad-number";
  if (!isInteger(counter, 0, Number.MAX_SAFE_INTEGER)) return "bad-number";
  if (!isInteger(epoch, 0, MAX_U32)) return "bad-number";
  if (!gone.every(isNodeId) || !dead.every(isNodeId)) return "bad-number";
  if (forwardUs !== undefined && !isInteger(forwardUs, 0, MAX_SPAN_US)) return "bad-number";
  if (additionalCostUs !== undefined && !isInteger(additionalCostUs, 0, MAX_SPAN_US)) return "bad-number";
  return {
    incarnation,
    counter,
    epoch,
    full: full === true,
    links: links as unknown[],
    gone,
    dead,
    ...(forwardUs !== undefined && { forwardUs }),
    ...(additionalCostUs !== undefined && { additionalCostUs }),
  };
}

/** One link of a report of `reporter`, whose own epoch is `epoch`; or what is wrong with it. */
export function parseAdvert(link: unknown, reporter: number, epoch: number): LinkAdvert | SchemaFault {
  if (!isRecord(link)) return "malformed";
  const { from, costUs, owdUs, jitterUs, loss, rttMinUs, mtu, localEpoch, remoteEpoch } = link;
  if (!isNodeId(from)) return "bad-number";
  if (from === reporter) return "own-id";
  // A link is told by its receiver alone.
  if (link["to"] !== undefined && link["to"] !== reporter) return "not-receiver";
  if (costUs !== null && !isInteger(costUs, -MAX_ONE_WAY_US, MAX_ONE_WAY_US)) return "bad-number";
  if (!isInteger(owdUs, -MAX_ONE_WAY_US, MAX_ONE_WAY_US)) return "bad-number";
  if (!isInteger(jitterUs, 0, MAX_SPAN_US)) return "bad-number";
  if (typeof loss !== "number" || !(loss >= 0 && loss <= 1)) return "bad-number";
  if (rttMinUs !== null && !isInteger(rttMinUs, 0, MAX_SPAN_US)) return "bad-number";
  if (mtu !== 0 && !isInteger(mtu, LEAST_PAYLOAD, 65535)) return "bad-number";
  if (!isInteger(localEpoch, 0, MAX_U32) || !isInteger(remoteEpoch, 0, MAX_U32)) return "bad-number";
  if (localEpoch !== epoch) return "wrong-epoch";
  return { from, costUs, owdUs, jitterUs, loss, rttMinUs, mtu, localEpoch, remoteEpoch };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isNodeId(value: unknown): value is number {
  return isInteger(value, 0, MAX_NODE_ID);
}
