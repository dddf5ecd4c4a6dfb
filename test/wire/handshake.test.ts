import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import {
  COOKIE_REPLY_SIZE,
  INITIATION_SIZE,
  MAX_HANDSHAKE_SIZE,
  RESPONSE_SIZE,
  encodeCookieReply,
  encodeInitiation,
  encodeInitiationPayload,
  encodeResponse,
  encodeResponsePayload,
  handshakeType,
  macFields,
  parseCookieReply,
  parseInitiation,
  parseInitiationPayload,
  parseResponse,
  parseResponsePayload,
  senderIndexOf,
} from "../../src/wire/handshake.ts";

const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });
const atLeast = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n + 100 });
const u32 = fc.nat(0xffff_ffff);
const u16 = fc.nat(0xffff);
const u8 = fc.nat(0xff);

const initiation = fc.record({
  senderIndex: u32,
  ephemeral: bytes(32),
  encryptedStatic: bytes(48),
  encryptedPayload: atLeast(72),
});
const response = fc.record({
  senderIndex: u32,
  receiverIndex: u32,
  ephemeral: bytes(32),
  encryptedPayload: atLeast(52),
});
const cookieReply = fc.record({ receiverIndex: u32, nonce: bytes(24), encryptedCookie: bytes(32) });
const initiationPayload = fc.record({
  timestamp: bytes(12),
  version: u8,
  networkTag: bytes(8),
  nodeId: u16,
  aeadBits: u8,
  signingKey: bytes(32),
});
const responsePayload = fc.record({
  aead: fc.constantFrom(1 as const, 2 as const),
  nodeId: u16,
  version: u8,
  signingKey: bytes(32),
});

const parsers = [
  parseInitiation,
  parseResponse,
  parseCookieReply,
  parseInitiationPayload,
  parseResponsePayload,
  handshakeType,
  senderIndexOf,
];

describe("handshake codecs", () => {
  it("give back what was encoded", () => {
    const roundTrip = <T>(
      arbitrary: fc.Arbitrary<T>,
      encode: (value: T) => Uint8Array,
      parse: (bytes: Uint8Array) => T | undefined,
    ): void => {
      fc.assert(
        fc.property(arbitrary, (value) => assert.deepEqual({ ...parse(encode(value)) }, { ...value })),
      );
    };
    roundTrip(initiation, encodeInitiation, parseInitiation);
    roundTrip(response, encodeResponse, parseResponse);
    roundTrip(cookieReply, encodeCookieReply, parseCookieReply);
    roundTrip(initiationPayload, encodeInitiationPayload, parseInitiationPayload);
    roundTrip(responsePayload, encodeResponsePayload, parseResponsePayload);
  });

  it("never throw on random bytes, with or without a plausible header", () => {
    const any = fc.uint8Array({ maxLength: 300 });
    const headed = fc.tuple(fc.constantFrom(1, 2, 3), any).map(([type, rest]) => {
      return Uint8Array.from([type, 1, 0, 0, ...rest]);
    });
    fc.assert(
      fc.property(fc.oneof(any, headed), (input) => {
        for (const parse of parsers) parse(input);
      }),
      { numRuns: 1000 },
    );
  });

  it("accept no message cut short anywhere", () => {
    fc.assert(
      fc.property(initiation, response, cookieReply, fc.nat(), (one, two, three, at) => {
        const shortest1 = encodeInitiation({
          ...one,
          encryptedPayload: one.encryptedPayload.subarray(0, 72),
        });
        const shortest2 = encodeResponse({ ...two, encryptedPayload: two.encryptedPayload.subarray(0, 52) });
        const reply = encodeCookieReply(three);
        assert.equal(parseInitiation(shortest1.subarray(0, at % shortest1.length)), undefined);
        assert.equal(parseResponse(shortest2.subarray(0, at % shortest2.length)), undefined);
        assert.equal(parseCookieReply(reply.subarray(0, at % reply.length)), undefined);
      }),
    );
  });

  it("accept only their own type, the mesh mark and zero in the reserved bytes", () => {
    const samples: [Uint8Array, (bytes: Uint8Array) => unknown][] = [
      [fc.sample(initiation.map(encodeInitiation), 1)[0] ?? assert.fail(), parseInitiation],
      [fc.sample(response.map(encodeResponse), 1)[0] ?? assert.fail(), parseResponse],
      [fc.sample(cookieReply.map(encodeCookieReply), 1)[0] ?? assert.fail(), parseCookieReply],
    ];
    for (const [datagram, parse] of samples) {
      assert.notEqual(parse(datagram), undefined);
      for (let at = 0; at < 4; at++) {
        for (let value = 0; value < 256; value++) {
          if (datagram[at] === value) continue;
          const changed = datagram.slice();
          changed[at] = value;
          assert.equal(parse(changed), undefined, `byte ${at} = ${value}`);
        }
      }
    }
  });

  it("have the sizes of the wire format, and an upper limit", () => {
    assert.deepEqual([INITIATION_SIZE, RESPONSE_SIZE, COOKIE_REPLY_SIZE], [192, 128, 64]);
    const header = { senderIndex: 1, ephemeral: new Uint8Array(32), encryptedStatic: new Uint8Array(48) };
    const longest = encodeInitiation({
      ...header,
      encryptedPayload: new Uint8Array(MAX_HANDSHAKE_SIZE - 120),
    });
    assert.equal(longest.length, MAX_HANDSHAKE_SIZE);
    assert.notEqual(parseInitiation(longest), undefined);
    assert.equal(parseInitiation(Uint8Array.from([...longest, 0])), undefined);
  });

  it("put every field of an initiation where the diagram says", () => {
    const datagram = encodeInitiation({
      senderIndex: 0x04030201,
      ephemeral: new Uint8Array(32).fill(0xee),
      encryptedStatic: new Uint8Array(48).fill(0x55),
      encryptedPayload: new Uint8Array(72).fill(0x99),
    });
    const expected = [
      "01010000",
      "01020304",
      "ee".repeat(32),
      "55".repeat(48),
      "99".repeat(72),
      "00".repeat(32),
    ];
    assert.equal(Buffer.from(datagram).toString("hex"), expected.join(""));
    assert.equal(macFields(datagram).beforeMac1.length, 160);
    assert.equal(macFields(datagram).beforeMac2.length, 176);
    assert.equal(senderIndexOf(datagram), 0x04030201);
  });

  it("ignore payload bytes that a later version may add", () => {
    fc.assert(
      fc.property(initiationPayload, responsePayload, fc.uint8Array({ maxLength: 50 }), (one, two, more) => {
        const long1 = Uint8Array.from([...encodeInitiationPayload(one), ...more]);
        const long2 = Uint8Array.from([...encodeResponsePayload(two), ...more]);
        assert.deepEqual({ ...parseInitiationPayload(long1) }, { ...one });
        assert.deepEqual({ ...parseResponsePayload(long2) }, { ...two });
      }),
    );
  });

  it("refuse a response payload that names no known AEAD", () => {
    const payload = new Uint8Array(36);
    for (let aead = 0; aead < 256; aead++) {
      payload[0] = aead;
      assert.equal(parseResponsePayload(payload) !== undefined, aead === 1 || aead === 2);
    }
  });
});
