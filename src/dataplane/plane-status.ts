/** Everything the data plane can tell of itself. */
import type { Addon, UdpInfo } from "../native/addon.ts";
import type { Port } from "../port/port.ts";
import { formatMac } from "../wire/ethernet.ts";
import { PORT_STATS } from "./descriptors.ts";
import type { Links } from "./links.ts";
import { NO_NODE, PRIMARY_DOWN, type Members } from "./members.ts";
import type { PortReport, WayReport, WorkerStatus } from "./messages.ts";
import type { Paths } from "./paths.ts";
import type { PlaneClock } from "./plane-clock.ts";
import type { Sessions } from "./sessions.ts";
import type { PlaneState } from "./state.ts";
import type { Urgency } from "./urgency.ts";
import { chooseWay, WAY_DEAD, WAY_NODE } from "./ways.ts";

export interface PlaneParts {
  readonly addon: Addon;
  readonly state: PlaneState;
  readonly clock: PlaneClock;
  readonly port: Port;
  readonly udp: UdpInfo;
  readonly sessions: Sessions;
  readonly links: Links;
  readonly paths: Paths;
  readonly urgency: Urgency;
}

export function portReport({ port, state }: PlaneParts): PortReport {
  const { kind, name, mtu, mac, offloads } = port.description;
  const base = port.number * PORT_STATS;
  const stat = (index: number): number => (port.number < 0 ? 0 : (state.engine.portStats[base + index] ?? 0));
  const [framesIn, bytesIn, framesOut, bytesOut, drops] = [stat(0), stat(1), stat(2), stat(3), stat(4)];
  return { id: 0, type: kind, name, mtu, mac, framesIn, framesOut, bytesIn, bytesOut, drops, offloads };
}

export function planeStatus(parts: PlaneParts, withFib: boolean): WorkerStatus {
  const { addon, state, clock, udp, sessions, links, paths, urgency } = parts;
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
    drops: { ...dropped, ...drops.report(), dropPathProbe: paths.refused },
    floodCopies,
    udp: { ...udp, gso, gro, kernelDrops },
    ports: [portReport(parts)],
    peers: sessions.report(),
    links: links.report(),
    ways: wayReports(state.members),
    paths: paths.report(),
    clock: clock.report(),
    thread: { state: urgency.state, errno: urgency.errno, share: urgency.share },
    fib: { entries: fib.size, list },
    waiting: waiting.size,
    nowUs: nowMs * 1000,
  };
}

/** The ways to all destinations of the table, and to members that are reached without it. */
function wayReports(members: Members): WayReport[] {
  const reports: WayReport[] = [];
  for (let destination = 0; destination < NO_NODE; destination++) {
    const primary = members.nextHop[destination] ?? NO_NODE;
    if (primary === NO_NODE && (members.known[destination] === 0 || !members.directFallback)) continue;
    const way = chooseWay(members, destination, NO_NODE, NO_NODE);
    const next = way & WAY_NODE;
    const pathDown = ((members.pathDown[destination] ?? 0) & PRIMARY_DOWN) !== 0;
    reports.push({
      destination,
      nextHop: next === NO_NODE ? null : next,
      kind: wayKind(members, destination, way),
      pathDown,
    });
  }
  return reports;
}

function wayKind(members: Members, destination: number, way: number): WayReport["kind"] {
  const next = way & WAY_NODE;
  if (next === NO_NODE) return "none";
  if (next === members.nextHop[destination]) return (way & WAY_DEAD) !== 0 ? "dead" : "primary";
  return next === members.backup[destination] ? "backup" : "direct";
}
