import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { mac1Key, verifyMac1 } from "../../src/noise/cookie.ts";
import { readInitiation, readResponse, writeInitiation, writeResponse } from "../../src/noise/handshake.ts";
import type { ReadInitiation } from "../../src/noise/handshake.ts";
import { importPublicKey } from "../../src/noise/primitives.ts";
import { encodeInitiation, parseInitiation } from "../../src/wire/handshake.ts";
import {
  LOW_ORDER_POINTS,
  initiationPayload,
  keyPair,
  mac,
  responsePayload,
  seedBytes,
  toHex,
} from "./fixtures.ts";

const alice = keyPair("alice");
const bob = keyPair("bob");
const psk = seedBytes("psk");

function begin(): Extract<ReturnType<typeof writeInitiation>, { ok: true }> {
  const written = writeInitiation({
    local: alice,
    remote: bob.publicKey,
    ephemeralPrivate: seedBytes("alice ephemeral"),
    senderIndex: 0x11223344,
    payload: initiationPayload(),
    mac,
  });
  assert.ok(written.ok);
  return written;
}

function receive(datagram: Uint8Array): ReadInitiation {
  const read = readInitiation({ local: bob, datagram });
  assert.ok(read.ok);
  return read;
}

function answer(
  initiation: ReadInitiation,
  key: Uint8Array | undefined = psk,
): Extract<ReturnType<typeof writeResponse>, { ok: true }> {
  const written = writeResponse({
    initiation,
    psk: key,
    ephemeralPrivate: seedBytes("bob ephemeral"),
    senderIndex: 0x55667788,
    payload: responsePayload(),
    mac,
  });
  assert.ok(written.ok);
  return written;
}

describe("handshake messages", () => {
  it("carry both payloads and leave both sides with the same keys", () => {
    const one = begin();
    assert.equal(one.datagram.length, 192);
    const seen = receive(one.datagram);
    assert.deepEqual(seen.remoteStatic, alice.publicKey.bytes);
    assert.equal(seen.senderIndex, 0x11223344);
    assert.deepEqual({ ...seen.payload }, initiationPayload());

    const two = answer(seen);
    assert.equal(two.datagram.length, 128);
    const done = readResponse({ local: alice, state: one.state, psk, datagram: two.datagram });
    assert.ok(done.ok);
    assert.equal(done.senderIndex, 0x55667788);
    assert.deepEqual({ ...done.payload }, responsePayload());
    assert.deepEqual(done.keys.sendKey, two.keys.receiveKey);
    assert.deepEqual(done.keys.receiveKey, two.keys.sendKey);
    assert.notDeepEqual(done.keys.sendKey, done.keys.receiveKey);
    assert.equal(toHex(done.keys.handshakeHash), toHex(two.keys.handshakeHash));
  });

  it("keep their frozen bytes", () => {
    const one = begin();
    const two = answer(receive(one.datagram));
    assert.equal(toHex(one.datagram.subarray(-48, -16)), FROZEN.initiation);
    assert.equal(toHex(two.datagram.subarray(-48, -16)), FROZEN.response);
    assert.equal(toHex(two.keys.handshakeHash), FROZEN.handshakeHash);
  });

  it("carry a mac1 that only the receiver's key explains, and no mac2", () => {
    const one = begin();
    assert.ok(verifyMac1(mac, mac1Key(bob.publicKey.bytes), one.datagram));
    assert.ok(!verifyMac1(mac, mac1Key(alice.publicKey.bytes), one.datagram));
    assert.deepEqual(one.datagram.subarray(-16), new Uint8Array(16));
    const two = answer(receive(one.datagram));
    assert.ok(verifyMac1(mac, mac1Key(alice.publicKey.bytes), two.datagram));
  });

  it("do not show who is talking: no static key and no NodeID in clear", () => {
    const text = toHex(begin().datagram);
    assert.ok(!text.includes(toHex(alice.publicKey.bytes)));
    assert.ok(!text.includes(toHex(bob.publicKey.bytes)));
    assert.ok(!text.includes(toHex(initiationPayload().networkTag)));
  });

  it("are refused, each for its reason, when any bit before mac1 is flipped, and harm nothing", () => {
    const one = begin();
    const two = answer(receive(one.datagram));
    fc.assert(
      fc.property(fc.nat(160 * 8 - 1), fc.nat(96 * 8 - 1), (bit1, bit2) => {
        const bad1 = flip(one.datagram, bit1);
        const read1 = readInitiation({ local: bob, datagram: bad1 });
        // The sender index is protected by mac1 only (and a wrong one just misses its receiver).
        const index1 = bit1 >= 32 && bit1 < 64;
        assert.equal(read1.ok, index1);
        assert.ok(!verifyMac1(mac, mac1Key(bob.publicKey.bytes), bad1));
        const bad2 = flip(two.datagram, bit2);
        const read2 = readResponse({ local: alice, state: one.state, psk, datagram: bad2 });
        const index2 = bit2 >= 32 && bit2 < 96;
        assert.equal(read2.ok, index2);
      }),
    );
    assert.ok(readResponse({ local: alice, state: one.state, psk, datagram: two.datagram }).ok);
  });

  it("never throw on random bytes behind a valid header", () => {
    const one = begin();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 188, maxLength: 300 }), (rest) => {
        const initiation = Uint8Array.from([1, 1, 0, 0, ...rest]);
        assert.ok(!readInitiation({ local: bob, datagram: initiation }).ok);
        const response = Uint8Array.from([2, 1, 0, 0, ...rest]);
        assert.ok(!readResponse({ local: alice, state: one.state, psk, datagram: response }).ok);
      }),
    );
  });

  it("fail at the initiator when the PSKs differ", () => {
    const one = begin();
    const two = answer(receive(one.datagram), seedBytes("another psk"));
    const refused = { ok: false, reason: "decrypt-failed" };
    assert.deepEqual(readResponse({ local: alice, state: one.state, psk, datagram: two.datagram }), refused);
    assert.deepEqual(
      readResponse({ local: alice, state: one.state, psk: undefined, datagram: two.datagram }),
      refused,
    );
  });

  it("are not answered when they carry a point of small order", () => {
    const parsed = parseInitiation(begin().datagram) ?? assert.fail();
    for (const point of LOW_ORDER_POINTS) {
      const datagram = encodeInitiation({ ...parsed, ephemeral: point });
      assert.deepEqual(readInitiation({ local: bob, datagram }), { ok: false, reason: "low-order-key" });
      const written = writeInitiation({
        local: alice,
        remote: importPublicKey(point),
        ephemeralPrivate: seedBytes("alice ephemeral"),
        senderIndex: 1,
        payload: initiationPayload(),
        mac,
      });
      assert.deepEqual(written, { ok: false, reason: "low-order-key" });
    }
  });

  it("are refused by the node that wrote them", () => {
    const read = readInitiation({ local: alice, datagram: begin().datagram });
    assert.deepEqual(read, { ok: false, reason: "decrypt-failed" });
  });
});

function flip(datagram: Uint8Array, bit: number): Uint8Array {
  const changed = datagram.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** The end of each message's payload with its tag and mac1: it depends on everything before. */
const FROZEN = {
  initiation: "6815d7e987ca432a49c802473f5351b9b453f800d44efed87c09ef206c401246",
  response: "28b6c7532418888b16e5a5d81ae84888c88f448cb162067b80cc375bfebf2e56",
  handshakeHash: "e5b69ed8dc021be1c19eb90d5ba7612d74395594cc4f0d42cd31450f9c042d7a",
};
