/** What a link's snapshot means to the main thread: for `status` and for the reporter. */
import type { LinkSnapshot } from "../link/link-events.ts";
import type { LinkSample } from "../routing/reporter.ts";
import { IPV4_UDP, IPV6_UDP } from "../wire/sizes.ts";
import type { LinkReport } from "./messages.ts";

/** So much of a round trip may be a busy machine's; more of it would hide too much of a lie, µs. */
const UNSURE_US = 5000;

/**
 * The round trip that the delays of both directions are held against (DESIGN §7, "Honesty"). Questions wait in a busy node
 * until it runs, and the least of a few still has some of that: less by how far they lie apart.
 */
function sureRoundTrip({ rtt, rttMin }: LinkSnapshot): number | null {
  if (rttMin === undefined) return null;
  return Math.max(0, rttMin - Math.min(UNSURE_US, Math.max(0, (rtt ?? rttMin) - rttMin)));
}

/** @param packetMtu largest IP packet that passes to the endpoint; 0 = not known */
export function linkSample(seen: LinkSnapshot, packetMtu: number, ipv6: boolean): LinkSample {
  return {
    from: seen.remoteNodeId,
    up: seen.receiving && seen.owdIn !== undefined,
    sendDead: seen.sendDead,
    owdUs: seen.owdIn ?? 0,
    owdBaseUs: seen.owdInBase ?? 0,
    jitterUs: seen.jitter,
    loss: seen.lossIn,
    lossOf: seen.lossInOf,
    rttMinUs: sureRoundTrip(seen),
    mtu: packetMtu === 0 ? 0 : packetMtu - (ipv6 ? IPV6_UDP : IPV4_UDP),
    localEpoch: seen.localEpoch,
    remoteEpoch: seen.remoteEpoch,
  };
}

export function linkReport(seen: LinkSnapshot, endpoint: Uint8Array | null, packetMtu: number): LinkReport {
  return {
    nodeId: seen.remoteNodeId,
    state: seen.lastHeardUs === undefined && seen.state === "down" ? "unknown" : seen.state,
    endpoint,
    candidates: seen.candidates.map(({ address, source, proven }) => ({ address, source, proven })),
    owdInUs: seen.owdIn ?? null,
    owdOutUs: seen.owdOut ?? null,
    rttUs: seen.rtt ?? null,
    rttMinUs: seen.rttMin ?? null,
    jitterUs: seen.rtt === undefined ? null : seen.jitter,
    lossIn: seen.lossIn ?? null,
    lossOut: seen.lossOut ?? null,
    mtu: packetMtu,
    sinceUs: seen.since,
    deaths: seen.deaths,
    localEpoch: seen.localEpoch,
    remoteEpoch: seen.remoteEpoch ?? null,
  };
}
