// The Noise pattern alone: published vectors, and a second implementation written straight down from the
// specification on top of @noble/*, operation by operation.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { readMessage1, readMessage2, writeMessage1, writeMessage2 } from "../../src/noise/ikpsk2.ts";
import type { NoiseMessage1, ResponderState, SessionKeys } from "../../src/noise/ikpsk2.ts";
import { importPrivateKey, importPublicKey } from "../../src/noise/primitives.ts";
import { LOW_ORDER_POINTS, ascii, hex, keyPair, seedBytes, toHex } from "./fixtures.ts";

interface Script {
  readonly prologue: Uint8Array;
  readonly psk: Uint8Array | undefined;
  readonly initiatorStatic: Uint8Array;
  readonly initiatorEphemeral: Uint8Array;
  readonly responderStatic: Uint8Array;
  readonly responderEphemeral: Uint8Array;
  readonly payload1: Uint8Array;
  readonly payload2: Uint8Array;
}

interface Transcript {
  readonly message1: Uint8Array;
  readonly message2: Uint8Array;
  readonly handshakeHash: Uint8Array;
  readonly initiatorKey: Uint8Array;
  readonly responderKey: Uint8Array;
}

/** The judge. It knows all private keys, so each shared secret is computed once, from one side. */
function oracle(script: Script): Transcript {
  const zeroNonce = new Uint8Array(12);
  const publicOf = (secret: Uint8Array): Uint8Array => x25519.getPublicKey(secret);
  const shared = (secret: Uint8Array, other: Uint8Array): Uint8Array =>
    x25519.getSharedSecret(secret, publicOf(other));
  const derive = (ck: Uint8Array, input: Uint8Array, count: number): Uint8Array[] => {
    const temp = hmac(blake2s, ck, input);
    const out: Uint8Array[] = [];
    for (let i = 1; i <= count; i++) {
      out.push(hmac(blake2s, temp, concatBytes(out.at(-1) ?? new Uint8Array(), Uint8Array.of(i))));
    }
    return out;
  };
  const at = (list: Uint8Array[], index: number): Uint8Array => list[index] ?? assert.fail();

  let ck: Uint8Array = blake2s(ascii("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
  let h: Uint8Array = blake2s(concatBytes(ck, script.prologue));
  h = blake2s(concatBytes(h, publicOf(script.responderStatic)));
  let k: Uint8Array = new Uint8Array(32);
  const mixHash = (data: Uint8Array): void => void (h = blake2s(concatBytes(h, data)));
  const mixKey = (input: Uint8Array): void => {
    const out = derive(ck, input, 2);
    ck = at(out, 0);
    k = at(out, 1);
  };
  const encrypt = (text: Uint8Array): Uint8Array => {
    const sealed = chacha20poly1305(k, zeroNonce, h).encrypt(text);
    mixHash(sealed);
    return sealed;
  };

  const e1 = publicOf(script.initiatorEphemeral);
  mixHash(e1);
  mixKey(e1);
  mixKey(shared(script.initiatorEphemeral, script.responderStatic));
  const sealedStatic = encrypt(publicOf(script.initiatorStatic));
  mixKey(shared(script.initiatorStatic, script.responderStatic));
  const message1 = concatBytes(e1, sealedStatic, encrypt(script.payload1));

  const e2 = publicOf(script.responderEphemeral);
  mixHash(e2);
  mixKey(e2);
  mixKey(shared(script.responderEphemeral, script.initiatorEphemeral));
  mixKey(shared(script.responderEphemeral, script.initiatorStatic));
  const mixed = derive(ck, script.psk ?? new Uint8Array(32), 3);
  ck = at(mixed, 0);
  mixHash(at(mixed, 1));
  k = at(mixed, 2);
  const message2 = concatBytes(e2, encrypt(script.payload2));

  const split = derive(ck, new Uint8Array(), 2);
  return { message1, message2, handshakeHash: h, initiatorKey: at(split, 0), responderKey: at(split, 1) };
}

/** Ours: both sides, each knowing its own private keys only. */
function run(script: Script): { transcript: Transcript; initiator: SessionKeys; responder: SessionKeys } {
  const initiator = importPrivateKey(script.initiatorStatic);
  const responder = importPrivateKey(script.responderStatic);
  const one = writeMessage1(
    script.prologue,
    initiator,
    responder.publicKey,
    importPrivateKey(script.initiatorEphemeral),
    script.payload1,
  );
  assert.ok(one.ok);
  const readOne = readMessage1(script.prologue, responder, one.message);
  assert.ok(readOne.ok);
  assert.deepEqual(readOne.payload, script.payload1);
  assert.deepEqual(readOne.state.remoteStatic.bytes, initiator.publicKey.bytes);
  const two = writeMessage2(
    readOne.state,
    importPrivateKey(script.responderEphemeral),
    script.psk,
    script.payload2,
  );
  assert.ok(two.ok);
  const readTwo = readMessage2(one.state, initiator, script.psk, two.message);
  assert.ok(readTwo.ok);
  assert.deepEqual(readTwo.payload, script.payload2);
  return {
    transcript: {
      message1: concatBytes(one.message.ephemeral, one.message.encryptedStatic, one.message.encryptedPayload),
      message2: concatBytes(two.message.ephemeral, two.message.encryptedPayload),
      handshakeHash: Uint8Array.from(readTwo.keys.handshakeHash),
      initiatorKey: Uint8Array.from(readTwo.keys.sendKey),
      responderKey: Uint8Array.from(readTwo.keys.receiveKey),
    },
    initiator: readTwo.keys,
    responder: two.keys,
  };
}

const script: Script = {
  prologue: ascii("Etherloom v1"),
  psk: seedBytes("psk"),
  initiatorStatic: seedBytes("initiator static"),
  initiatorEphemeral: seedBytes("initiator ephemeral"),
  responderStatic: seedBytes("responder static"),
  responderEphemeral: seedBytes("responder ephemeral"),
  payload1: ascii("payload one"),
  payload2: ascii("payload two"),
};

describe("Noise IKpsk2", () => {
  it("reproduces the cacophony vector Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, transport messages too", () => {
    const vector: Script = {
      prologue: hex("4a6f686e2047616c74"),
      psk: hex("54686973206973206d7920417573747269616e20706572737065637469766521"),
      initiatorStatic: hex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"),
      initiatorEphemeral: hex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"),
      responderStatic: hex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"),
      responderEphemeral: hex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"),
      payload1: hex("4c756477696720766f6e204d69736573"),
      payload2: hex("4d757272617920526f746862617264"),
    };
    const { transcript } = run(vector);
    assert.equal(
      toHex(transcript.message1),
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad57527207feb56253" +
        "c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe660c62119ab5000980c84831215f2441eba616548e832985464cf17e" +
        "51ee93109008399a21f7e13f",
    );
    assert.equal(
      toHex(transcript.message2),
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f007572dab032221775" +
        "5c0632f365717edbf34d33e87a",
    );
    const transport = (key: Uint8Array, counter: number, text: string): string => {
      const nonce = new Uint8Array(12);
      nonce[4] = counter;
      return toHex(chacha20poly1305(key, nonce).encrypt(hex(text)));
    };
    assert.equal(
      transport(transcript.initiatorKey, 0, "462e20412e20486179656b"),
      "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7",
    );
    assert.equal(
      transport(transcript.responderKey, 0, "4361726c204d656e676572"),
      "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef",
    );
    assert.equal(
      transport(transcript.initiatorKey, 1, "4a65616e2d426170746973746520536179"),
      "6ab1467c0448cc78394494abaaf23afce0e234315d6e2624dcbfa8a21c1c4d073d",
    );
    assert.equal(
      transport(transcript.responderKey, 1, "457567656e2042f6686d20766f6e2042617765726b"),
      "dfc346c0d2296ae6cf1acf6f12b8456a1dba228cf8d8b774aacf1c47fc53aa80ebc7a4c292",
    );
  });

  it("agrees with the second implementation in every byte, for random keys and payloads", () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const text = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.record({
          prologue: text,
          psk: fc.option(key, { nil: undefined }),
          initiatorStatic: key,
          initiatorEphemeral: key,
          responderStatic: key,
          responderEphemeral: key,
          payload1: text,
          payload2: text,
        }),
        (any) => {
          const { transcript, initiator, responder } = run(any);
          assert.deepEqual(transcript, oracle(any));
          assert.deepEqual(initiator.sendKey, responder.receiveKey);
          assert.deepEqual(initiator.receiveKey, responder.sendKey);
          assert.deepEqual(initiator.handshakeHash, responder.handshakeHash);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("keeps its frozen transcript", () => {
    const { transcript } = run(script);
    assert.equal(
      toHex(transcript.handshakeHash),
      "7672c370f46f2a92ecce8b3664c06f1d075844f01e8212b7e3c22cf071438228",
    );
  });

  it("gives each direction and each PSK its own key", () => {
    const all = [script, { ...script, psk: undefined }, { ...script, psk: seedBytes("another psk") }]
      .map((one) => run(one).transcript)
      .flatMap((transcript) => [toHex(transcript.initiatorKey), toHex(transcript.responderKey)]);
    assert.equal(new Set(all).size, 6);
  });

  it("does not understand a message made with another prologue", () => {
    const [local, other] = [keyPair("a"), keyPair("b")];
    const one = writeMessage1(ascii("Etherloom v2"), local, other.publicKey, keyPair("e"), ascii("x"));
    assert.ok(one.ok);
    const refused = { ok: false, reason: "decrypt-failed" };
    assert.deepEqual(readMessage1(script.prologue, other, one.message), refused);
  });

  it("treats no PSK as 32 zero bytes", () => {
    const none = run({ ...script, psk: undefined }).transcript;
    assert.deepEqual(none, run({ ...script, psk: new Uint8Array(32) }).transcript);
  });

  it("refuses points of small order wherever they stand, and writes nothing", () => {
    const [local, other] = [keyPair("a"), keyPair("b")];
    const payload = ascii("x");
    const good = writeMessage1(script.prologue, local, other.publicKey, keyPair("e"), payload);
    assert.ok(good.ok);
    const seen = readMessage1(script.prologue, other, good.message);
    assert.ok(seen.ok);
    for (const point of LOW_ORDER_POINTS) {
      const low = importPublicKey(point);
      const refused = { ok: false, reason: "low-order-key" };
      assert.deepEqual(writeMessage1(script.prologue, local, low, keyPair("e"), payload), refused);
      const forged: NoiseMessage1 = { ...good.message, ephemeral: point };
      assert.deepEqual(readMessage1(script.prologue, other, forged), refused);
      for (const field of ["remoteStatic", "remoteEphemeral"]) {
        const state: ResponderState = { ...seen.state, [field]: low };
        assert.deepEqual(writeMessage2(state, keyPair("f"), undefined, payload), refused);
      }
      const answer = { ephemeral: point, encryptedPayload: new Uint8Array(52) };
      assert.deepEqual(readMessage2(good.state, local, undefined, answer), refused);
    }
  });

  it("refuses its own key, as a peer to write to and as the author of a message", () => {
    const local = keyPair("a");
    const refused = { ok: false, reason: "own-key" };
    assert.deepEqual(
      writeMessage1(script.prologue, local, local.publicKey, keyPair("e"), new Uint8Array()),
      refused,
    );
    // Somebody with a copy of our private key writes to us.
    const copy = { privateKey: local.privateKey, publicKey: importPublicKey(keyPair("z").publicKey.bytes) };
    const twin = writeMessage1(script.prologue, copy, local.publicKey, keyPair("e"), new Uint8Array());
    assert.ok(twin.ok);
    assert.deepEqual(readMessage1(script.prologue, local, twin.message), {
      ok: false,
      reason: "decrypt-failed",
    });
    const reflected = oracle({
      ...script,
      initiatorStatic: seedBytes("a"),
      responderStatic: seedBytes("a"),
    }).message1;
    const message = {
      ephemeral: reflected.subarray(0, 32),
      encryptedStatic: reflected.subarray(32, 80),
      encryptedPayload: reflected.subarray(80),
    };
    assert.deepEqual(readMessage1(script.prologue, local, message), refused);
  });
});
