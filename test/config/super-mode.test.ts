import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type EdgeConfig, parseEdgeConfig } from "../../src/config/edge-config.ts";
import { encodeKey, generatePrivateKey, publicKeyOf } from "../../src/config/key-text.ts";
import { ConfigError } from "../../src/errors.ts";

const privateKey = generatePrivateKey();
const own = encodeKey(publicKeyOf(privateKey));
const superKey = encodeKey(publicKeyOf(generatePrivateKey()));
const otherKey = encodeKey(publicKeyOf(generatePrivateKey()));
const psk = encodeKey(new Uint8Array(32).fill(9));

/** Five lines; the settings of the supernode follow, indented by four. */
const head = `nodeId: 1\nprivKey: ${encodeKey(privateKey)}\ndynamicRoute:\n  superNode:\n    useSuperNode: true\n`;
const entry = `{endpoint: "192.0.2.1:3000", control: "192.0.2.1:3002", pubKey: ${superKey}}`;
const good = (rest: string): EdgeConfig => parseEdgeConfig("f.yaml", head + rest);

function problems(rest: string): string {
  try {
    good(rest);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, "EL_CONFIG_INVALID");
    return error.message;
  }
  throw new assert.AssertionError({ message: "no problem was found" });
}

describe("an edge's file in super mode", () => {
  it("needs one supernode, and neither peers nor routes", () => {
    const config = good(`    supers: [${entry}]\n`);
    assert.equal(config.mode, "super");
    assert.deepEqual(config.supers, [
      {
        endpoint: "192.0.2.1:3000",
        control: "192.0.2.1:3002",
        pubKey: new Uint8Array(Buffer.from(superKey, "base64")),
        psKey: null,
      },
    ]);
    assert.deepEqual(config.peers, []);
    assert.deepEqual(config.nextHopTable, new Map([[1, new Map()]]));
    assert.deepEqual(config.warnings, []);
    assert.equal(config.superNodeInfoTimeout, 50);
  });

  it("takes everything else that belongs to it", () => {
    const config = good(
      `    supers:
      - {endpoint: "a.example:3000", control: "a.example:3002", pubKey: ${superKey}, psKey: ${psk}}
      - {endpoint: "[2001:db8::1]:3000", control: "[2001:db8::1]:3002", pubKey: ${otherKey}}
    networkSecret: ${psk}
    skipLocalIp: true
    additionalLocalIp: ["198.51.100.1:4000", "[2001:db8::2]:4000"]
    superNodeInfoTimeout: 7.5
  additionalCost: 12.5
  ntpConfig: {useNtp: true, servers: [ntp.example.org, 192.0.2.9, "2001:db8::9"], ntpTimeout: 1, syncTimeInterval: 0}
`,
    );
    assert.deepEqual(config.supers[0]!.psKey, new Uint8Array(32).fill(9));
    assert.equal(config.supers[1]!.control, "[2001:db8::1]:3002");
    assert.deepEqual(config.networkSecret, new Uint8Array(32).fill(9));
    assert.equal(config.skipLocalIp, true);
    assert.deepEqual(config.additionalLocalIp, ["198.51.100.1:4000", "[2001:db8::2]:4000"]);
    assert.equal(config.superNodeInfoTimeout, 7.5);
    assert.equal(config.additionalCostMs, 12.5);
    assert.deepEqual(config.ntp, {
      useNtp: true,
      servers: ["ntp.example.org", "192.0.2.9", "2001:db8::9"],
      maxServerUse: 8,
      syncTimeInterval: 0,
      ntpTimeout: 1,
    });
    assert.deepEqual(config.warnings, []);
  });

  it("keeps peers of the file, as neighbours, and warns that routes count for nothing", () => {
    const config = good(
      `    supers: [${entry}]\npeers: [{nodeId: 2, pubKey: ${otherKey}}]\nnextHopTable: {1: {3: 9}}\n`,
    );
    assert.deepEqual(config.nextHopTable, new Map([[1, new Map([[2, 2]])]]));
    assert.deepEqual(config.warnings, [
      "f.yaml:8:15: nextHopTable: has no meaning in super mode, where routes come from the supernode",
    ]);
    assert.deepEqual(good(`    supers: [${entry}]\nnextHopTable: {}\n`).warnings, []);
  });

  it("takes a negative cost for none", () => {
    assert.equal(good(`    supers: [${entry}]\n  additionalCost: -1\n`).additionalCostMs, 0);
  });

  it("asks no NTP server when none is named", () => {
    assert.equal(good(`    supers: [${entry}]\n  ntpConfig: {useNtp: true}\n`).ntp.useNtp, false);
  });

  it("allows loopback endpoints when the supernode has one", () => {
    const local = entry.replaceAll("192.0.2.1", "127.0.0.1");
    assert.equal(good(`    supers: [${local}]\n`).allowLoopback, true);
    assert.equal(good(`    supers: [${entry}]\n`).allowLoopback, false);
  });

  it("expects that routes pass relays when it looks at the MTU", () => {
    const text = `    supers: [${entry}]\nbind: {ipv6: false}\ninterface: {mtu: 1400}\n`;
    assert.match(good(text).warnings[0]!, /interface\.mtu: 1400 .* through a relay/);
  });

  const what = 'supers: [{endpoint: "HOST:3000", control: "HOST:3002", pubKey: …}]';
  const cases: [name: string, text: string, expected: string][] = [
    ["no supernode", "", `f.yaml:5:5: dynamicRoute.superNode: no supernode, expected ${what}`],
    ["an empty list", "    supers: []\n", `f.yaml:5:5: dynamicRoute.superNode: no supernode, expected ${what}`],
    ["no control endpoint", `    supers: [{endpoint: "a:1", pubKey: ${superKey}}]\n`, "f.yaml:6:14: dynamicRoute.superNode.supers[0].control: missing, expected host:port or [IPv6]:port"],
    ["no key", '    supers: [{endpoint: "a:1", control: "a:2"}]\n', "f.yaml:6:14: dynamicRoute.superNode.supers[0].pubKey: missing, expected a base64 key of 32 bytes"],
    ["an unknown key", `    supers: [{endpoint: "a:1", control: "a:2", pubKey: ${superKey}, port: 1}]\n`, "f.yaml:6:102: dynamicRoute.superNode.supers[0].port: unknown key, expected one of endpoint, control, pubKey, psKey"],
    ["an endpoint without port", `    supers: [{endpoint: a, control: "a:2", pubKey: ${superKey}}]\n`, 'f.yaml:6:25: dynamicRoute.superNode.supers[0].endpoint: found "a": no port, expected host:port or [IPv6]:port'],
    ["an empty endpoint", `    supers: [{endpoint: "", control: "a:2", pubKey: ${superKey}}]\n`, "f.yaml:6:25: dynamicRoute.superNode.supers[0].endpoint: empty, expected host:port or [IPv6]:port"],
    ["one port for both", `    supers: [{endpoint: "a:1", control: "a:1", pubKey: ${superKey}}]\n`, "f.yaml:6:41: dynamicRoute.superNode.supers[0].control: the same as endpoint, expected the supernode's controlPort, which is another one than its listenPort"],
    ["the own key", `    supers: [{endpoint: "a:1", control: "a:2", pubKey: ${own}}]\n`, "f.yaml:6:56: dynamicRoute.superNode.supers[0].pubKey: the node's own public key, expected the peer's"],
    ["one supernode twice", `    supers:\n      - ${entry}\n      - ${entry}\n`, "f.yaml:8:73: dynamicRoute.superNode.supers[1].pubKey: the same public key as the supernode in line 7, expected one of its own"],
    ["a short secret", `    supers: [${entry}]\n    networkSecret: YWJj\n`, "f.yaml:7:20: dynamicRoute.superNode.networkSecret: a key of 3 bytes, expected a base64 key of 32 bytes"],
    ["a secret of zeros", `    supers: [${entry}]\n    networkSecret: ${encodeKey(new Uint8Array(32))}\n`, "f.yaml:7:20: dynamicRoute.superNode.networkSecret: all zero, expected a real secret (etherloom keygen --psk)"],
    ["a name as own address", `    supers: [${entry}]\n    additionalLocalIp: ["a:1"]\n`, 'f.yaml:7:25: dynamicRoute.superNode.additionalLocalIp[0]: found "a:1": a name, expected an address and a port'],
    ["an own address that is loopback", `    supers: [${entry}]\n    additionalLocalIp: ["127.0.0.1:1"]\n`, 'f.yaml:7:25: dynamicRoute.superNode.additionalLocalIp[0]: found "127.0.0.1:1": a loopback address, which nobody else can reach'],
    ["an own address without port", `    supers: [${entry}]\n    additionalLocalIp: ["192.0.2.7"]\n`, 'f.yaml:7:25: dynamicRoute.superNode.additionalLocalIp[0]: found "192.0.2.7": no port, expected host:port or [IPv6]:port'],
    ["a cost that is none", `    supers: [${entry}]\n  additionalCost: much\n`, 'f.yaml:7:19: dynamicRoute.additionalCost: found "much", expected a number of milliseconds from -1 to 3600000'],
    ["an NTP server with a port", `    supers: [${entry}]\n  ntpConfig: {servers: ["a:123"]}\n`, 'f.yaml:7:25: dynamicRoute.ntpConfig.servers[0]: found "a:123", expected a host name or an address, without a port'],
    ["too many NTP servers", `    supers: [${entry}]\n  ntpConfig: {maxServerUse: 0}\n`, "f.yaml:7:29: dynamicRoute.ntpConfig.maxServerUse: found 0, expected a number of servers from 1 to 100"],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`reports ${name}`, () => assert.equal(problems(text), expected));
  }

  it("warns about an endpoint of a family that is off", () => {
    const { warnings } = good(`    supers: [${entry}]\nbind: {ipv4: false}\n`);
    assert.match(warnings[0]!, /supers\[0\]\.endpoint: an IPv4 endpoint, but this node's IPv4 is off/);
  });

  it("never repeats a preshared key", () => {
    const secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    const text = problems(
      `    supers: [${entry.replace("}", `, psKey: ${secret}}`)}]\n    psKey: ${secret}\n`,
    );
    assert.equal(text.split("\n").length, 2);
    assert.ok(!text.includes(secret));
  });
});

describe("EtherGuard's keys for a supernode", () => {
  it("make one entry, with a guess for control that is told", () => {
    const config = good(
      `    EndpointV4: super.example.org:3100\n    PubKeyV4: ${superKey}\n    PSKey: ${psk}\n    EndpointV6: ""\n`,
    );
    assert.deepEqual(config.supers, [
      {
        endpoint: "super.example.org:3100",
        control: "super.example.org:3002",
        pubKey: new Uint8Array(Buffer.from(superKey, "base64")),
        psKey: new Uint8Array(32).fill(9),
      },
    ]);
    assert.deepEqual(config.warnings, [
      'f.yaml:6:17: dynamicRoute.superNode.endpointV4: taken as supers: [{endpoint: "super.example.org:3100", control: "super.example.org:3002", …}]; write that instead',
    ]);
  });

  it("prefer IPv4 of both families, where it is on", () => {
    const both = `    connurlv4: 192.0.2.1:3000\n    pubkeyv4: ${superKey}\n    connurlv6: "[2001:db8::1]:3000"\n    pubkeyv6: ${otherKey}\n`;
    const config = good(both);
    assert.equal(config.supers[0]!.endpoint, "192.0.2.1:3000");
    assert.match(config.warnings[0]!, /endpointV6 and pubKeyV6 are ignored/);
    const six = good(`${both}disabledAf: {ipv4: true}\n`);
    assert.equal(six.supers[0]!.control, "[2001:db8::1]:3002");
    assert.equal(encodeKey(six.supers[0]!.pubKey), otherKey);
  });

  const what = 'supers: [{endpoint: "HOST:3000", control: "HOST:3002", pubKey: …}]';
  const cases: [name: string, text: string, expected: string][] = [
    ["no key", "    endpointV4: 192.0.2.1:3000\n", `f.yaml:6:17: dynamicRoute.superNode.endpointV4: without pubKeyV4, expected that too, or better ${what}`],
    ["no endpoint", `    pubKeyV4: ${superKey}\n`, `f.yaml:5:5: dynamicRoute.superNode: neither endpointV4 nor endpointV6 can be used, expected ${what}`],
    ["a bad key", "    endpointV4: 192.0.2.1:3000\n    pubKeyV4: YWJj\n", "f.yaml:7:15: dynamicRoute.superNode.pubKeyV4: a key of 3 bytes, expected a base64 key of 32 bytes"],
    ["a bad endpoint", `    endpointV4: 192.0.2.1\n    pubKeyV4: ${superKey}\n`, 'f.yaml:6:17: dynamicRoute.superNode.endpointV4: found "192.0.2.1": no port, expected host:port or [IPv6]:port'],
    ["supers beside them", `    supers: [${entry}]\n    pubKeyV4: ${superKey}\n`, "f.yaml:7:15: dynamicRoute.superNode.pubKeyV4: given beside supers, expected only one of the two"],
  ]; // prettier-ignore
  for (const [name, text, expected] of cases) {
    it(`bring one clear line: ${name}`, () => assert.equal(problems(text), expected));
  }

  it("are ignored, and named, when no supernode is used", () => {
    const { mode, supers, warnings } = parseEdgeConfig(
      "f.yaml",
      `${head.replace("true", "false")}    endpointV4: nonsense\n    supers: [${entry}]\n    networkSecret: YWJj\n`,
    );
    assert.equal(mode, "static");
    assert.deepEqual(supers, []);
    assert.deepEqual(warnings, [
      "f.yaml:6:17: dynamicRoute.superNode.endpointV4: has no meaning here and is ignored, " +
        "like dynamicRoute.superNode.supers, dynamicRoute.superNode.networkSecret",
    ]);
  });
});
