import assert from "node:assert/strict";
import { BlockList, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, it } from "mocha";
import { deriveAddress, deriveLinkLocal, deriveMac, parseMacPrefix } from "../../src/config/node-address.ts";

const nodeId = fc.integer({ min: 0, max: 65531 });

describe("MAC addresses from a prefix and the NodeID", () => {
  it("hold the prefix, then the NodeID's low octets", () => {
    fc.assert(
      fc.property(nodeId, fc.uint8Array({ minLength: 2, maxLength: 6 }), (id, prefix) => {
        const mac = deriveMac(prefix, id);
        assert.deepEqual(mac.subarray(0, prefix.length), prefix);
        const rest = Buffer.alloc(4);
        rest.writeUInt32BE(id);
        assert.deepEqual(Buffer.from(mac.subarray(prefix.length)), rest.subarray(prefix.length - 2));
      }),
    );
  });

  it("differ between nodes when four octets are given", () => {
    fc.assert(
      fc.property(nodeId, nodeId, (a, b) => {
        const prefix = parseMacPrefix("AA:BB:CC:DD") as Uint8Array;
        assert.equal(Buffer.from(deriveMac(prefix, a)).equals(deriveMac(prefix, b)), a === b);
      }),
    );
  });

  it("come from 2 to 6 hexadecimal octets of a unicast address", () => {
    assert.deepEqual(parseMacPrefix("aa-b-0C"), Uint8Array.of(0xaa, 0x0b, 0x0c));
    for (const bad of ["", "AA", "AA:BB:CC:DD:EE:FF:00", "AA:100", "AA:GG", "01:00:5E", "AA::BB"]) {
      assert.equal(typeof parseMacPrefix(bad), "string", bad);
    }
  });
});

describe("IP addresses from a network and the NodeID", () => {
  it("match the known examples", () => {
    const v4 = (cidr: string, id: number): string => {
      const derived = deriveAddress(cidr, id, 4);
      return derived.address ?? derived.fault;
    };
    assert.equal(v4("192.168.76.0/24", 100), "192.168.76.100/24");
    assert.equal(v4("192.168.76.99/24", 100), "192.168.76.100/24");
    assert.equal(v4("10.0.0.0/24", 0), "10.0.0.254/24");
    assert.equal(v4("10.0.0.0/24", 254), "10.0.0.254/24");
    assert.match(v4("10.0.0.0/24", 255), /does not fit/);
    assert.equal(v4("10.0.0.7/32", 9000), "10.0.0.7/32");
    assert.equal(v4("10.0.0.0/8", 65531), "10.0.255.251/8");
    assert.match(v4("10.0.0.0/33", 1), /expected an IPv4 network/);
    assert.match(v4("fd00::/64", 1), /expected an IPv4 network/);
    assert.match(v4("10.0.0.0", 1), /expected an IPv4 network/);
    assert.equal(deriveAddress("fd00::/64", 0, 6).address, "fd00::ffff:ffff:ffff:fffe/64");
    assert.equal(deriveAddress("::ffff:1.2.3.0/120", 4, 6).address, "::ffff:102:304/120");
    assert.equal(deriveAddress("2001:db8:0:1:0:0:0:0/64", 1, 6).address, "2001:db8:0:1::1/64");
  });

  it("lie in their network, differ between nodes, and count from its start", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 30 }), nodeId, (ip, length, id) => {
        const derived = deriveAddress(`${ip}/${length}`, id, 4);
        if (id > 2 ** (32 - length) - 2) {
          assert.match(derived.fault!, /does not fit/);
          return;
        }
        const network = new BlockList();
        network.addSubnet(ip, length, "ipv4");
        assert.ok(network.check(derived.address!.split("/")[0]!, "ipv4"));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 1, max: 112 }), nodeId, (ip, length, id) => {
        const { address } = deriveAddress(`${ip}/${length}`, id, 6);
        if (address === undefined) return;
        const [text = "", rest] = address.split("/");
        assert.ok(isIPv6(text));
        // URL parsers write IPv6 addresses in the canonical form too.
        assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
        assert.equal(rest, String(length));
        const network = new BlockList();
        network.addSubnet(ip, length, "ipv6");
        assert.ok(network.check(text, "ipv6"));
      }),
    );
  });

  it("of link-local kind stay in fe80::/64 and get /64", () => {
    assert.equal(deriveLinkLocal("fe80::a3df:0/112", 5).address, "fe80::a3df:5/64");
    assert.equal(deriveLinkLocal("fe80::/10", 5).address, "fe80::5/64");
    assert.match(deriveLinkLocal("fe80:1::/64", 5).fault!, /inside fe80::\/64/);
    assert.match(deriveLinkLocal("fd00::/64", 5).fault!, /inside fe80::\/64/);
  });
});
