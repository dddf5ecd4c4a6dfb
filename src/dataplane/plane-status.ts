/** Everything the data plane can tell of itself. */
import type { Addon, UdpInfo } from "../native/addon.ts";
import type { Port } from "../port/port.ts";
import { formatMac } from "../wire/ethernet.ts";
import { PORT_STATS } from "./descriptors.ts";
import type { Links } from "./links.ts";
import type { PortReport, WorkerStatus } from "./messages.ts";
import type { Sessions } from "./sessions.ts";
import type { PlaneState } from "./state.ts";

export interface PlaneParts {
  readonly addon: Addon;
  readonly state: PlaneState;
  readonly port: Port;
  readonly udp: UdpInfo;
  readonly mark: number;
  readonly sessions: Sessions;
  readonly links: Links;
}

export function portReport({ port, state }: PlaneParts): PortReport {
  const { kind, name, mtu, mac, offloads } = port.description;
  const base = port.number * PORT_STATS;
  const stat = (index: number): number => (port.number < 0 ? 0 : (state.engine.portStats[base + index] ?? 0));
  const [framesIn, bytesIn, framesOut, bytesOut, drops] = [stat(0), stat(1), stat(2), stat(3), stat(4)];
  return { id: 0, type: kind, name, mtu, mac, framesIn, framesOut, bytesIn, bytesOut, drops, offloads };
}

export function planeStatus(parts: PlaneParts, withFib: boolean): WorkerStatus {
  const { addon, state, udp, sessions, links } = parts;
  const { fib, drops, floodCopies, waiting, nowMs } = state;
  const counters: Record<string, number> = {};
  const dropped: Record<string, number> = {};
  addon.counterNames.forEach((name, index) => {
    const target = name.startsWith("drop") ? dropped : counters;
    target[name] = state.engine.counters[index] ?? 0;
  });
  const list: WorkerStatus["fib"]["list"] = [];
  if (withFib) {
    for (const entry of fib.entries()) {
      const mac = formatMac(entry.hi, entry.lo);
      list.push({ mac, vlan: entry.vlan, owner: entry.owner, ageMs: nowMs - entry.seenMs });
    }
  }
  const { gso, gro, kernelDrops } = state.engine.udpStats();
  return {
    counters,
    drops: { ...dropped, ...drops.report() },
    floodCopies,
    udp: { ...udp, gso, gro, kernelDrops },
    ports: [portReport(parts)],
    peers: sessions.report(),
    links: links.report(parts.mark),
    fib: { entries: fib.size, list },
    waiting: waiting.size,
    nowUs: nowMs * 1000,
  };
}
