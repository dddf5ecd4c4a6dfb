import assert from "node:assert/strict";
import { createCipheriv, createSecretKey } from "node:crypto";
import { describe, it } from "mocha";
import fc from "fast-check";
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import {
  dh,
  hash,
  hkdf2,
  hkdf3,
  importPrivateKey,
  importPublicKey,
  open,
  seal,
} from "../../src/noise/primitives.ts";
import { LOW_ORDER_POINTS, ascii, hex, keyPair, mac, toHex } from "./fixtures.ts";

const SUNSCREEN = ascii(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
    "sunscreen would be it.",
);
const AEAD_KEY = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
const AEAD_AD = hex("50515253c0c1c2c3c4c5c6c7");

describe("noise primitives: published vectors", () => {
  it("BLAKE2s-256 of abc (RFC 7693, appendix B)", () => {
    const expected = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
    assert.equal(toHex(hash(ascii("abc"))), expected);
    assert.equal(toHex(hash(ascii("a"), ascii("bc"))), expected);
  });

  it("X25519 key agreement (RFC 7748, section 6.1)", () => {
    const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    const alice = importPrivateKey(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    const bob = importPrivateKey(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    assert.equal(
      toHex(alice.publicKey.bytes),
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
    assert.equal(
      toHex(bob.publicKey.bytes),
      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    );
    assert.equal(toHex(dh(alice.privateKey, bob.publicKey.key) ?? ascii("none")), shared);
    assert.equal(toHex(dh(bob.privateKey, alice.publicKey.key) ?? ascii("none")), shared);
  });

  it("ChaCha20-Poly1305 (RFC 8439, section 2.8.2) in node:crypto and in the judge of these tests", () => {
    const expected =
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b" +
      "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
      "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";
    const nonce = hex("070000004041424344454647");
    const cipher = createCipheriv("chacha20-poly1305", createSecretKey(AEAD_KEY), nonce, {
      authTagLength: 16,
    });
    cipher.setAAD(AEAD_AD, { plaintextLength: SUNSCREEN.length });
    const sealed = Buffer.concat([cipher.update(SUNSCREEN), cipher.final(), cipher.getAuthTag()]);
    assert.equal(toHex(sealed), expected);
    assert.equal(toHex(chacha20poly1305(AEAD_KEY, nonce, AEAD_AD).encrypt(SUNSCREEN)), expected);
  });

  it("XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, appendix A.3.1)", () => {
    const nonce = hex("404142434445464748494a4b4c4d4e4f5051525354555657");
    assert.equal(
      toHex(xchacha20poly1305(AEAD_KEY, nonce, AEAD_AD).encrypt(SUNSCREEN)),
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39" +
        "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9" +
        "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
    );
  });

  it("AES-256-GCM (McGrew and Viega, test case 16)", () => {
    const key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const cipher = createCipheriv("aes-256-gcm", createSecretKey(key), hex("cafebabefacedbaddecaf888"));
    cipher.setAAD(hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
    const plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    assert.equal(
      toHex(sealed),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
        "76fc6ece0f4e1768cddf8853bb2d551b",
    );
  });

  it("keyed BLAKE2s differs from the unkeyed hash and has 16 bytes", () => {
    assert.equal(mac(AEAD_KEY, SUNSCREEN).length, 16);
    assert.notDeepEqual(mac(AEAD_KEY, SUNSCREEN), blake2s(SUNSCREEN, { dkLen: 16 }));
  });
});

const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });

describe("noise primitives against a second implementation", () => {
  it("X25519 gives what @noble/curves gives, also for public keys that are not canonical", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (secret, point) => {
        const ours = dh(importPrivateKey(secret).privateKey, importPublicKey(point).key);
        assert.deepEqual(Uint8Array.from(ours ?? []), x25519.getSharedSecret(secret, point));
      }),
      { numRuns: 30 },
    );
  });

  it("HKDF is RFC 5869 with an empty info", () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 64 }), (chainingKey, input) => {
        const secret = extract(blake2s, input, chainingKey);
        const expected = toHex(expand(blake2s, secret, undefined, 96));
        assert.equal(hkdf3(chainingKey, input).map(toHex).join(""), expected);
        assert.equal(hkdf2(chainingKey, input).map(toHex).join(""), expected.slice(0, 128));
      }),
    );
  });

  it("sealing agrees both ways, and any flipped bit is noticed", () => {
    const nonce = new Uint8Array(12);
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array({ maxLength: 200 }), fc.nat(), (key, ad, text, at) => {
        const sealed = seal(key, ad, text);
        assert.deepEqual(sealed, chacha20poly1305(key, nonce, ad).encrypt(text));
        assert.deepEqual(open(key, ad, sealed), text);
        const bit = at % (8 * sealed.length);
        const changed = sealed.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(open(key, ad, changed), undefined);
      }),
    );
  });

  it("opening something shorter than a tag fails quietly", () => {
    for (let size = 0; size < 16; size++) {
      assert.equal(open(AEAD_KEY, AEAD_AD, new Uint8Array(size)), undefined);
    }
  });
});

describe("X25519 with public keys of small order", () => {
  for (const point of LOW_ORDER_POINTS) {
    it(`refuses ${toHex(point).slice(0, 8)}…${toHex(point).slice(-4)}`, () => {
      assert.equal(dh(keyPair("any").privateKey, importPublicKey(point).key), undefined);
      const highBit = point.slice();
      highBit[31] = (highBit[31] ?? 0) | 0x80;
      assert.equal(dh(keyPair("any").privateKey, importPublicKey(highBit).key), undefined);
    });
  }
});
