import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  addressKey,
  formatAddress,
  formatHost,
  isBroadcast,
  isLoopback,
  isPrivate,
  isMulticast,
  isUnspecified,
  PACKED_ADDRESS_BYTES,
  packAddress,
  parseAddress,
  parseHost,
  parsePrefix,
  prefixContains,
  unpackAddress,
} from "../../src/wire/address.ts";
import type { UnderlayAddress } from "../../src/wire/address.ts";

const port = fc.nat({ max: 65535 });

function parsed(text: string): UnderlayAddress {
  const address = parseAddress(text);
  assert.ok(address, text);
  return address;
}

describe("underlay addresses: text", () => {
  it("reads every IPv4 and IPv6 address in any spelling, and its own output to the same address", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().map((text) => `[${text}]`),
        ),
        port,
        (host, number) => {
          const address = parsed(`${host}:${number}`);
          assert.equal(address.port, number);
          assert.deepEqual(parseAddress(formatAddress(address)), address);
          assert.equal(addressKey(address), formatAddress(address));
        },
      ),
    );
  });

  it("writes IPv6 as the WHATWG URL parser does", () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 65535 })), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (words) => {
        const bytes = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]));
        const text = words.map((word) => word.toString(16)).join(":");
        assert.equal(`[${formatHost(bytes)}]`, new URL(`http://[${text}]/`).hostname);
      }),
    );
  });

  it("accepts an address if and only if the platform does", () => {
    const hostText = fc.string({ unit: fc.constantFrom(..."0123456789abf:."), maxLength: 20 });
    fc.assert(
      fc.property(hostText, (text) => assert.equal(parseHost(text) !== undefined, isIP(text) !== 0, text)),
      { numRuns: 2000 },
    );
    for (const text of [
      "::",
      "::1",
      "1::",
      "1:2:3:4:5:6:7::",
      "::2:3:4:5:6:7:8",
      "1:2:3:4:5:6:1.2.3.4",
      "::1.2.3.4",
    ]) {
      assert.ok(parseHost(text), text);
    }
    for (const text of [
      "",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "::1.2.3.4:1",
      "01.2.3.4",
      "1.2.3",
      "12345::",
    ]) {
      assert.equal(parseHost(text), undefined, text);
    }
  });

  it("refuses what is not address and port", () => {
    for (const text of [
      "1.2.3.4",
      "1.2.3.4:",
      "1.2.3.4:65536",
      "::1:80",
      "[1.2.3.4]:80",
      "[::1]",
      "host:80",
      " 1.2.3.4:1",
      "[fe80::1%eth0]:1",
      "256.1.1.1:1",
    ]) {
      assert.equal(parseAddress(text), undefined, text);
    }
    fc.assert(fc.property(fc.string(), (text) => void parseAddress(text)));
  });

  it("turns an IPv4-mapped address into IPv4, so that there is one key", () => {
    assert.equal(formatAddress(parsed("[::ffff:192.0.2.1]:5")), "192.0.2.1:5");
    assert.equal(parsed("[::ffff:c000:201]:5").family, 4);
  });
});

describe("underlay addresses: packed", () => {
  it("give back what was put in, at any offset", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().map((text) => `[${text}]`),
        ),
        port,
        fc.nat({ max: 9 }),
        (host, n, at) => {
          const address = parsed(`${host}:${n}`);
          const bytes = new Uint8Array(at + PACKED_ADDRESS_BYTES).fill(0xee);
          assert.equal(packAddress(address, bytes, at), PACKED_ADDRESS_BYTES);
          assert.deepEqual(unpackAddress(bytes, at), address);
        },
      ),
    );
  });

  it("have the documented bytes", () => {
    const bytes = new Uint8Array(20).fill(0xee);
    packAddress(parsed("192.0.2.1:4660"), bytes);
    assert.deepEqual([...bytes], [4, 0, 0x12, 0x34, 192, 0, 2, 1, ...new Array<number>(12).fill(0)]);
  });

  it("are refused when short or of no family, and any bytes are survived", () => {
    assert.equal(unpackAddress(new Uint8Array(20)), undefined);
    assert.equal(unpackAddress(new Uint8Array(19).fill(4)), undefined);
    assert.equal(packAddress(parsed("1.2.3.4:5"), new Uint8Array(19)), 0);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.nat({ max: 30 }),
        (b, at) => void unpackAddress(b, at),
      ),
    );
  });
});

describe("underlay addresses: kinds", () => {
  const kinds = (text: string): string =>
    [isMulticast, isBroadcast, isLoopback, isUnspecified, isPrivate]
      .filter((test) => test(parsed(text)))
      .map((test) => test.name)
      .join();

  it("are told apart", () => {
    const expected: [string, string][] = [
      ["224.0.0.1:1", "isMulticast"],
      ["239.255.255.255:1", "isMulticast"],
      ["[ff02::1]:1", "isMulticast"],
      ["255.255.255.255:1", "isBroadcast"],
      ["127.0.0.1:1", "isLoopback"],
      ["127.255.0.9:1", "isLoopback"],
      ["[::1]:1", "isLoopback"],
      ["[::ffff:127.0.0.1]:1", "isLoopback"],
      ["0.0.0.0:1", "isUnspecified"],
      ["[::]:1", "isUnspecified"],
      ["[::2]:1", ""],
      ["223.255.255.255:1", ""],
      ["240.0.0.1:1", ""],
      ["[fe80::1]:1", "isPrivate"],
      ["[fdff::1]:1", "isPrivate"],
      ["[fe00::1]:1", ""],
      ["10.255.0.1:1", "isPrivate"],
      ["172.31.0.1:1", "isPrivate"],
      ["172.32.0.1:1", ""],
      ["192.168.9.9:1", "isPrivate"],
      ["[::ffff:192.168.9.9]:1", "isPrivate"],
      ["100.127.255.255:1", "isPrivate"],
      ["100.128.0.1:1", ""],
      ["169.254.1.1:1", "isPrivate"],
      ["192.0.2.1:1", ""],
    ];
    for (const [text, kind] of expected) assert.equal(kinds(text), kind, text);
  });

  it("lie in a prefix exactly when the leading bits are equal", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat({ max: 32 }), (a, b, bits) => {
        const prefix = parsePrefix(`${a}/${bits}`);
        assert.ok(prefix);
        const number = (text: string): bigint =>
          BigInt(`0x${Buffer.from(parsed(`${text}:0`).bytes).toString("hex")}`);
        const inside = number(a) >> BigInt(32 - bits) === number(b) >> BigInt(32 - bits);
        assert.equal(prefixContains(prefix, parsed(`${b}:0`)), inside);
      }),
    );
    const six = parsePrefix("2001:db8::/33");
    assert.ok(six);
    assert.equal(prefixContains(six, parsed("[2001:db8:7fff::1]:1")), true);
    assert.equal(prefixContains(six, parsed("[2001:db8:8000::1]:1")), false);
    assert.equal(prefixContains(six, parsed("32.1.13.184:1")), false);
    for (const text of ["1.2.3.4/33", "::/129", "1.2.3.4", "1.2.3.4/", "x/8", "1.2.3.4/-1"]) {
      assert.equal(parsePrefix(text), undefined, text);
    }
  });
});
