import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { HelloInitiator, HelloResponder, helloProof, helloSecret } from "../../src/control/hello.ts";
import type { HelloEnd, HelloFault, HelloOwn } from "../../src/control/hello.ts";
import { LOW_ORDER_POINTS, ascii, keyPair, seedBytes, toHex } from "../noise/fixtures.ts";

const edge: HelloOwn = { keys: keyPair("edge"), peerId: "peer-of-edge", challenge: seedBytes("edge asks") };
const supernode: HelloOwn = {
  keys: keyPair("super"),
  peerId: "peer-of-super",
  challenge: seedBytes("super asks"),
};
const pinned = supernode.keys.publicKey.bytes;

function refusal(result: { ok: true } | HelloFault): string {
  assert.ok(!result.ok);
  return result.text;
}

interface Hello {
  opening: Uint8Array;
  reply: Uint8Array;
  proof: Uint8Array;
  responder: HelloResponder;
}

/** A hello that goes well, up to the edge's proof. */
function hello(from: HelloOwn = edge, to: HelloOwn = supernode): Hello {
  const initiator = new HelloInitiator(from, to.peerId, to.keys.publicKey.bytes);
  const responder = new HelloResponder(to, from.peerId);
  const opening = initiator.opening();
  const answer = responder.opening(opening);
  assert.ok(answer.ok);
  const proof = initiator.reply(answer.reply);
  assert.ok(proof.ok, "the supernode's proof");
  return { opening, reply: answer.reply, proof: proof.proof, responder };
}

const PROOF_VECTOR = "e5c15fe6f7d4baa053bae1a1205b67cba558bbff2f79215ebb03e6c1dfe8a1b0";

describe("the proof of X25519 keys", () => {
  it("convinces both ends that hold their keys", () => {
    const { responder, proof } = hello();
    const verdict = responder.proof(proof);
    assert.ok(verdict.ok);
    assert.deepEqual(verdict.key, edge.keys.publicKey.bytes);
  });

  it("is what the comment says, byte by byte", () => {
    const ends: [HelloEnd, HelloEnd] = [
      { role: "edge", peerId: "A", key: edge.keys.publicKey.bytes, challenge: edge.challenge },
      { role: "supernode", peerId: "BC", key: pinned, challenge: supernode.challenge },
    ];
    const secret = helloSecret(edge.keys, pinned, ascii("network secret"));
    assert.ok(secret !== undefined);
    // A separate implementation (Python: hmac, hashlib) of the formula gave this.
    assert.equal(toHex(helloProof(secret, ...ends)), PROOF_VECTOR);
  });

  it("agrees on the network secret, and an empty one is none", () => {
    const secret = ascii("a network's secret");
    hello({ ...edge, networkSecret: secret }, { ...supernode, networkSecret: secret });
    hello({ ...edge, networkSecret: new Uint8Array(0) }, supernode);
    const initiator = new HelloInitiator({ ...edge, networkSecret: secret }, supernode.peerId, pinned);
    const answer = new HelloResponder(supernode, edge.peerId).opening(initiator.opening());
    assert.ok(answer.ok);
    assert.match(refusal(initiator.reply(answer.reply)), /does not verify/);
  });

  it("refuses a supernode with another key than the pinned one", () => {
    const other = { ...supernode, keys: keyPair("other super") };
    const initiator = new HelloInitiator(edge, supernode.peerId, pinned);
    const answer = new HelloResponder(other, edge.peerId).opening(initiator.opening());
    assert.ok(answer.ok);
    const verdict = initiator.reply(answer.reply);
    assert.ok(!verdict.ok);
    assert.equal(verdict.code, "wrong-key");
    // Nor does it help to claim the pinned key.
    answer.reply.set(pinned, 1);
    assert.match(refusal(initiator.reply(answer.reply)), /does not verify/);
  });

  it("refuses an edge that names another's key", () => {
    const thief = { ...edge, keys: { ...keyPair("thief"), publicKey: edge.keys.publicKey } };
    const responder = new HelloResponder(supernode, thief.peerId);
    const initiator = new HelloInitiator(thief, supernode.peerId, pinned);
    const answer = responder.opening(initiator.opening());
    assert.ok(answer.ok);
    // The thief cannot check the supernode's proof; it answers with what its own key gives.
    const own = {
      role: "edge",
      peerId: thief.peerId,
      key: edge.keys.publicKey.bytes,
      challenge: thief.challenge,
    } as const;
    const other = {
      role: "supernode",
      peerId: supernode.peerId,
      key: pinned,
      challenge: supernode.challenge,
    } as const;
    const guess = helloProof(helloSecret(keyPair("thief"), pinned)!, own, other);
    assert.match(refusal(responder.proof(guess)), /does not verify/);
  });

  it("refuses what was made for a connection with other peers", () => {
    // A man in the middle passes everything on; both ends see its peer id instead of each other's.
    const initiator = new HelloInitiator(edge, "peer-in-the-middle", pinned);
    const responder = new HelloResponder(supernode, "peer-in-the-middle");
    const answer = responder.opening(initiator.opening());
    assert.ok(answer.ok);
    assert.match(refusal(initiator.reply(answer.reply)), /does not verify/);
    // And the edge's proof for a connection of its own is worth nothing on another's.
    assert.match(refusal(responder.proof(hello().proof)), /does not verify/);
  });

  it("refuses a proof of an earlier connection", () => {
    const recorded = hello();
    const responder = new HelloResponder({ ...supernode, challenge: seedBytes("asks anew") }, edge.peerId);
    assert.ok(responder.opening(recorded.opening).ok);
    assert.match(refusal(responder.proof(recorded.proof)), /does not verify/);
    const initiator = new HelloInitiator(
      { ...edge, challenge: seedBytes("edge asks anew") },
      supernode.peerId,
      pinned,
    );
    assert.match(refusal(initiator.reply(recorded.reply)), /does not verify/);
  });

  it("refuses its own proof sent back, in either role", () => {
    const { reply, responder } = hello();
    assert.match(refusal(responder.proof(reply.slice(-32))), /does not verify/);
    // An edge whose opening comes back as if a supernode of the same key had answered.
    const initiator = new HelloInitiator(edge, supernode.peerId, edge.keys.publicKey.bytes);
    const mirrored = new Uint8Array(97);
    mirrored.set(initiator.opening());
    assert.match(refusal(initiator.reply(mirrored)), /our own key/);
    const self = new HelloResponder(supernode, edge.peerId);
    assert.match(refusal(self.opening(new HelloInitiator(supernode, "p", pinned).opening())), /our own key/);
    const copied = new HelloInitiator({ ...edge, challenge: supernode.challenge }, supernode.peerId, pinned);
    assert.match(
      refusal(new HelloResponder(supernode, edge.peerId).opening(copied.opening())),
      /challenge came back/,
    );
  });

  it("refuses low-order keys, which would make the secret known to all", () => {
    for (const point of LOW_ORDER_POINTS) {
      const opening = hello().opening.slice();
      opening.set(point, 1);
      assert.match(
        refusal(new HelloResponder(supernode, edge.peerId).opening(opening)),
        /low-order/,
        toHex(point),
      );
      const initiator = new HelloInitiator(edge, supernode.peerId, point);
      const reply = hello().reply.slice();
      reply.set(point, 1);
      assert.match(refusal(initiator.reply(reply)), /low-order/, toHex(point));
    }
  });

  it("refuses a proof before the opening, and another version", () => {
    assert.match(
      refusal(new HelloResponder(supernode, edge.peerId).proof(new Uint8Array(32))),
      /before the opening/,
    );
    const opening = hello().opening.slice();
    opening[0] = 2;
    const verdict = new HelloResponder(supernode, edge.peerId).opening(opening);
    assert.ok(!verdict.ok);
    assert.equal(verdict.code, "version");
  });

  it("accepts longer openings and replies, as later versions may send them", () => {
    const initiator = new HelloInitiator(edge, supernode.peerId, pinned);
    const responder = new HelloResponder(supernode, edge.peerId);
    const answer = responder.opening(Buffer.concat([initiator.opening(), ascii("more")]));
    assert.ok(answer.ok);
    const proof = initiator.reply(Buffer.concat([answer.reply, ascii("more")]));
    assert.ok(proof.ok && responder.proof(proof.proof).ok);
  });

  it("refuses every message in which a bit was changed", () => {
    const { opening, reply, proof } = hello();
    const flipped = (message: Uint8Array, bit: number): Uint8Array => {
      const copy = message.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy;
    };
    const bitOf = (message: Uint8Array): fc.Arbitrary<number> => fc.nat(8 * message.length - 1);
    fc.assert(
      fc.property(bitOf(opening), bitOf(reply), bitOf(proof), (first, second, third) => {
        const responder = new HelloResponder(supernode, edge.peerId);
        // With a changed opening the two ends do not speak of the same thing: neither proof verifies.
        if (responder.opening(flipped(opening, first)).ok) assert.ok(!responder.proof(proof).ok);
        assert.ok(!new HelloInitiator(edge, supernode.peerId, pinned).reply(flipped(reply, second)).ok);
        assert.ok(!hello().responder.proof(flipped(proof, third)).ok);
      }),
      // The top bit of an X25519 coordinate is ignored by the curve, but not by the proof.
      { numRuns: 100, examples: [[8 * 33 - 1, 8 * 33 - 1, 0]] },
    );
  });

  it("answers anything at all with a refusal, never with an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const initiator = new HelloInitiator(edge, supernode.peerId, pinned);
        assert.ok(!initiator.reply(noise).ok);
        const responder = new HelloResponder(supernode, edge.peerId);
        responder.opening(noise);
        assert.ok(!responder.proof(noise).ok);
      }),
    );
  });
});
