import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { FrameDecoder, encodeFrame } from "../../src/control/framing.ts";

/** Cuts `bytes` at the given fractions of its length. */
function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [...at.map((fraction) => Math.floor(fraction * bytes.length)), 0, bytes.length].toSorted(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((end, index) => bytes.slice(cuts[index], end));
}

function decode(decoder: FrameDecoder, chunks: readonly Uint8Array[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const chunk of chunks) decoder.push(chunk, (body) => bodies.push(Uint8Array.from(body)));
  return bodies;
}

const unexpected = (): never => assert.fail("a frame");

describe("framing", () => {
  it("gives back every body, however the stream was cut", () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        fc.array(fraction, { maxLength: 20 }),
        (bodies, cuts) => {
          const stream = Buffer.concat(bodies.map(encodeFrame));
          assert.deepEqual(decode(new FrameDecoder(300), cut(stream, cuts)), bodies);
        },
      ),
    );
  });

  it("works byte by byte", () => {
    const body = Uint8Array.from({ length: 70 }, (_, index) => index);
    const bytes = [...encodeFrame(body), ...encodeFrame(body)].map((byte) => Uint8Array.of(byte));
    assert.deepEqual(decode(new FrameDecoder(70), bytes), [body, body]);
  });

  it("accepts the limit and refuses one byte more, as soon as the length is known", () => {
    const decoder = new FrameDecoder(64 * 1024);
    assert.equal(decode(decoder, [encodeFrame(new Uint8Array(64 * 1024))]).length, 1);
    const header = encodeFrame(new Uint8Array(64 * 1024 + 1)).subarray(0, 4);
    assert.equal(decoder.push(header, unexpected), false);
    assert.match(decoder.fault ?? "", /65537 bytes, at most 65536/);
  });

  it("stays broken", () => {
    const decoder = new FrameDecoder(10);
    assert.equal(decoder.push(Uint8Array.of(255, 255, 255, 255), unexpected), false);
    assert.equal(decoder.push(encodeFrame(Uint8Array.of(1)), unexpected), false);
  });

  it("refuses empty frames, which would be work for nothing", () => {
    const decoder = new FrameDecoder(10);
    assert.equal(decoder.push(new Uint8Array(4), unexpected), false);
    assert.match(decoder.fault ?? "", /empty/);
  });

  it("lets the reader of a frame raise the limit for the next", () => {
    const decoder = new FrameDecoder(4);
    const lengths: number[] = [];
    const stream = Buffer.concat([encodeFrame(new Uint8Array(4)), encodeFrame(new Uint8Array(1000))]);
    const intact = decoder.push(stream, (body) => {
      lengths.push(body.length);
      decoder.limit = 1000;
    });
    assert.ok(intact);
    assert.deepEqual(lengths, [4, 1000]);
  });

  it("survives any bytes at all", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
        const decoder = new FrameDecoder(100);
        for (const body of decode(decoder, chunks)) assert.ok(body.length >= 1 && body.length <= 100);
      }),
    );
  });
});
