import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseEdgeConfig } from "../../src/config/edge-config.ts";
import { encodeKey, generatePrivateKey, publicKeyOf } from "../../src/config/key-text.ts";

const own = encodeKey(generatePrivateKey());
const two = encodeKey(publicKeyOf(generatePrivateKey()));
const three = encodeKey(publicKeyOf(generatePrivateKey()));
const psk = encodeKey(new Uint8Array(32).fill(9));

/** As edges were written from 2022 on. */
const camelCase = `Interface:
  IType: tap
  Name: tap1
  VPPIFaceID: 1
  VPPBridgeID: 4242
  MacAddrPrefix: AA:BB:CC:DD
  IPv4CIDR: 192.168.76.0/24
  IPv6CIDR: fd95:71cb:a3df:e586::/64
  IPv6LLPrefix: fe80::a3df:0/112
  MTU: 1404
  RecvAddr: 127.0.0.1:4001
  SendAddr: 127.0.0.1:5001
  L2HeaderMode: nochg
NodeID: 1
NodeName: Net_Node01
PostScript: ""
DefaultTTL: 200
L2FIBTimeout: 3600
PrivKey: ${own}
ListenPort: 3001
FwMark: 0
DisabledAf:
  IPv4: false
  IPv6: false
  ListenIPv4: ""
  ListenIPv6: ""
AfPrefer: 4
LogLevel:
  LogLevel: error
  LogTransit: false
  LogNormal: false
  DumpNormal: false
  LogControl: true
  LogInternal: true
  LogNTP: false
DynamicRoute:
  SendPingInterval: 16
  PeerAliveTimeout: 70
  TimeoutCheckInterval: 20
  ConnNextTry: 5
  DupCheckTimeout: 40
  AdditionalCost: 10
  DampingFilterRadius: 4
  SaveNewPeers: true
  SuperNode:
    UseSuperNode: false
    PSKey: ""
    EndpointV4: ""
    PubKeyV4: ""
    EndpointV6: ""
    PubKeyV6: ""
    EndpointEdgeAPIUrl: ""
    SkipLocalIP: false
    AdditionalLocalIP: []
    SuperNodeInfoTimeout: 50
  P2P:
    UseP2P: false
    SendPeerInterval: 20
    GraphRecalculateSetting:
      StaticMode: false
      ManualLatency: {}
      JitterTolerance: 50
      JitterToleranceMultiplier: 1.1
      TimeoutCheckInterval: 5
      RecalculateCoolDown: 5
  NTPConfig:
    UseNTP: true
    MaxServerUse: 8
    SyncTimeInterval: 3600
    NTPTimeout: 3
    Servers: []
NextHopTable:
  1:
    2: 2
    3: 2
  2:
    1: 1
    3: 3
  3:
    1: 2
    2: 2
ResetEndPointInterval: 600
Peers:
- NodeID: 2
  PubKey: ${two}
  PSKey: ${psk}
  EndPoint: 127.0.0.1:3002
  PersistentKeepalive: 30
  Static: true
- NodeID: 3
  PubKey: ${three}
  PSKey: ""
  EndPoint: ""
  PersistentKeepalive: 0
  Static: false
`;

/** As the first versions wrote them in 2021. */
const lowerCase = `interface:
  itype: stdio
  name: tap1
  vppifaceid: 5
  macaddrprefix: AA:BB:CC:DD:EE:FF
  mtu: 1416
  recvaddr: 127.0.0.1:4001
  sendaddr: 127.0.0.1:5001
  l2headermode: kbdbg
nodeid: 2
nodename: Node02
privkey: ${own}
listenport: 3002
loglevel:
  loglevel: normal
  logtransit: true
  logcontrol: true
dynamicroute:
  sendpinginterval: 20
  dupchecktimeout: 40
  conntimeout: 30
  dampingresistance: 0.9
  savenewpeers: true
  supernode:
    usesupernode: false
    connurlv4: 127.0.0.1:3000
    pubkeyv4: ""
    connurlv6: '[::1]:3000'
    pubkeyv6: ""
    apiurl: http://127.0.0.1:3000/api
    supernodeinfotimeout: 40
    httppostinterval: 15
  p2p:
    usep2p: false
    sendpeerinterval: 20
    peeralivetimeout: 30
    additionalcost: 5
    graphrecalculatesetting:
      jittertolerance: 20
      jittertolerancemultiplier: 1.1
      nodereporttimeout: 40
      recalculatecooldown: 5
  ntpconfig:
    usentp: true
    maxserveruse: 5
    servers:
    - time.example.org
nexthoptable: {}
resetconninterval: 86400
peers:
- nodeid: 3
  pubkey: ${three}
  pskey: ""
  endpoint: 127.0.0.1:3003
  static: true
`;

describe("EtherGuard's static-mode files", () => {
  it("load in CamelCase, with what they say", () => {
    const config = parseEdgeConfig("edge1.yaml", camelCase);
    assert.equal(config.nodeName, "Net_Node01");
    assert.equal(config.defaultTtl, 200);
    assert.equal(config.logLevel, "error");
    assert.deepEqual(config.interface.mac, Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0, 1));
    assert.equal(config.interface.ipv4, "192.168.76.1/24");
    assert.equal(config.interface.ipv6, "fd95:71cb:a3df:e586::1/64");
    assert.equal(config.interface.ipv6Ll, "fe80::a3df:1/64");
    assert.equal(config.nextHopTable.get(1)?.get(3), 2);
    assert.deepEqual(config.peers[0]!.psKey, new Uint8Array(32).fill(9));
    assert.equal(config.peers[0]!.static, true);
    assert.equal(config.peers[0]!.persistentKeepalive, 30);
    assert.equal(config.peers[1]!.psKey, null);
    assert.equal(config.peers[1]!.endPoint, null);
  });

  it("bring one warning about the MTU and one about what is ignored", () => {
    const { warnings } = parseEdgeConfig("edge1.yaml", camelCase);
    assert.equal(warnings.length, 2);
    assert.match(warnings[0]!, /^edge1\.yaml:10:8: interface\.mtu: 1404 .* 1358/);
    assert.match(warnings[1]!, /ignored, like .*dynamicRoute\.sendPingInterval/);
    assert.match(warnings[1]!, /dynamicRoute\.additionalCost/);
    assert.doesNotMatch(warnings[1]!, /superNode/);
  });

  it("load in lower case, with former names", () => {
    const config = parseEdgeConfig("edge2.yaml", lowerCase);
    assert.equal(config.nodeId, 2);
    assert.equal(config.resetEndPointInterval, 86400);
    assert.equal(config.defaultTtl, 64);
    assert.equal(config.interface.itype, "stdio");
    assert.equal(config.interface.l2HeaderMode, "kbdbg");
    assert.deepEqual(config.interface.mac, Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff));
    assert.deepEqual(config.nextHopTable, new Map([[2, new Map([[3, 3]])]]));
    assert.equal(config.logLevel, "error");
  });

  it("refuse a key under its old and its new name at once", () => {
    assert.throws(
      () => parseEdgeConfig("f", `${lowerCase}resetendpointinterval: 1\n`),
      /resetEndPointInterval: given twice, first in line \d+ as resetconninterval/,
    );
  });

  it("map their log levels, misspelling included", () => {
    const level = (text: string): string =>
      parseEdgeConfig("f", `nodeid: 1\nprivkey: ${own}\nloglevel: ${text}\n`).logLevel;
    assert.equal(level("{loglevel: verbose}"), "debug");
    assert.equal(level("{loglevel: slient}"), "silent");
    assert.equal(level("{loglevel: whatever}"), "error");
    assert.equal(level("warn"), "warn");
    assert.throws(() => level("whatever"), /f:3:11: logLevel: found "whatever", expected one of silent/);
  });
});
