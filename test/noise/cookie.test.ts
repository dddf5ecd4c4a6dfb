import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CookieJar, CookieResponder, mac1Key, stampMac1, verifyMac1 } from "../../src/noise/cookie.ts";
import { encodeInitiation, macFields } from "../../src/wire/handshake.ts";
import { ascii, keyPair, mac, prng, randomBytesFrom, seedBytes } from "./fixtures.ts";

const responderKey = keyPair("responder").publicKey.bytes;
const source = ascii("192.0.2.1:51820");
const random = randomBytesFrom(prng(1));

function initiation(senderIndex: number): Uint8Array {
  const datagram = encodeInitiation({
    senderIndex,
    ephemeral: seedBytes(`ephemeral ${senderIndex}`),
    encryptedStatic: new Uint8Array(48),
    encryptedPayload: new Uint8Array(72),
  });
  stampMac1(mac, mac1Key(responderKey), datagram);
  return datagram;
}

/** Both ends after a first message was answered with a cookie at time 0. */
function withCookie(): { responder: CookieResponder; jar: CookieJar } {
  const responder = new CookieResponder(mac, responderKey);
  const jar = new CookieJar(mac, responderKey);
  const first = initiation(1);
  jar.stamp(0, first);
  assert.ok(!responder.verifyMac2(0, first, source));
  const reply = responder.makeReply(0, first, source, random) ?? assert.fail();
  assert.equal(reply.length, 64);
  assert.ok(jar.accept(0, reply));
  return { responder, jar };
}

describe("mac1", () => {
  it("is right for its receiver only, and covers every byte before it", () => {
    const datagram = initiation(7);
    const key = mac1Key(responderKey);
    assert.ok(verifyMac1(mac, key, datagram));
    assert.ok(!verifyMac1(mac, mac1Key(keyPair("somebody").publicKey.bytes), datagram));
    for (let at = 0; at < datagram.length - 16; at++) {
      const changed = datagram.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      assert.ok(!verifyMac1(mac, key, changed), `byte ${at}`);
    }
  });

  it("is looked for in initiations and responses of a valid size only", () => {
    const key = mac1Key(responderKey);
    for (let size = 0; size < 192; size++) {
      assert.ok(!verifyMac1(mac, key, initiation(1).subarray(0, size)));
    }
  });
});

describe("cookies", () => {
  it("let a message through after one round trip", () => {
    const { responder, jar } = withCookie();
    const second = initiation(2);
    jar.stamp(10, second);
    assert.ok(responder.verifyMac2(10, second, source));
    assert.ok(verifyMac1(mac, mac1Key(responderKey), second));
  });

  it("are bound to the source they were given to", () => {
    const { responder, jar } = withCookie();
    const second = initiation(2);
    jar.stamp(10, second);
    assert.ok(!responder.verifyMac2(10, second, ascii("192.0.2.1:51821")));
    assert.ok(!responder.verifyMac2(10, second, ascii("")));
  });

  it("are not honoured by another node or by the same one after a restart", () => {
    const { jar } = withCookie();
    const second = initiation(2);
    jar.stamp(10, second);
    const restarted = new CookieResponder(mac, responderKey);
    assert.ok(!restarted.verifyMac2(10, second, source));
    restarted.makeReply(10, second, source, random);
    assert.ok(!restarted.verifyMac2(10, second, source));
  });

  it("are used for 120 s and honoured as long, also across the change of the secret", () => {
    const { responder, jar } = withCookie();
    const late = initiation(2);
    jar.stamp(119_999, late);
    assert.ok(responder.verifyMac2(119_999, late, source));
    responder.makeReply(120_000, initiation(3), source, random);
    assert.ok(responder.verifyMac2(120_001, late, source));
    assert.ok(!responder.verifyMac2(240_000, late, source));

    const afterwards = initiation(4);
    jar.stamp(120_000, afterwards);
    assert.deepEqual(macFields(afterwards).mac2, new Uint8Array(16));
  });

  it("differ after the secret has changed twice", () => {
    const { responder, jar } = withCookie();
    const message = initiation(2);
    jar.stamp(1, message);
    responder.makeReply(120_000, initiation(3), source, random);
    responder.makeReply(240_000, initiation(3), source, random);
    assert.ok(!responder.verifyMac2(200_000, message, source));
  });

  it("are taken only from an authentic reply to one of the last messages, and only once", () => {
    const responder = new CookieResponder(mac, responderKey);
    const jar = new CookieJar(mac, responderKey);
    const sent = initiation(1);
    const reply = responder.makeReply(0, sent, source, random) ?? assert.fail();
    assert.ok(!jar.accept(0, reply), "nothing was sent yet");
    jar.stamp(0, sent);
    for (let at = 0; at < reply.length; at++) {
      const forged = reply.slice();
      forged[at] = (forged[at] ?? 0) ^ 1;
      assert.ok(!jar.accept(0, forged), `byte ${at}`);
    }
    assert.ok(jar.accept(0, reply));
    assert.ok(!jar.accept(0, reply), "a second time");

    const imposter = new CookieResponder(mac, keyPair("imposter").publicKey.bytes);
    const other = initiation(2);
    jar.stamp(0, other);
    assert.ok(!jar.accept(0, imposter.makeReply(0, other, source, random) ?? assert.fail()));
    jar.stamp(0, initiation(3));
    jar.stamp(0, initiation(4));
    assert.ok(!jar.accept(0, responder.makeReply(0, other, source, random) ?? assert.fail()), "too old");
  });

  it("are not made for datagrams that carry no MACs", () => {
    const responder = new CookieResponder(mac, responderKey);
    for (const junk of [new Uint8Array(0), new Uint8Array(192), initiation(1).subarray(0, 191)]) {
      assert.equal(responder.makeReply(0, junk, source, random), undefined);
    }
  });
});
