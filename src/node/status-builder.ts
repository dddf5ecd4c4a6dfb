/** Everything a node can tell of itself, as one document (`etherloom status --json`). */
import { getSystemErrorName } from "node:util";
import {
  STATUS_VERSION,
  type LinkStatus,
  type PeerStatus,
  type RouteStatus,
  type StatusDocument,
  type ThreadStatus,
} from "../api/status-model.ts";
import type { LinkReport, PeerReport, WayReport, WorkerStatus } from "../dataplane/messages.ts";
import { formatMac } from "../wire/ethernet.ts";
import { endpointText, type Peer } from "./peer.ts";
import type { RunningNode } from "./running-node.ts";

const FIB_LIMIT = 16384;
const AEAD_NAMES: Record<number, string> = { 1: "aes-256-gcm", 2: "chacha20-poly1305" };

export async function buildStatus(node: RunningNode, withFib: boolean): Promise<StatusDocument> {
  const { core } = node;
  const plane = await core.plane.status(withFib);
  const { config } = core;
  const traffic = new Map(plane.peers.map((peer) => [peer.nodeId, peer]));
  const links = new Map(plane.links.map((link) => [link.nodeId, link]));
  const { interface: port } = config;
  const fib = {
    entries: plane.fib.entries,
    limit: FIB_LIMIT,
    ...(withFib && {
      list: plane.fib.list.map(({ mac, vlan, owner, ageMs }) => ({
        mac,
        vlan: Math.max(vlan, 0),
        owner: owner >= 0 ? `node ${owner}` : `port ${-1 - owner}`,
        ageSeconds: Math.round(ageMs / 1000),
      })),
    }),
  };
  const document: StatusDocument = {
    version: STATUS_VERSION,
    mode: node.mode,
    node: {
      nodeId: config.nodeId,
      name: config.nodeName,
      network: config.networkName,
      publicKey: Buffer.from(core.publicKey).toString("base64"),
      uptimeSeconds: Math.round(process.uptime()),
      pid: process.pid,
      listenPort: core.listenPort,
      addresses: [port.ipv4, port.ipv6, port.ipv6Ll].filter((address) => address !== null),
    },
    ports: plane.ports.map(({ mac, ...rest }) => ({ ...rest, mac: macText(mac) })),
    peers: [...core.peers].map((peer) =>
      peerStatus(peer, traffic.get(peer.nodeId), links.get(peer.nodeId), plane),
    ),
    routes: routeStatus(node, plane, traffic),
    fib,
    clock: plane.clock,
    thread: threadStatus(plane.thread),
    ...(core.wallClock.status.length > 0 && { ntp: core.wallClock.status }),
    counters: {
      ...plane.counters,
      framesToPorts: (plane.counters["framesToPorts"] ?? 0) - core.refusedFrames,
      floodCopies: plane.floodCopies,
      waitingFrames: plane.waiting,
    },
    drops: {
      ...plane.drops,
      dropPortFull: (plane.drops["dropPortFull"] ?? 0) + core.refusedFrames,
      ...core.sessions.drops(),
    },
    udp: {
      ipv4: plane.udp.ipv4,
      ipv6: plane.udp.ipv6,
      gso: plane.udp.gso,
      gro: plane.udp.gro,
      kernelDrops: plane.udp.kernelDrops,
      receiveBuffer: plane.udp.receiveBuffer,
    },
    warnings: [...config.warnings],
  };
  node.extendStatus?.(document);
  return document;
}

function threadStatus({ state, errno, share }: WorkerStatus["thread"]): ThreadStatus {
  return { scheduling: state, error: errno === 0 ? null : getSystemErrorName(-errno), cpuShare: share };
}

/** The table's routes, and the links that stand in for it where it has none. */
function routeStatus(
  node: RunningNode,
  plane: WorkerStatus,
  traffic: ReadonlyMap<number, PeerReport>,
): RouteStatus[] {
  const ways = new Map(plane.ways.map((way) => [way.destination, way]));
  const routes: RouteStatus[] = node.routes.map(({ destination, nextHop, hops }) => {
    const way = ways.get(destination);
    ways.delete(destination);
    return {
      destination,
      nextHop,
      hops: hops === 0 ? null : hops,
      via: nextHop === destination ? "direct" : "relay",
      maxFrame: traffic.get(destination)?.maxFrame ?? null,
      ...(way !== undefined && { inUse: inUse(way) }),
    };
  });
  for (const way of ways.values()) {
    if (way.kind !== "direct") continue;
    routes.push({
      destination: way.destination,
      nextHop: way.destination,
      hops: 1,
      via: "direct",
      maxFrame: traffic.get(way.destination)?.maxFrame ?? null,
      inUse: inUse(way),
    });
  }
  return routes;
}

function inUse({ nextHop, kind, pathDown }: WayReport): NonNullable<RouteStatus["inUse"]> {
  return { nextHop, kind, pathDown };
}

function peerStatus(
  peer: Peer,
  traffic: PeerReport | undefined,
  link: LinkReport | undefined,
  plane: WorkerStatus,
): PeerStatus {
  const established = traffic !== undefined && traffic.localIndex !== null;
  const age = peer.handshakeAtMs === 0 ? null : Math.round((Date.now() - peer.handshakeAtMs) / 1000);
  return {
    nodeId: peer.nodeId,
    name: peer.name,
    publicKey: Buffer.from(peer.publicKey).toString("base64"),
    keySource: peer.keySource,
    endpoint: endpointText(peer),
    candidates: link?.candidates.map(({ address }) => address) ?? [],
    addresses: link?.candidates ?? [],
    session: {
      state: established ? "established" : peer.core.handshaking ? "handshake" : "none",
      aead: established ? (AEAD_NAMES[peer.aead] ?? null) : null,
      handshakeAgeSeconds: age,
      handshakes: peer.handshakes,
    },
    link: link === undefined ? null : linkStatus(link, plane.nowUs),
    txBytes: traffic?.txBytes ?? 0,
    rxBytes: traffic?.rxBytes ?? 0,
    txRecords: traffic?.txRecords ?? 0,
    rxRecords: traffic?.rxRecords ?? 0,
  };
}

function linkStatus(link: LinkReport, nowUs: number): LinkStatus {
  const { state, owdInUs, owdOutUs, rttUs, rttMinUs, jitterUs, lossIn, lossOut, mtu, sinceUs, deaths } = link;
  const sinceSeconds =
    state !== "unknown" && Number.isFinite(sinceUs) ? Math.round((nowUs - sinceUs) / 1e6) : null;
  return {
    state,
    owdInUs,
    owdOutUs,
    rttUs,
    rttMinUs,
    jitterUs,
    lossIn,
    lossOut,
    mtu: mtu === 0 ? null : mtu,
    sinceSeconds,
    deaths,
  };
}

function macText(mac: Uint8Array): string {
  const view = new DataView(mac.buffer, mac.byteOffset, 6);
  return formatMac(view.getUint16(0), view.getUint32(2));
}
