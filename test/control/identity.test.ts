import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { identitySeed, libp2pIdentity } from "../../src/control/identity.ts";
import { seedBytes, toHex } from "../noise/fixtures.ts";

const SEED_VECTOR = "5e33a65b608524e33fb6f5d0a5543f88a506d9316bbc3517f2ca47c8e0f968a6";

describe("the libp2p identity", () => {
  it("is the same after each start, and another for each key", async () => {
    const first = await libp2pIdentity(seedBytes("node"));
    const again = await libp2pIdentity(seedBytes("node"));
    const other = await libp2pIdentity(seedBytes("other node"));
    assert.equal(first.publicKey.toString(), again.publicKey.toString());
    assert.notEqual(first.publicKey.toString(), other.publicKey.toString());
    assert.match(first.publicKey.toString(), /^12D3Koo/);
  });

  it("never changes with the program", () => {
    // HKDF-SHA256 (RFC 5869) by a separate implementation (Python: hmac, hashlib).
    assert.equal(toHex(identitySeed(seedBytes("node"))), SEED_VECTOR);
  });

  it("does not depend on the bits that X25519 ignores", () => {
    const key = seedBytes("node");
    const spelled = key.slice();
    spelled[0]! ^= 7;
    spelled[31]! ^= 128;
    assert.deepEqual(identitySeed(spelled), identitySeed(key));
  });

  it("does not give the X25519 key away, and refuses another length", () => {
    assert.notDeepEqual(identitySeed(seedBytes("node")), seedBytes("node"));
    assert.throws(() => identitySeed(new Uint8Array(31)), RangeError);
  });
});
