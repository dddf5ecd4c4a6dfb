/** What a link's snapshot means to the main thread: for `status` and for the reporter. */
import type { LinkSnapshot } from "../link/link-events.ts";
import type { LinkSample } from "../routing/reporter.ts";
import { IPV4_UDP, IPV6_UDP } from "../wire/sizes.ts";
import type { LinkReport } from "./messages.ts";

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
    rttMinUs: seen.rttMin ?? null,
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
