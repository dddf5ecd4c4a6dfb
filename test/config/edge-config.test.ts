import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { type EdgeConfig, loadEdgeConfig, parseEdgeConfig } from "../../src/config/edge-config.ts";
import { withFreshKey } from "../../src/config/example.ts";
import { encodeKey, generatePrivateKey, publicKeyOf } from "../../src/config/key-text.ts";
import { ConfigError } from "../../src/errors.ts";

const privateKey = generatePrivateKey();
const own = encodeKey(privateKey);
const ownPublic = encodeKey(publicKeyOf(privateKey));
const peerA = encodeKey(publicKeyOf(generatePrivateKey()));
const peerB = encodeKey(publicKeyOf(generatePrivateKey()));

function problems(text: string): string {
  try {
    parseEdgeConfig("f.yaml", text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new assert.AssertionError({ message: "no problem was found" });
}

/** Lines 1 and 2 are the required keys. */
const base = `nodeId: 1\nprivKey: ${own}\n`;
const withBase = (rest: string): string => problems(base + rest);
const good = (rest: string): EdgeConfig => parseEdgeConfig("f.yaml", base + rest);

describe("edge configuration: defaults", () => {
  it("needs a NodeID and a private key only", () => {
    const config = good("");
    assert.deepEqual(
      { ...config, privKey: encodeKey(config.privKey) },
      {
        file: "f.yaml",
        mode: "static",
        nodeId: 1,
        nodeName: "node1",
        networkName: "etherloom",
        privKey: own,
        listenPort: 0,
        fwMark: 0,
        bind: { ipv4: "0.0.0.0", ipv6: "::" },
        afPrefer: 4,
        interface: {
          itype: "tap",
          name: "etherloom0",
          mac: Uint8Array.of(0x02, 0x45, 0x4c, 0, 0, 1),
          macAddrPrefix: "02:45:4C:00",
          ipv4: null,
          ipv6: null,
          ipv6Ll: null,
          mtu: 1350,
          l2HeaderMode: "nochg",
        },
        defaultTtl: 64,
        l2FibTimeout: 3600,
        resetEndPointInterval: 600,
        leftToSupernode: [],
        nextHopTable: new Map([[1, new Map()]]),
        peers: [],
        supers: [],
        superNodeInfoTimeout: 50,
        skipLocalIp: false,
        additionalLocalIp: [],
        networkSecret: null,
        additionalCostMs: 0,
        ntp: { useNtp: false, servers: [], maxServerUse: 8, syncTimeInterval: 3600, ntpTimeout: 3 },
        aead: "auto",
        relay: "auto",
        learnKeys: true,
        allowLoopback: false,
        realtime: true,
        stateDir: "/var/lib/etherloom/node1",
        uapiName: "node1",
        postScript: "",
        logLevel: "info",
        warnings: [],
      },
    );
  });

  it("takes an empty value for an absent one, and JSON for YAML", () => {
    assert.equal(good("listenPort:\npeers:\nnodeName: ''\ninterface:\n").nodeName, "node1");
    const json = JSON.stringify({ nodeId: 3, privKey: own, interface: { iType: "dummy" } });
    assert.equal(parseEdgeConfig("f.json", json).interface.itype, "dummy");
  });

  it("matches keys and fixed words without regard to case", () => {
    const config = good("INTERFACE: {ITYPE: Dummy, L2HEADERMODE: nol2}\nAEAD: AES-256-GCM\nLiStEnPoRt: 7\n");
    assert.equal(config.interface.itype, "dummy");
    assert.equal(config.interface.l2HeaderMode, "noL2");
    assert.equal(config.aead, "aes-256-gcm");
    assert.equal(config.listenPort, 7);
  });

  it("makes every peer its own next hop when no table is given", () => {
    const config = good(`peers:\n  - {nodeId: 2, pubKey: ${peerA}}\n  - {nodeId: 7, pubKey: ${peerB}}\n`);
    assert.deepEqual(config.nextHopTable, new Map([[1, new Map([[2, 2], [7, 7]])]])); // prettier-ignore
    assert.equal(config.peers[1]!.name, "node7");
  });

  it("allows loopback endpoints when a peer has one, unless told otherwise", () => {
    const peer = (endPoint: string): string =>
      `peers: [{nodeId: 2, pubKey: ${peerA}, endPoint: "${endPoint}"}]\n`;
    assert.equal(good(peer("127.0.0.1:1")).allowLoopback, true);
    assert.equal(good(peer("[::1]:1")).allowLoopback, true);
    assert.equal(good(peer("[2001:db8::1]:1")).allowLoopback, false);
    assert.equal(good(`${peer("127.0.0.1:1")}allowLoopback: false\n`).allowLoopback, false);
  });

  it("takes intervals of 0.01 s and less for never", () => {
    assert.equal(good("l2FibTimeout: 0.01\n").l2FibTimeout, 0);
    assert.equal(good("resetEndPointInterval: 1.5\n").resetEndPointInterval, 1.5);
  });

  it("resolves the state directory from the file's place", () => {
    assert.equal(parseEdgeConfig("/etc/x/f.yaml", `${base}stateDir: state\n`).stateDir, "/etc/x/state");
  });

  it("turns families off by bind and by DisabledAf", () => {
    assert.deepEqual(good("bind: {ipv6: false, ipv4: 10.0.0.1}\n").bind, { ipv4: "10.0.0.1", ipv6: null });
    assert.deepEqual(good("DisabledAf: {IPv4: true, IPv6: false, ListenIPv6: '::1'}\n").bind, {
      ipv4: null,
      ipv6: "::1",
    });
  });
});

describe("edge configuration: problems and where they are", () => {
  const cases: [name: string, text: string, expected: string][] = [
    ["an unknown key", "lisenPort: 1\n", "f.yaml:3:1: lisenPort: unknown key, expected listenPort, perhaps"],
    ["a nested unknown key", "interface:\n  mut: 1\n", "f.yaml:4:3: interface.mut: unknown key, expected mtu, perhaps"],
    ["a key given twice", "fwMark: 1\nFwMark: 2\n", "f.yaml:4:1: fwMark: given twice, first in line 3 as fwMark"],
    ["a wrong type", "listenPort: abc\n", 'f.yaml:3:13: listenPort: found "abc", expected a UDP port from 0 to 65535'],
    ["a range", "defaultTtl: 0\n", "f.yaml:3:13: defaultTtl: found 0, expected a number of hops from 1 to 255"],
    ["a fraction", "fwMark: 1.5\n", "f.yaml:3:9: fwMark: found 1.5, expected an integer from 0 to 4294967295"],
    ["a map for a list", "peers: {}\n", "f.yaml:3:8: peers: found a map, expected a list"],
    ["a list for a map", "interface: []\n", "f.yaml:3:12: interface: found a list, expected a map"],
    ["a missing key", "peers:\n  - nodeId: 2\n", "f.yaml:4:5: peers[0].pubKey: missing, expected a base64 key of 32 bytes"],
    ["a bad word", "relay: maybe\n", 'f.yaml:3:8: relay: found "maybe", expected one of auto, never, always'],
    ["a bad boolean", "learnKeys: 2\n", "f.yaml:3:12: learnKeys: found 2, expected true or false"],
    ["a bad name", "nodeName: a/b\n", 'f.yaml:3:11: nodeName: found "a/b", expected at most 32 characters of A-Z a-z 0-9 _ . -'],
    ["a name of dots", "nodeName: ..\n", 'f.yaml:3:11: nodeName: found "..", expected at most 32 characters of A-Z a-z 0-9 _ . -'],
    ["a bad prefix", "interface:\n  macAddrPrefix: 03:00\n", "f.yaml:4:18: interface.macAddrPrefix: 03:00 is a multicast address, expected an even first octet"],
    ["a network too small", "interface: {ipv4Cidr: 10.0.0.0/31}\n", "f.yaml:3:23: interface.ipv4Cidr: NodeID 1 does not fit into 10.0.0.0/31, expected a network of more addresses"],
    ["a wrong family", "interface: {ipv6Cidr: 10.0.0.0/8}\n", 'f.yaml:3:23: interface.ipv6Cidr: found "10.0.0.0/8", expected an IPv6 network such as fd00::/64'],
    ["a port type to come", "interface: {iType: vpp}\n", "f.yaml:3:20: interface.iType: vpp ports are not built yet, expected one of tap, dummy, stdio"],
    ["an interface name", "interface: {name: sixteen-bytes-xx}\n", 'f.yaml:3:19: interface.name: found "sixteen-bytes-xx", expected at most 15 bytes'],
    ["no family", "bind: {ipv4: false, ipv6: false}\n", "f.yaml:3:7: bind: IPv4 and IPv6 are both off, expected one of them on"],
    ["an address of the wrong family", "bind: {ipv4: '::1'}\n", 'f.yaml:3:14: bind.ipv4: found "::1", expected an IPv4 address'],
    ["session timers in the wrong order", "sessionTimers:\n  rejectAfter: 100\n", "f.yaml:4:16: sessionTimers.rejectAfter: a session would end before it is renewed, expected rejectAfter > rekeyAfter"],
    ["a table key that is no NodeID", "nextHopTable:\n  x: {}\n", "f.yaml:4:3: nextHopTable.x: found a key that is no NodeID, expected one from 0 to 65531"],
    ["a NodeID with a meaning", "nextHopTable: {1: {2: 65535}}\n", "f.yaml:3:23: nextHopTable.1.2: found 65535, expected a NodeID from 0 to 65531"],
    ["a next hop that is no peer", `peers: [{nodeId: 2, pubKey: ${peerA}}]\nnextHopTable: {1: {3: 9}}\n`, "f.yaml:4:23: nextHopTable.1.3: next hop 9 is not among the peers, expected one of 2"],
    ["a route that loops", `peers: [{nodeId: 2, pubKey: ${peerA}}]\nnextHopTable: {1: {3: 2}, 2: {3: 1}}\n`, "f.yaml:4:23: nextHopTable.1.3: the route loops (1 → 2 → 1), expected one that ends at 3"],
    ["the own NodeID as a peer", `peers: [{nodeId: 1, pubKey: ${peerA}}]\n`, "f.yaml:3:18: peers[0].nodeId: 1 is the node's own NodeID, expected another one"],
    ["the own key as a peer", `peers: [{nodeId: 2, pubKey: ${ownPublic}}]\n`, "f.yaml:3:29: peers[0].pubKey: the node's own public key, expected the peer's"],
    ["two peers of one NodeID", `peers:\n  - {nodeId: 2, pubKey: ${peerA}}\n  - {nodeId: 2, pubKey: ${peerB}}\n`, "f.yaml:5:14: peers[1].nodeId: the same NodeID as the peer in line 4, expected one of its own"],
    ["two peers of one key", `peers:\n  - {nodeId: 2, pubKey: ${peerA}}\n  - {nodeId: 3, pubKey: ${peerA}}\n`, "f.yaml:5:25: peers[1].pubKey: the same public key as the peer in line 4, expected one of its own"],
    ["a low-order key", `peers: [{nodeId: 2, pubKey: ${encodeKey(new Uint8Array(32))}}]\n`, "f.yaml:3:29: peers[0].pubKey: a low-order point, expected a real public key"],
    ["a short key", "peers: [{nodeId: 2, pubKey: YWJj}]\n", "f.yaml:3:29: peers[0].pubKey: a key of 3 bytes, expected a base64 key of 32 bytes"],
    ["an endpoint without port", `peers: [{nodeId: 2, pubKey: ${peerA}, endPoint: a.example}]\n`, 'f.yaml:3:85: peers[0].endPoint: found "a.example": no port, expected host:port or [IPv6]:port'],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`${name}`, () => assert.equal(withBase(text), expected));
  }

  it("reports all problems of one file, in its order, those of meaning too", () => {
    const lines = problems("nodeId: 1\nnodeName: a b\nprivKey: YWJj\nlistenPort: -1\npeers: 3\n").split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(": ", 2).join(": ")),
      ["f.yaml:2:11: nodeName", "f.yaml:3:10: privKey", "f.yaml:4:13: listenPort", "f.yaml:5:8: peers"],
    );
  });

  it("looks at addresses even when the NodeID they are made from is wrong", () => {
    const lines = problems(`nodeId: x\nprivKey: ${own}\ninterface: {ipv4Cidr: 10.0.0.0/24, ipv6Cidr: x}\n`);
    assert.match(lines, /^f\.yaml:1:9: nodeId: .*\nf\.yaml:3:\d+: interface\.ipv6Cidr: .*$/);
  });

  it("says at the top what an empty file lacks", () => {
    assert.match(
      problems(""),
      /^f\.yaml:1:1: (?:nodeId|privKey): missing.*\nf\.yaml:1:1: (?:nodeId|privKey): missing/,
    );
    assert.match(problems("just text\n"), /f\.yaml:1:1: .*expected a map/);
  });

  it("says where text is no YAML", () => {
    assert.match(problems("nodeId: 1\npeers: [\n"), /^f\.yaml:3:1: not valid YAML: /);
    assert.match(problems("a: 1\n---\na: 2\n"), /^f\.yaml:2:1: not valid YAML: /);
    assert.match(problems("a: !!nonsense 1\n"), /^f\.yaml:1:4: not valid YAML: /);
  });

  it("never repeats a secret", () => {
    const secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    const text = problems(
      `nodeId: 1\nprivKey: ${secret}\npeers: [{nodeId: 2, pubKey: ${peerA}, psKey: ${secret}}]\n`,
    );
    assert.equal(text.split("\n").length, 2);
    assert.ok(!text.includes(secret));
    assert.ok(!problems("nodeId: 1\nprivKey: 1234567890\n").includes("1234567890"));
  });

  it("refuses YAML bombs and aliases that contain themselves", () => {
    const row = `&r [${"{nodeId: 1},".repeat(600)}]`;
    const bomb = `a: &p {nodeId: 2, pubKey: ${peerA}}\npeers: [${"*p,".repeat(100_000)}]\n`;
    const before = process.cpuUsage();
    assert.match(withBase(bomb), /aliases expand to too much/);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 5e6, "microseconds");
    assert.match(withBase(`peers: &x [*x, *x]\n`), /peers\[0\]: found a list, expected a map/);
    assert.match(withBase(`nextHopTable: &x {1: *x}\n`), /expected/);
    assert.match(withBase(`peers: ${row}\n`), /pubKey: missing/);
  });

  it("understands an alias that shares a value", () => {
    const key = encodeKey(new Uint8Array(32).fill(5));
    const config = good(
      `peers:\n  - {nodeId: 2, pubKey: ${peerA}, psKey: &k ${key}}\n  - {nodeId: 3, pubKey: ${peerB}, psKey: *k}\n`,
    );
    assert.deepEqual(config.peers[1]!.psKey, new Uint8Array(32).fill(5));
  });

  it("keeps keys such as __proto__ out of objects", () => {
    assert.match(withBase("__proto__: {relay: never}\n"), /f\.yaml:3:1: __proto__: unknown key/);
    assert.match(withBase("nextHopTable: {__proto__: {1: 2}}\n"), /no NodeID/);
  });

  it("refuses p2p mode in one clear line, whatever else is wrong", () => {
    assert.match(
      withBase("dynamicroute: {p2p: {usep2p: yes}}\npeers: 3\n"),
      /^f\.yaml:3:30: dynamicRoute\.p2p\.useP2p: p2p mode is not built yet, expected false$/,
    );
    assert.match(
      withBase("dynamicroute: {superNode: {useSuperNode: true}, p2p: {usep2p: yes}}\n"),
      /p2p mode is not built yet/,
    );
  });
});

describe("edge configuration: warnings", () => {
  const relayed = `peers: [{nodeId: 2, pubKey: ${peerA}}]\nnextHopTable: {1: {2: 2, 3: 2}}\n`;

  it("names the MTU that fits when frames need fragments", () => {
    const [warning, ...rest] = good(`${relayed}interface: {mtu: 1404}\n`).warnings;
    assert.equal(rest.length, 0);
    assert.match(
      warning!,
      /^f\.yaml:5:18: interface\.mtu: 1404 .*1546 bytes over IPv6 through a relay.* 1358 \(1350 fits/,
    );
    assert.match(good(`${relayed}interface: {mtu: 1404}\nbind: {ipv6: false}\n`).warnings[0]!, /1358 \(1350/);
    assert.match(good("interface: {mtu: 1404}\n").warnings[0]!, /1398 \(1350/);
    assert.deepEqual(good("interface: {mtu: 1404}\nbind: {ipv6: false}\n").warnings, []);
    assert.deepEqual(good(`${relayed}interface: {mtu: 1358}\n`).warnings, []);
  });

  it("tells when a table lacks the own row", () => {
    assert.match(good("nextHopTable: {5: {6: 6}}\n").warnings[0]!, /no row for the own NodeID 1/);
  });
});

describe("edge configuration: files", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "etherloom-config-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it("warns when everybody can read the private key", () => {
    const file = join(directory, "edge.yaml");
    writeFileSync(file, base);
    chmodSync(file, 0o644);
    assert.match(loadEdgeConfig(file).warnings[0]!, /edge\.yaml: readable by everybody/);
    chmodSync(file, 0o600);
    assert.deepEqual(loadEdgeConfig(file).warnings, []);
  });

  it("says why a file cannot be read", () => {
    const message = (path: string): string => {
      try {
        loadEdgeConfig(path);
      } catch (error) {
        assert.ok(error instanceof ConfigError && error.code === "EL_CONFIG_READ");
        return error.message;
      }
      return "";
    };
    assert.equal(message("/nonexistent/x.yaml"), "/nonexistent/x.yaml: cannot be read: no such file");
    assert.match(message(directory), /it is a directory$/);
    writeFileSync(join(directory, "latin1"), Buffer.from([0x61, 0x3a, 0xff]));
    assert.match(message(join(directory, "latin1")), /not UTF-8/);
  });

  it("prints an example that loads without a warning, with a fresh key each time", () => {
    const example = readFileSync(new URL("../../example.yaml", import.meta.url), "utf8");
    const [one, two] = [withFreshKey(example), withFreshKey(example)];
    const config = parseEdgeConfig("example.yaml", one);
    assert.deepEqual(config.warnings, []);
    assert.notDeepEqual(config.privKey, parseEdgeConfig("example.yaml", two).privKey);
    assert.notDeepEqual(config.privKey, parseEdgeConfig("example.yaml", example).privKey);
  });

  it("prints an example in which what the node's name or the supernode decides stays undecided", () => {
    const supernode = `[{endpoint: "192.0.2.1:3000", control: "192.0.2.1:3002", pubKey: "${peerA}"}]`;
    const text = readFileSync(new URL("../../example.yaml", import.meta.url), "utf8")
      .replace("nodeName: node1", "nodeName: berlin")
      .replace("useSuperNode: false", "useSuperNode: true")
      .replace("supers: []", `supers: ${supernode}`);
    const config = parseEdgeConfig("example.yaml", text);
    assert.deepEqual(config.leftToSupernode, ["resetEndPointInterval", "superNodeInfoTimeout"]);
    assert.equal(config.stateDir, "/var/lib/etherloom/berlin");
    assert.equal(config.uapiName, "berlin");
    assert.equal(
      parseEdgeConfig("example.yaml", text.replaceAll("192.0.2.1", "127.0.0.1")).allowLoopback,
      true,
    );
  });
});
