import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { withFreshKey } from "../../src/config/example.ts";
import { encodeKey, generatePrivateKey, publicKeyOf } from "../../src/config/key-text.ts";
import { loadSuperConfig, parseSuperConfig, type SuperConfig } from "../../src/config/super-config.ts";
import { ConfigError } from "../../src/errors.ts";

const privateKey = generatePrivateKey();
const own = encodeKey(privateKey);
const ownPublic = encodeKey(publicKeyOf(privateKey));
const [keyA, keyB, keyC] = [1, 2, 3].map(() => encodeKey(publicKeyOf(generatePrivateKey())));
const psk = encodeKey(new Uint8Array(32).fill(9));

/** Line 1 is the required key. */
const good = (rest: string): SuperConfig => parseSuperConfig("s.yaml", `privKey: ${own}\n${rest}`);

function problemsOf(text: string): string {
  try {
    parseSuperConfig("s.yaml", text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new assert.AssertionError({ message: "no problem was found" });
}
const problems = (rest: string): string => problemsOf(`privKey: ${own}\n${rest}`);

/** Lines 2 to 5. */
const three = `peers:\n  - {nodeId: 1, pubKey: ${keyA}}\n  - {nodeId: 2, pubKey: ${keyB}}\n  - {nodeId: 3, pubKey: ${keyC}}\n`;

describe("supernode configuration: defaults", () => {
  it("needs a private key only", () => {
    const config = good("");
    assert.deepEqual(
      { ...config, privKey: encodeKey(config.privKey) },
      {
        file: "s.yaml",
        nodeName: "super",
        networkName: "etherloom",
        privKey: own,
        listenPort: 3000,
        controlPort: 3002,
        bind: { ipv4: "0.0.0.0", ipv6: "::" },
        fwMark: 0,
        afPrefer: 4,
        peers: [],
        usePskForInterEdge: false,
        pskSecret: null,
        resetEndPointInterval: 600,
        superNodeInfoTimeout: 50,
        networkSecret: null,
        graphRecalculateSetting: {
          staticMode: false,
          manualLatency: [],
          nodeReportTimeout: 40,
          relayCost: 2,
        },
        nextHopTable: new Map(),
        aead: "auto",
        allowLoopback: false,
        realtime: true,
        stateDir: "/var/lib/etherloom/super",
        uapiName: "super",
        postScript: "",
        logLevel: "info",
        ntp: { useNtp: false, servers: [], maxServerUse: 8, syncTimeInterval: 3600, ntpTimeout: 3 },
        warnings: [],
      },
    );
  });

  it("completes its peers, and leaves to the edge what the file leaves open", () => {
    assert.deepEqual(good(`peers: [{nodeId: 7, pubKey: ${keyA}}]\n`).peers, [
      {
        nodeId: 7,
        name: "node7",
        pubKey: new Uint8Array(Buffer.from(keyA!, "base64")),
        psKey: null,
        endPoint: null,
        externalIp: null,
        additionalCost: null,
        skipLocalIp: false,
        static: false,
        relay: null,
      },
    ]);
  });

  it("takes what the file decides for a peer", () => {
    const [peer] = good(
      `peers:\n  - {NodeID: 7, Name: seven, PubKey: ${keyA}, PSKey: ${psk}, EndPoint: "a.example:3001", ExternalIP: "2001:db8::7",` +
        ` AdditionalCost: 10.5, SkipLocalIP: yes, Static: true, Relay: ALWAYS}\n`,
    ).peers;
    assert.deepEqual(
      { ...peer, pubKey: null, psKey: peer!.psKey?.[0] },
      {
        nodeId: 7,
        name: "seven",
        pubKey: null,
        psKey: 9,
        endPoint: "a.example:3001",
        externalIp: "2001:db8::7",
        additionalCost: 10.5,
        skipLocalIp: true,
        static: true,
        relay: "always",
      },
    );
    const cost = (text: string): number | null =>
      good(`peers: [{nodeId: 7, pubKey: ${keyA}, additionalCost: ${text}}]\n`).peers[0]!.additionalCost;
    assert.equal(cost("0"), 0);
    assert.equal(cost("-1"), null);
  });

  it("allows loopback endpoints when a peer has one", () => {
    assert.equal(good(`peers: [{nodeId: 7, pubKey: ${keyA}, endPoint: "[::1]:1"}]\n`).allowLoopback, true);
  });

  it("lets the kernel choose both ports", () => {
    const { listenPort, controlPort } = good("listenPort: 0\ncontrolPort: 0\n");
    assert.deepEqual([listenPort, controlPort], [0, 0]);
  });
});

describe("supernode configuration: problems and where they are", () => {
  const peer = (fields: string): string => `peers: [{nodeId: 2, pubKey: ${keyA}, ${fields}}]\n`;
  const cases: [name: string, text: string, expected: string][] = [
    ["an edge's key", "interface: {}\n", "s.yaml:2:1: interface: unknown key, expected a key of etherloom super --example"],
    ["a mistyped key", "controllPort: 1\n", "s.yaml:2:1: controllPort: unknown key, expected controlPort, perhaps"],
    ["one port for both", "controlPort: 3000\n", "s.yaml:2:14: controlPort: listenPort and controlPort are both 3000, expected two: sessions and QUIC are both UDP"],
    ["the other's default port", "listenPort: 3002\n", "s.yaml:2:13: listenPort: listenPort and controlPort are both 3002, expected two: sessions and QUIC are both UDP"],
    ["two peers of one NodeID", `peers:\n  - {nodeId: 2, name: a, pubKey: ${keyA}}\n  - {nodeId: 2, name: b, pubKey: ${keyB}}\n`, "s.yaml:4:14: peers[1].nodeId: the same NodeID as the peer in line 3, expected one of its own"],
    ["two peers of one name", `peers:\n  - {nodeId: 2, name: a, pubKey: ${keyA}}\n  - {nodeId: 3, name: a, pubKey: ${keyB}}\n`, "s.yaml:4:23: peers[1].name: the same name as the peer in line 3, expected one of its own"],
    ["a name that is another's default", `peers:\n  - {nodeId: 2, name: node3, pubKey: ${keyA}}\n  - {nodeId: 3, pubKey: ${keyB}}\n`, "s.yaml:4:5: peers[1].name: the same name as the peer in line 3, expected one of its own"],
    ["two peers of one key", `peers:\n  - {nodeId: 2, pubKey: ${keyA}}\n  - {nodeId: 3, pubKey: ${keyA}}\n`, "s.yaml:4:25: peers[1].pubKey: the same public key as the peer in line 3, expected one of its own"],
    ["the own key", `peers: [{nodeId: 2, pubKey: ${ownPublic}}]\n`, "s.yaml:2:29: peers[0].pubKey: the node's own public key, expected the peer's"],
    ["the supernode's NodeID", `peers: [{nodeId: 65533, pubKey: ${keyA}}]\n`, "s.yaml:2:18: peers[0].nodeId: found 65533, expected a NodeID from 0 to 65531"],
    ["a bad name", peer("name: a/b"), 's.yaml:2:81: peers[0].name: found "a/b", expected at most 32 characters of A-Z a-z 0-9 _ . -'],
    ["an external IP with a port", peer('externalIp: "192.0.2.1:5"'), 's.yaml:2:87: peers[0].externalIp: found "192.0.2.1:5", expected an IP address, without a port'],
    ["an external IP that is a name", peer("externalIp: a.example"), 's.yaml:2:87: peers[0].externalIp: found "a.example", expected an IP address, without a port'],
    ["an external IP of many", peer("externalIp: 224.0.0.1"), 's.yaml:2:87: peers[0].externalIp: found "224.0.0.1": a multicast, broadcast or unspecified address, expected a unicast one'],
    ["an endpoint without port", peer("endPoint: a.example"), 's.yaml:2:85: peers[0].endPoint: found "a.example": no port, expected host:port or [IPv6]:port'],
    ["a bad preshared key", peer("psKey: YWJj"), "s.yaml:2:82: peers[0].psKey: a key of 3 bytes, expected a base64 key of 32 bytes"],
    ["a cost that cannot be", peer("additionalCost: -2"), "s.yaml:2:91: peers[0].additionalCost: found -2, expected a number of milliseconds from -1 to 3600000"],
    ["a bad policy", peer("relay: maybe"), 's.yaml:2:82: peers[0].relay: found "maybe", expected one of auto, never, always'],
    ["a short secret", "networkSecret: YWJj\n", "s.yaml:2:16: networkSecret: a key of 3 bytes, expected a base64 key of 32 bytes"],
    ["both former and present key", `privKeyV4: ${own}\n`, "s.yaml:2:12: privKeyV4: given beside privKey, expected only one of the two"],
    ["a bad switch", "usePskForInterEdge: 3\n", "s.yaml:2:21: usePskForInterEdge: found 3, expected true or false"],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`${name}`, () => assert.equal(problems(text), expected));
  }

  it("says that the key is missing, or wrong, once", () => {
    const missing = "s.yaml:1:1: privKey: missing, expected a base64 key of 32 bytes";
    assert.equal(problemsOf("nodeName: a\n"), missing);
    assert.equal(problemsOf(""), missing);
    assert.match(problemsOf('privKey: ""\n'), /^s\.yaml:1:10: privKey: missing.*$/);
    assert.match(problemsOf("privKey: {}\n"), /^s\.yaml:1:10: privKey: found a map, .*$/);
    assert.match(problemsOf("privKey: YWJj\n"), /^s\.yaml:1:10: privKey: a key of 3 bytes, .*$/);
  });

  it("reports all problems of one file, in its order", () => {
    const lines = problems(`listenPort: x\npeers: [{nodeId: 2, pubKey: YWJj}]\nbogus: 1\n`).split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(": ", 2).join(": ")),
      ["s.yaml:2:13: listenPort", "s.yaml:3:29: peers[0].pubKey", "s.yaml:4:1: bogus"],
    );
  });
});

describe("supernode configuration: manual latency", () => {
  const setting = (value: string): string => `${three}graphRecalculateSetting:\n  manualLatency: ${value}\n`;

  it("is a map of maps or a list, and both mean the same", () => {
    const map = good(setting('{65535: {"65535": 1.5, 2: 2}, 1: {"*": 3, 2: 4}}'));
    const list = good(
      setting('[{from: 1, to: 2, ms: 4}, {from: "*", to: 65535, ms: 1.5}, {from: "*", to: 2, ms: 2}, {from: 1, to: "*", ms: 3}]'), // prettier-ignore
    );
    const expected = [
      { from: "*", to: "*", latencyMs: 1.5 },
      { from: "*", to: 2, latencyMs: 2 },
      { from: 1, to: "*", latencyMs: 3 },
      { from: 1, to: 2, latencyMs: 4 },
    ];
    assert.deepEqual(map.graphRecalculateSetting.manualLatency, expected);
    assert.deepEqual(list.graphRecalculateSetting.manualLatency, expected);
    assert.deepEqual(map.warnings, []);
  });

  it("warns about nodes that are no peers", () => {
    assert.deepEqual(good(setting("{1: {9: 5}}")).warnings, [
      "s.yaml:7:26: graphRecalculateSetting.manualLatency.1.9: node 9 is not among the peers",
    ]);
  });

  const path = "graphRecalculateSetting.manualLatency";
  const cases: [name: string, value: string, expected: string][] = [
    ["another form", "5", `s.yaml:7:18: ${path}: found 5, expected a map of maps of milliseconds, or a list of {from, to, ms}`],
    ["a delay that is none", "{1: {2: fast}}", `s.yaml:7:26: ${path}.1.2: found "fast", expected a number of milliseconds from 0 to 3600000`],
    ["a negative delay in a list", "[{from: 1, to: 2, ms: -1}]", `s.yaml:7:40: ${path}[0].ms: found -1, expected a number of milliseconds from 0 to 3600000`],
    ["a list item without an end", "[{from: 1, ms: 1}]", `s.yaml:7:19: ${path}[0].to: missing, expected a NodeID or "*"`],
    ["a key that is no node", "{x: {2: 1}}", `s.yaml:7:19: ${path}.x: found a key that is no NodeID, expected one from 0 to 65531 or "*"`],
    ["an end that is no node", "[{from: 1, to: all, ms: 1}]", `s.yaml:7:33: ${path}[0].to: found "all", expected a NodeID from 0 to 65531 or "*"`],
    ["a node and itself", "{1: {1: 5}}", `s.yaml:7:26: ${path}.1.1: from node 1 to itself, expected two different nodes`],
    ["one link twice", "[{from: 1, to: 2, ms: 1}, {from: 1, to: 2, ms: 2}]", `s.yaml:7:44: ${path}[1]: from 1 to 2 was given in line 7 already, expected it once`],
    ["one wildcard twice", '{"*": {2: 1}, 65535: {2: 1}}', `s.yaml:7:32: ${path}.*: given twice, first in line 7 as *`],
  ]; // prettier-ignore
  for (const [name, value, expected] of cases) {
    it(`refuses ${name}`, () => assert.equal(problems(setting(value)), expected));
  }
});

describe("supernode configuration: static mode", () => {
  const staticMode = "graphRecalculateSetting: {staticMode: true}\n";
  const table = (text: string): string => `${three}${staticMode}nextHopTable: ${text}\n`;

  it("hands out a whole table", () => {
    const { nextHopTable, graphRecalculateSetting } = good(
      table("{1: {2: 2, 3: 2}, 2: {1: 1, 3: 3}, 3: {1: 2, 2: 2}}"),
    );
    assert.equal(graphRecalculateSetting.staticMode, true);
    assert.equal(nextHopTable.get(1)?.get(3), 2);
    assert.equal(nextHopTable.size, 3);
  });

  const cases: [name: string, table: string, expected: string][] = [
    ["a row that misses some", "{1: {2: 2, 3: 2}, 2: {1: 1}, 3: {1: 2, 2: 2}}", "s.yaml:7:36: nextHopTable.2: node 2 has no next hop for 3, expected one for every peer"],
    ["a row that is missing", "{1: {2: 2, 3: 2}, 2: {1: 1, 3: 3}}", "s.yaml:7:15: nextHopTable.3: node 3 has no next hop for 1, 2, expected one for every peer"],
    ["a next hop that is no peer", "{1: {2: 2, 3: 9}, 2: {1: 1, 3: 3}, 3: {1: 2, 2: 2}}", "s.yaml:7:29: nextHopTable.1.3: node 9 is not among the peers, expected one of them"],
    ["a destination that is no peer", "{1: {2: 2, 3: 2, 9: 2}, 2: {1: 1, 3: 3}, 3: {1: 2, 2: 2}}", "s.yaml:7:35: nextHopTable.1.9: node 9 is not among the peers, expected one of them"],
    ["a row that is no peer's", "{1: {2: 2, 3: 2}, 2: {1: 1, 3: 3}, 3: {1: 2, 2: 2}, 8: {}}", "s.yaml:7:70: nextHopTable.8: node 8 is not among the peers, expected one of them"],
    ["the own node as next hop", "{1: {2: 2, 3: 1}, 2: {1: 1, 3: 3}, 3: {1: 2, 2: 2}}", "s.yaml:7:29: nextHopTable.1.3: next hop 1 is the row's own node, expected one of its neighbours"],
    ["a loop", "{1: {2: 2, 3: 2}, 2: {1: 1, 3: 1}, 3: {1: 2, 2: 2}}", "s.yaml:7:29: nextHopTable.1.3: the route loops (1 → 2 → 1), expected one that ends at 3"],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`refuses ${name}, once`, () => assert.equal(problems(table(text)), expected));
  }

  it("alone uses the table, and others are told so", () => {
    const config = good(`${three}nextHopTable: {1: {9: 9}}\n`);
    assert.deepEqual(config.nextHopTable, new Map());
    assert.match(config.warnings[0]!, /nextHopTable: counts with .*staticMode: true only/);
  });
});

describe("EtherGuard's supernode file", () => {
  const file = `NodeName: NodeSuper
PostScript: ""
PrivKeyV4: ${own}
PrivKeyV6: ${encodeKey(generatePrivateKey())}
ListenPort: 3000
ListenPort_EdgeAPI: "3000"
ListenPort_ManageAPI: "3000"
API_Prefix: /eg_api
RePushConfigInterval: 30
HttpPostInterval: 50
PeerAliveTimeout: 70
SendPingInterval: 15
DampingFilterRadius: 4
LogLevel:
  LogLevel: normal
  LogTransit: false
Passwords:
  ShowState: passwd
  AddPeer: passwd_addpeer
GraphRecalculateSetting:
  StaticMode: false
  ManualLatency:
    1:
      2: 5
  JitterTolerance: 30
  JitterToleranceMultiplier: 1.01
  TimeoutCheckInterval: 5
  RecalculateCoolDown: 5
NextHopTable: {}
EdgeTemplate: ""
UsePSKForInterEdge: true
ResetEndPointInterval: 600
Peers:
- NodeID: 1
  Name: Node_01
  PubKey: ${keyA}
  PSKey: ${psk}
  AdditionalCost: 10
  SkipLocalIP: false
- NodeID: 2
  Name: Node_02
  PubKey: ${keyB}
  PSKey: ""
  AdditionalCost: -1
  SkipLocalIP: false
  EndPoint: ""
  ExternalIP: ""
`;

  it("loads, and says what it does not mean any more", () => {
    const config = parseSuperConfig("super.yaml", file);
    assert.equal(config.nodeName, "NodeSuper");
    assert.deepEqual(config.privKey, privateKey);
    assert.equal(config.controlPort, 3002);
    assert.equal(config.usePskForInterEdge, true);
    assert.deepEqual(
      config.peers.map(({ name, additionalCost, externalIp }) => [name, additionalCost, externalIp]),
      [
        ["Node_01", 10, null],
        ["Node_02", null, null],
      ],
    );
    assert.deepEqual(config.graphRecalculateSetting.manualLatency, [{ from: 1, to: 2, latencyMs: 5 }]);
    assert.equal(config.warnings.length, 2);
    assert.match(config.warnings[0]!, /privKeyV4: taken as privKey, .*privKeyV6 is ignored/);
    assert.match(config.warnings[1]!, /listenPort_EdgeApi: has no meaning here .*passwords/);
    assert.ok(!config.warnings.join().includes("passwd"));
  });
});

describe("supernode configuration: files", () => {
  it("warns when everybody can read the private key", () => {
    const directory = mkdtempSync(join(tmpdir(), "etherloom-super-"));
    try {
      const file = join(directory, "super.yaml");
      writeFileSync(file, `privKey: ${own}\nstateDir: state\n`);
      chmodSync(file, 0o644);
      const config = loadSuperConfig(file);
      assert.match(config.warnings[0]!, /super\.yaml: readable by everybody/);
      assert.equal(config.stateDir, join(directory, "state"));
      chmodSync(file, 0o600);
      assert.deepEqual(loadSuperConfig(file).warnings, []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("prints an example that loads without a warning, with a fresh key each time", () => {
    const example = readFileSync(new URL("../../super.example.yaml", import.meta.url), "utf8");
    const [one, two] = [withFreshKey(example), withFreshKey(example)];
    const config = parseSuperConfig("super.yaml", one);
    assert.deepEqual(config.warnings, []);
    assert.notDeepEqual(config.privKey, parseSuperConfig("super.yaml", two).privKey);
    assert.notDeepEqual(config.privKey, parseSuperConfig("super.yaml", example).privKey);
  });
});
