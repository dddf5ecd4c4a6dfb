import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { parseEndpoint } from "../../src/api/endpoint-text.ts";
import {
  MAX_LINE_BYTES,
  MAX_REQUEST_BYTES,
  UapiParser,
  formatErrno,
  formatGet,
} from "../../src/api/uapi-codec.ts";
import type { DeviceChange, DeviceSnapshot, PeerChange, UapiRequest } from "../../src/api/uapi-codec.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): UapiRequest[] => new UapiParser().push(bytes(text));
const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");
const KEY = "0b".repeat(32);
const OTHER = "c4".repeat(32);
const key = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const endpoints = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65535 }))
  .map(([address, port]) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`));
const peerChanges: fc.Arbitrary<PeerChange> = fc
  .record(
    {
      publicKey: keys,
      remove: fc.constant(true as const),
      updateOnly: fc.constant(true as const),
      presharedKey: keys,
      endpoint: endpoints,
      persistentKeepalive: fc.integer({ min: 0, max: 65535 }),
    },
    { requiredKeys: ["publicKey"] },
  )
  .map((change) => ({ kind: "peer" as const, ...change }));
const deviceChanges: fc.Arbitrary<DeviceChange> = fc.oneof(
  keys.map((privateKey) => ({ kind: "privateKey" as const, privateKey })),
  fc.integer({ min: 0, max: 65535 }).map((listenPort) => ({ kind: "listenPort" as const, listenPort })),
  fc.integer({ min: 0, max: 0xffffffff }).map((fwmark) => ({ kind: "fwmark" as const, fwmark })),
  fc.constant({ kind: "replacePeers" as const }),
);
const changeLists = fc
  .tuple(fc.array(deviceChanges, { maxLength: 4 }), fc.array(peerChanges, { maxLength: 4 }))
  .map(([device, peers]): DeviceChange[] => [...device, ...peers]);

/** The other side of the protocol, written independently of the parser. */
function formatSet(changes: DeviceChange[]): string {
  const lines = ["set=1"];
  for (const change of changes) {
    switch (change.kind) {
      case "privateKey":
        lines.push(`private_key=${hex(change.privateKey)}`);
        break;
      case "listenPort":
        lines.push(`listen_port=${change.listenPort}`);
        break;
      case "fwmark":
        lines.push(`fwmark=${change.fwmark}`);
        break;
      case "replacePeers":
        lines.push("replace_peers=true");
        break;
      case "peer":
        lines.push(`public_key=${hex(change.publicKey)}`);
        if (change.remove) lines.push("remove=true");
        if (change.updateOnly) lines.push("update_only=true");
        if (change.presharedKey) lines.push(`preshared_key=${hex(change.presharedKey)}`);
        if (change.endpoint !== undefined) lines.push(`endpoint=${change.endpoint}`);
        if (change.persistentKeepalive !== undefined) {
          lines.push(`persistent_keepalive_interval=${change.persistentKeepalive}`);
        }
        lines.push("replace_allowed_ips=true", "allowed_ip=10.0.0.0/8", "allowed_ip=::/0");
    }
  }
  return `${lines.join("\n")}\n\n`;
}

describe("UAPI requests", () => {
  it("reads what was written, whatever the chunks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(changeLists), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (requests, sizes) => {
          const wire = bytes(
            requests.map((changes) => (changes ? formatSet(changes) : "get=1\n\n")).join(""),
          );
          const parser = new UapiParser();
          const seen: UapiRequest[] = [];
          for (let at = 0, i = 0; at < wire.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            seen.push(...parser.push(wire.subarray(at, at + size)));
            at += size;
          }
          const expected = requests.map((changes) => (changes ? { kind: "set", changes } : { kind: "get" }));
          assert.deepEqual(seen, expected);
          assert.equal(parser.midRequest, false);
        },
      ),
    );
  });

  it("never throws and answers each closed request once, on arbitrary lines", () => {
    const word = fc.constantFrom(
      "set",
      "get",
      "public_key",
      "remove",
      "true",
      "1",
      "=",
      KEY,
      "endpoint",
      "\n",
      "\n\n",
      "é",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const text = words.join("");
        const requests = parse(text);
        assert.ok(requests.length <= text.split("\n").length);
        for (const request of requests.slice(0, -1)) assert.ok(request.kind !== "invalid" || !request.fatal);
        for (const request of requests) if (request.kind === "invalid") assert.ok(request.errno < 0);
      }),
    );
  });

  it("does not answer before the blank line", () => {
    const parser = new UapiParser();
    assert.deepEqual(parser.push(bytes("set=1\nlisten_port=5\n")), []);
    assert.equal(parser.midRequest, true);
    assert.deepEqual(parser.push(bytes("\n")), [
      { kind: "set", changes: [{ kind: "listenPort", listenPort: 5 }] },
    ]);
  });

  const peerLine = `public_key=${KEY}\n`;
  const faults: [string, string, number][] = [
    ["short key", "public_key=00ff\n", -22],
    ["key with a letter beyond f", `public_key=${"0g".repeat(32)}\n`, -22],
    ["key of 65 digits", `private_key=${KEY}0\n`, -22],
    ["unknown device key", "mtu=1420\n", -22],
    ["unknown peer key", `${peerLine}nickname=x\n`, -22],
    ["device key after a peer", `${peerLine}listen_port=1\n`, -22],
    ["peer key before a peer", "endpoint=192.0.2.1:1\n", -22],
    ["port 65536", "listen_port=65536\n", -22],
    ["negative port", "listen_port=-1\n", -22],
    ["hexadecimal number", "fwmark=0x10\n", -22],
    ["33-bit fwmark", "fwmark=4294967296\n", -22],
    ["replace_peers=false", "replace_peers=false\n", -22],
    ["remove=yes", `${peerLine}remove=yes\n`, -22],
    ["update_only empty", `${peerLine}update_only=\n`, -22],
    ["endpoint name", `${peerLine}endpoint=example.org:51820\n`, -22],
    ["endpoint without port", `${peerLine}endpoint=192.0.2.1\n`, -22],
    ["endpoint port 0", `${peerLine}endpoint=192.0.2.1:0\n`, -22],
    ["bare IPv6 endpoint", `${peerLine}endpoint=2001:db8::1:51820\n`, -22],
    ["keepalive 65536", `${peerLine}persistent_keepalive_interval=65536\n`, -22],
    ["psk not hex", `${peerLine}preshared_key=zz\n`, -22],
    ["protocol version 2", `${peerLine}protocol_version=2\n`, -22],
    ["allowed_ip without prefix", `${peerLine}allowed_ip=10.0.0.1\n`, -22],
    ["carriage return", "listen_port=1\r\n", -22],
    ["no equals sign", "listen_port\n", -71],
    ["two equals signs", "listen_port=1=2\n", -71],
  ];
  for (const [name, lines, errno] of faults) {
    it(`refuses as a whole: ${name}`, () => {
      const [request, next, ...rest] = parse(`set=1\nlisten_port=7\n${lines}${peerLine}\nget=1\n\n`);
      assert.ok(request?.kind === "invalid");
      assert.equal(request.errno, errno);
      assert.equal(request.fatal, false);
      assert.ok(!request.reason.includes(KEY.slice(0, 8)), "keys stay out of messages");
      assert.deepEqual(next, { kind: "get" });
      assert.deepEqual(rest, []);
    });
  }

  it("refuses lines after get", () => {
    const [request] = parse("get=1\nlisten_port=1\n\n");
    assert.ok(request?.kind === "invalid" && request.errno === -71 && !request.fatal);
  });

  for (const text of ["\n", "GET / HTTP/1.1\r\n\r\n", "get=2\n\n", "set=1 \n\n"]) {
    it(`gives up on a stream that begins with ${JSON.stringify(text)}`, () => {
      const parser = new UapiParser();
      const requests = parser.push(bytes(text));
      assert.equal(requests.length, 1);
      assert.ok(requests[0]?.kind === "invalid" && requests[0].fatal && requests[0].errno === -71);
      assert.deepEqual(parser.push(bytes("get=1\n\n")), []);
    });
  }

  it("bounds a line and a request", () => {
    const long = parse(`set=1\n${"x".repeat(MAX_LINE_BYTES + 1)}`);
    assert.ok(long[0]?.kind === "invalid" && long[0].fatal && long[0].errno === -7);

    const parser = new UapiParser();
    parser.push(bytes("set=1\n"));
    const block = bytes(`${peerLine}endpoint=192.0.2.1:1\n`.repeat(1000));
    let total = 0;
    let request: UapiRequest | undefined;
    while (request === undefined && total < 2 * MAX_REQUEST_BYTES) {
      total += block.length;
      request = parser.push(block)[0];
    }
    assert.ok(request?.kind === "invalid" && request.fatal && request.errno === -7);
    assert.ok(total <= MAX_REQUEST_BYTES + block.length);
  });

  it("counts size per request, not per connection", () => {
    const parser = new UapiParser();
    const chunk = bytes("get=1\n\n".repeat(10_000));
    for (let i = 0; i < 16; i++) assert.equal(parser.push(chunk).length, 10_000);
  });
});

describe("UAPI answers", () => {
  const device: DeviceSnapshot = {
    privateKey: key(KEY),
    listenPort: 3001,
    fwmark: 0,
    peers: [
      {
        publicKey: key(OTHER),
        presharedKey: key(KEY),
        endpoint: "[2001:db8::1]:51820",
        lastHandshakeMs: 1_700_000_000_123.9,
        txBytes: 2 ** 52,
        rxBytes: 0,
        persistentKeepalive: 25,
      },
      {
        publicKey: key(KEY),
        presharedKey: null,
        endpoint: null,
        lastHandshakeMs: 0,
        txBytes: 1,
        rxBytes: 2,
        persistentKeepalive: 0,
      },
    ],
  };

  it("prints get line by line", () => {
    assert.deepEqual(formatGet(device).split("\n"), [
      `private_key=${KEY}`,
      "listen_port=3001",
      `public_key=${OTHER}`,
      `preshared_key=${KEY}`,
      "protocol_version=1",
      "endpoint=[2001:db8::1]:51820",
      "last_handshake_time_sec=1700000000",
      "last_handshake_time_nsec=123000000",
      "tx_bytes=4503599627370496",
      "rx_bytes=0",
      "persistent_keepalive_interval=25",
      `public_key=${KEY}`,
      "protocol_version=1",
      "last_handshake_time_sec=0",
      "last_handshake_time_nsec=0",
      "tx_bytes=1",
      "rx_bytes=2",
      "persistent_keepalive_interval=0",
      "errno=0",
      "",
      "",
    ]);
    assert.match(formatGet({ ...device, fwmark: 51 }), /\nfwmark=51\npublic_key/);
  });

  it("prints errno with its blank line", () => {
    assert.equal(formatErrno(-98), "errno=-98\n\n");
  });
});

describe("endpoint text", () => {
  it("accepts what it prints", () => {
    fc.assert(fc.property(endpoints, (text) => assert.equal(parseEndpoint(text)?.text, text)));
  });

  it("drops leading zeros of the port", () => {
    const text = "[fe80::1]:80";
    assert.deepEqual(parseEndpoint("[fe80::1]:00080"), { family: 6, address: "fe80::1", port: 80, text });
  });

  it("takes no zone: nothing here could send there", () => {
    assert.equal(parseEndpoint("[fe80::1%eth0]:80"), undefined);
  });

  it("never lets a line break through", () => {
    for (const text of [
      "[fe80::1%a\nb]:1",
      "1.2.3.4:1\n",
      "1.2.3.4\n:1",
      "[::1]:1]:2",
      "[1.2.3.4]:1",
      "::1:5",
    ]) {
      assert.equal(parseEndpoint(text), undefined, JSON.stringify(text));
    }
  });
});
