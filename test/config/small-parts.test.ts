import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { x25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, it } from "mocha";
import { parseEdgeConfig } from "../../src/config/edge-config.ts";
import { isLoopback, parseEndpoint } from "../../src/config/endpoint.ts";
import {
  decodeKey,
  encodeKey,
  generatePrivateKey,
  isLowOrder,
  keyFault,
  publicKeyOf,
} from "../../src/config/key-text.ts";
import { fittingMtu, mtuWarning, underlaySize } from "../../src/config/mtu.ts";
import { nearest } from "../../src/config/nearest.ts";
import { parseSuperConfig } from "../../src/config/super-config.ts";
import { ERRORS, EtherloomError } from "../../src/errors.ts";

const sameKey = (a: Uint8Array, b: Uint8Array): boolean => encodeKey(a) === encodeKey(b);

describe("endpoints", () => {
  it("are a name or address and a port", () => {
    assert.deepEqual(parseEndpoint("192.0.2.1:3001"), { host: "192.0.2.1", port: 3001, family: 4 });
    assert.deepEqual(parseEndpoint("[2001:db8::1]:1"), { host: "2001:db8::1", port: 1, family: 6 });
    assert.deepEqual(parseEndpoint("a_b.example.org.:65535"), {
      host: "a_b.example.org.",
      port: 65535,
      family: 0,
    });
  });

  it("of any other form are told so", () => {
    const bad = [
      "", "a", ":1", "a:", "a:0", "a:65536", "a:1:2", "1.2.3:1", "1.2.3.256:1", "::1", "[::1]", "[1.2.3.4]:1", "[fe80::1%eth0]:1",
      "[::]:1", "0.0.0.0:1", "255.255.255.255:1", "224.0.0.1:1", "[ff02::1]:1", "-a:1", "a b:1", `${"x".repeat(64)}:1`,
    ]; // prettier-ignore
    for (const text of bad) assert.equal(typeof parseEndpoint(text), "string", text);
    assert.match(parseEndpoint("::1") as string, /expected \[::1\]:port/);
  });

  it("never throw, whatever the text", () => {
    fc.assert(fc.property(fc.string(), (text) => ["string", "object"].includes(typeof parseEndpoint(text))));
  });

  it("know loopback when they see it", () => {
    const loopback = (text: string): boolean => isLoopback(parseEndpoint(text) as never);
    for (const text of ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[0:0:0:0:0:0:0:1]:1", "localhost:1"]) {
      assert.ok(loopback(text), text);
    }
    for (const text of ["128.0.0.1:1", "[::2]:1", "[1::1]:1", "[fe80::1]:1", "localhost.example:1"]) {
      assert.ok(!loopback(text), text);
    }
  });
});

describe("key text", () => {
  it("survives the round trip", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        assert.deepEqual(decodeKey(encodeKey(key)), key);
      }),
    );
  });

  it("of another length or alphabet is refused with the reason", () => {
    assert.equal(decodeKey(encodeKey(new Uint8Array(31))), undefined);
    assert.match(keyFault(encodeKey(new Uint8Array(31))), /a key of 31 bytes/);
    assert.match(keyFault("not base64!"), /not base64/);
    assert.match(keyFault(encodeKey(new Uint8Array(32)).slice(0, 43)), /padding/);
  });

  it("gives the public keys that an independent implementation gives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
        assert.deepEqual(publicKeyOf(secret), x25519.getPublicKey(secret));
      }),
    );
  });

  it("tells low-order points from others", () => {
    const one = new Uint8Array(32);
    one[0] = 1;
    const order8 = Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex");
    for (const point of [new Uint8Array(32), one, order8]) assert.ok(isLowOrder(point));
    assert.ok(!isLowOrder(publicKeyOf(generatePrivateKey())));
  });

  it("of new private keys is clamped", () => {
    const key = generatePrivateKey();
    assert.equal(key[0]! & 7, 0);
    assert.equal(key[31]! & 0xc0, 0x40);
  });
});

describe("MTU", () => {
  it("has the sizes of the wire format", () => {
    assert.equal(underlaySize(1350, 4, false), 1432);
    assert.equal(underlaySize(1350, 6, false), 1452);
    assert.equal(underlaySize(1350, 4, true), 1472);
    assert.equal(underlaySize(1350, 6, true), 1492);
    assert.deepEqual(
      [fittingMtu(4, false), fittingMtu(6, false), fittingMtu(4, true), fittingMtu(6, true)],
      [1418, 1398, 1358, 1358],
    );
  });

  it("draws a warning exactly when a frame exceeds 1500", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 576, max: 9000 }),
        fc.constantFrom(4, 6),
        fc.boolean(),
        (mtu, family, relayed) => {
          assert.equal(
            mtuWarning(mtu, family, relayed) !== undefined,
            underlaySize(mtu, relayed ? 6 : family, relayed) > 1500,
          );
        },
      ),
    );
  });
});

describe("the nearest known word", () => {
  it("is found for slips, not for strangers", () => {
    const known = ["listenPort", "privKey", "peers"];
    assert.equal(nearest("lisenport", known), "listenPort");
    assert.equal(nearest("pirvkey", known), "privKey");
    assert.equal(nearest("zzzzzz", known), undefined);
  });
});

describe("error codes", () => {
  it("carry the exit code of the table", () => {
    for (const [code, { exitCode }] of Object.entries(ERRORS)) {
      assert.equal(new EtherloomError(code as keyof typeof ERRORS, "x").exitCode, exitCode);
    }
  });

  it("are all in the manual, with exit code and meaning", () => {
    const manual = readFileSync(new URL("../../configs/MANUAL.md", import.meta.url), "utf8").replace(
      / +/g,
      " ",
    );
    for (const [code, { exitCode, summary }] of Object.entries(ERRORS)) {
      assert.ok(manual.includes(`| \`${code}\` | ${exitCode} | ${summary} |`), code);
    }
    const described = [...manual.matchAll(/^\| `(EL_\w+)` \|/gm)].map(([, code]) => code);
    assert.deepEqual(described.toSorted(), Object.keys(ERRORS).toSorted());
  });
});

describe("the example networks", () => {
  const root = new URL("../../configs/", import.meta.url);
  const networks = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const isSupernode = (file: string): boolean => file.startsWith("super");
  for (const { name } of networks) {
    it(`${name}: files load and fit together`, () => {
      const directory = new URL(`${name}/`, root);
      const files = readdirSync(directory);
      const read = (file: string): string => readFileSync(new URL(file, directory), "utf8");
      const supernodes = files.filter(isSupernode).map((file) => parseSuperConfig(file, read(file)));
      const nodes = files
        .filter((file) => !isSupernode(file))
        .map((file) => parseEdgeConfig(file, read(file)));
      assert.ok(nodes.length >= 2);
      for (const node of nodes) {
        assert.deepEqual(node.warnings, []);
        assert.equal(node.mode, supernodes.length > 0 ? "super" : "static");
        const known = node.mode === "super" ? [] : nodes.filter((candidate) => candidate !== node);
        for (const other of known) {
          const peer = node.peers.find(({ nodeId }) => nodeId === other.nodeId);
          assert.deepEqual(peer?.pubKey, publicKeyOf(other.privKey), `${node.file} about ${other.nodeId}`);
          assert.ok(node.nextHopTable.get(node.nodeId)?.has(other.nodeId));
        }
      }
      for (const supernode of supernodes) {
        assert.deepEqual(supernode.warnings, []);
        assert.equal(supernode.peers.length, nodes.length);
        for (const node of nodes) {
          const peer = supernode.peers.find(({ nodeId }) => nodeId === node.nodeId);
          assert.deepEqual(peer?.pubKey, publicKeyOf(node.privKey));
          assert.equal(node.networkName, supernode.networkName);
          const entry = node.supers.find(({ pubKey }) => sameKey(pubKey, publicKeyOf(supernode.privKey)));
          assert.match(entry?.endpoint ?? "", new RegExp(`:${supernode.listenPort}$`));
          assert.match(entry?.control ?? "", new RegExp(`:${supernode.controlPort}$`));
        }
      }
    });
  }
});
