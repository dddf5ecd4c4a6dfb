// Configuration files as EtherGuard's static mode wrote them, for the nodes of a lab.

import { stringify } from "yaml";
import type { EdgeConfig } from "../../tools/netlab/mesh.ts";

/** Keys of the files of 2022 and later. */
function camelCase(config: EdgeConfig, mtu: number): Record<string, unknown> {
  return {
    Interface: {
      IType: "tap",
      Name: config.interface["name"],
      VPPIFaceID: 1,
      VPPBridgeID: 4242,
      MacAddrPrefix: "AA:BB:CC:DD",
      IPv4CIDR: "10.77.0.0/24",
      IPv6CIDR: "fd00:77::/64",
      IPv6LLPrefix: "fe80::a3df:0/112",
      MTU: mtu,
      RecvAddr: "127.0.0.1:4001",
      SendAddr: "127.0.0.1:5001",
      L2HeaderMode: "nochg",
    },
    NodeID: config.nodeId,
    NodeName: config.nodeName,
    PostScript: "",
    DefaultTTL: 200,
    L2FIBTimeout: 3600,
    PrivKey: config.privKey,
    ListenPort: config.listenPort,
    FwMark: 0,
    DisabledAf: { IPv4: false, IPv6: false, ListenIPv4: "", ListenIPv6: "" },
    AfPrefer: 4,
    LogLevel: { LogLevel: "error", LogTransit: false, LogNormal: false, DumpNormal: false, LogControl: true },
    DynamicRoute: {
      SendPingInterval: 16,
      PeerAliveTimeout: 70,
      SaveNewPeers: true,
      SuperNode: { UseSuperNode: false, PSKey: "", EndpointV4: "", PubKeyV4: "" },
      P2P: { UseP2P: false, SendPeerInterval: 20 },
      NTPConfig: { UseNTP: true, MaxServerUse: 8, Servers: [] },
    },
    NextHopTable: config.nextHopTable,
    ResetEndPointInterval: 600,
    Peers: config.peers.map((peer) => ({
      NodeID: peer.nodeId,
      PubKey: peer.pubKey,
      PSKey: peer.psKey ?? "",
      EndPoint: peer.endPoint ?? "",
      PersistentKeepalive: 30,
      Static: false,
    })),
  };
}

/** Key names in lower case all the way down, as the first versions had them. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerKeys(inner)]),
  );
}

/** The file's text. State goes to the lab's folder, for which the old files had no key. */
export function etherguardFile(
  config: EdgeConfig,
  spelling: "CamelCase" | "lower case",
  mtu: number,
): string {
  const old = camelCase(config, mtu);
  const own = { stateDir: config.stateDir, uapiName: config.uapiName };
  return stringify({ ...(spelling === "CamelCase" ? old : (lowerKeys(old) as typeof old)), ...own });
}
