import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HandshakeGate, type GateVerdict, type HandshakeSource } from "../../src/node/handshake-gate.ts";
import { CookieJar } from "../../src/noise/cookie.ts";
import { HANDSHAKE_BURST, LOAD_HOLD, LOAD_THRESHOLD } from "../../src/noise/timers.ts";
import { packAddress, parseAddress, PACKED_ADDRESS_BYTES } from "../../src/wire/address.ts";
import { mac, prng, randomBytesFrom, seedBytes } from "../noise/fixtures.ts";

const PUBLIC = seedBytes("gate");
const random = randomBytesFrom(prng(1));

function from(text: string): HandshakeSource {
  const packed = new Uint8Array(PACKED_ADDRESS_BYTES);
  const address = parseAddress(text);
  assert.ok(address);
  packAddress(address, packed);
  return { address: packed, hop: -1, node: 0 };
}

/** An initiation's size and type, with macs by `jar`. */
function initiation(nowMs: number, jar: CookieJar): Uint8Array {
  const datagram = new Uint8Array(192);
  datagram.set([1, 1, 0, 0, 1, 2, 3, 4]);
  jar.stamp(nowMs, datagram);
  return datagram;
}

const jar = (): CookieJar => new CookieJar(mac, PUBLIC);
const types = (verdicts: GateVerdict[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { type } of verdicts) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};

describe("the gate before handshakes", () => {
  const gate = (): HandshakeGate => new HandshakeGate(mac, PUBLIC);

  it("lets a source's first messages through, then wants a cookie of it", () => {
    const door = gate();
    const verdicts = Array.from({ length: HANDSHAKE_BURST + 3 }, () =>
      door.judge(0, initiation(0, jar()), from("192.0.2.1:7"), random),
    );
    assert.deepEqual(types(verdicts), { pass: HANDSHAKE_BURST, cookie: 3 });
    assert.equal(
      door.judge(0, initiation(0, jar()), from("192.0.2.2:7"), random).type,
      "pass",
      "another host",
    );
    const samePlace = door.judge(0, initiation(0, jar()), from("192.0.2.1:8"), random);
    assert.equal(samePlace.type, "cookie", "another port is the same host");
  });

  it("never answers with more than it got", () => {
    const door = gate();
    for (let i = 0; i < 20; i++) {
      const datagram = initiation(0, jar());
      const verdict = door.judge(0, datagram, from("192.0.2.1:7"), random);
      if (verdict.type === "cookie") assert.ok(verdict.reply.length < datagram.length);
    }
  });

  it("passes who returns the cookie, from the address it was given to, and limits that one too", () => {
    const door = gate();
    const own = jar();
    const here = from("192.0.2.1:7");
    let reply: Uint8Array | undefined;
    for (let i = 0; i <= HANDSHAKE_BURST; i++) {
      const verdict = door.judge(0, initiation(0, own), here, random);
      if (verdict.type === "cookie") reply = verdict.reply;
    }
    assert.ok(reply);
    assert.ok(own.accept(1, reply));
    assert.equal(door.judge(2, initiation(2, own), here, random).type, "pass");
    for (let i = 0; i < HANDSHAKE_BURST + 1; i++)
      door.judge(2, initiation(2, own), from("192.0.2.9:7"), random);
    assert.equal(
      door.judge(2, initiation(2, own), from("192.0.2.9:7"), random).type,
      "cookie",
      "a cookie is worth nothing elsewhere",
    );
    const many = Array.from({ length: 20 }, () => door.judge(3, initiation(3, own), here, random));
    assert.ok((types(many)["drop"] ?? 0) >= 10, JSON.stringify(types(many)));
  });

  it("wants cookies of everybody under load, and of nobody a second after", () => {
    const door = gate();
    for (let i = 0; i <= LOAD_THRESHOLD; i++) {
      door.judge(
        i / 1000,
        initiation(0, jar()),
        from(`198.51.${Math.floor(i / 250)}.${(i % 250) + 1}:9`),
        random,
      );
    }
    assert.equal(door.judge(2, initiation(2, jar()), from("203.0.113.1:9"), random).type, "cookie");
    const later = 2000 + LOAD_HOLD + 10;
    assert.equal(door.judge(later, initiation(later, jar()), from("203.0.113.2:9"), random).type, "pass");
  });

  it("takes a relay and the node it names for the source of what came in transit", () => {
    const door = gate();
    const via = (hop: number, node: number): HandshakeSource => ({ ...from("192.0.2.1:7"), hop, node });
    for (let i = 0; i < HANDSHAKE_BURST; i++) {
      assert.equal(door.judge(0, initiation(0, jar()), via(5, 6), random).type, "pass");
    }
    assert.equal(door.judge(0, initiation(0, jar()), via(5, 6), random).type, "cookie");
    assert.equal(door.judge(0, initiation(0, jar()), via(5, 7), random).type, "pass");
    assert.equal(door.judge(0, initiation(0, jar()), via(4, 6), random).type, "pass");
  });
});
