// Frames of every kind arrive as they were sent: byte for byte, once, in order, and nowhere they should not.

import assert from "node:assert/strict";
import { after, afterEach, before, it } from "mocha";
import { BROADCAST, FrameMaker, macOf, TAGS } from "../support/sample-frames.ts";
import {
  chain,
  describeAsRoot,
  FrameSocket,
  type Mesh,
  overlayInterface,
  settle,
  TestBed,
} from "./harness.ts";
import { sleep } from "./outage.ts";

const STATION_A = macOf("02:00:00:00:0a:01");
const STATION_B = macOf("02:00:00:00:0b:01");
const UNKNOWN = macOf("02:00:00:00:0c:01");
const GROUP = macOf("01:00:5e:01:02:03");
const MTU = 1350;
/** ms after the last expected frame in which a second copy would come. */
const ECHO_TIME = 200;

const hex = (frames: readonly Buffer[]): string[] => frames.map((frame) => frame.toString("hex"));

for (const names of [
  ["a", "b"],
  ["a", "r1", "r2", "b"],
]) {
  const way = names.length === 2 ? "directly" : `through ${names.length - 2} relays`;
  describeAsRoot(`frames sent ${way}`, function () {
    this.timeout(30_000);
    const bed = new TestBed();
    const sockets = new Map<string, FrameSocket>();
    let mesh: Mesh;
    let failed = false;

    before(async () => {
      ({ mesh } = await bed.mesh(chain(names)));
      await settle(mesh);
      for (const edge of mesh.edges) {
        sockets.set(edge.node.name, await FrameSocket.open(edge.node, overlayInterface));
      }
      // Both stations are known on all nodes and VLANs: each has spoken.
      for (const [speaker, listener, mac] of [
        ["b", "a", STATION_B],
        ["a", "b", STATION_A],
      ] as const) {
        const maker = new FrameMaker(mac, BROADCAST);
        at(speaker).send(maker.plain(60), ...TAGS.map((tag) => maker.plain(60, [tag])));
        await at(listener).waitFor((frame) => from(mac, frame), 1 + TAGS.length);
      }
      await sleep(ECHO_TIME);
      for (const socket of sockets.values()) socket.received = [];
    });
    afterEach(function () {
      failed ||= this.currentTest?.state === "failed";
      for (const socket of sockets.values()) socket.received = [];
    });
    after(() => bed.close(failed));

    const at = (name: string): FrameSocket => {
      const socket = sockets.get(name);
      if (socket === undefined) throw new Error(`no socket at ${name}`);
      return socket;
    };
    const from = (mac: Buffer, frame: Buffer): boolean => frame.subarray(6, 12).equals(mac);
    /** What of a station's arrived at a node. */
    const arrived = (name: string, mac: Buffer): Buffer[] =>
      at(name)
        .received.map(({ frame }) => frame)
        .filter((frame) => from(mac, frame));
    const middle = names.slice(1, -1);

    it("to a known station arrive there alone, byte for byte and in order", async () => {
      const frames = new FrameMaker(STATION_A, STATION_B).all(MTU);
      at("a").send(...frames.values());
      await at("b")
        .waitFor((frame) => from(STATION_A, frame), frames.size)
        .catch((error: Error) => {
          const got = new Set(hex(arrived("b", STATION_A)));
          const missing = [...frames]
            .filter(([, frame]) => !got.has(frame.toString("hex")))
            .map(([name]) => name);
          throw new Error(`${error.message}; missing: ${missing.join(", ")}`);
        });
      await sleep(ECHO_TIME);
      const got = arrived("b", STATION_A);
      const wanted = [...frames];
      for (const [i, [name, frame]] of wanted.entries()) {
        assert.equal(got[i]?.toString("hex"), frame.toString("hex"), name);
      }
      assert.equal(got.length, frames.size);
      for (const other of middle) assert.equal(arrived(other, STATION_A).length, 0, `seen by ${other}`);
      assert.equal(arrived("a", STATION_A).length, 0, "nothing comes back");
    });

    it("in the other direction just as well", async () => {
      const frames = [...new FrameMaker(STATION_B, STATION_A).all(MTU).values()];
      at("b").send(...frames);
      await at("a").waitFor((frame) => from(STATION_B, frame), frames.length);
      await sleep(ECHO_TIME);
      assert.deepEqual(hex(arrived("a", STATION_B)), hex(frames));
      assert.equal(arrived("b", STATION_B).length, 0, "nothing comes back");
    });

    for (const [kind, destination] of [
      ["broadcast", BROADCAST],
      ["multicast", GROUP],
      ["to an unknown station", UNKNOWN],
    ] as const) {
      it(`${kind} reach every member exactly once`, async () => {
        const maker = new FrameMaker(STATION_A, destination);
        const frames = [...maker.all(MTU).values(), ...Array.from({ length: 40 }, () => maker.plain(80))];
        at("a").send(...frames);
        for (const name of names.slice(1))
          await at(name).waitFor((frame) => from(STATION_A, frame), frames.length);
        await sleep(ECHO_TIME);
        for (const name of names.slice(1)) {
          assert.deepEqual(hex(arrived(name, STATION_A)), hex(frames), `at ${name}`);
        }
        assert.equal(arrived("a", STATION_A).length, 0, "nothing comes back");
      });
    }

    it("that a station sends to itself or under a group address go nowhere, and are counted", async () => {
      const edge = mesh.edge("a");
      const before = await edge.status();
      at("a").send(
        new FrameMaker(STATION_A, STATION_A).plain(60),
        new FrameMaker(GROUP, STATION_B).plain(60),
        new FrameMaker(Buffer.alloc(6), STATION_B).plain(60),
        new FrameMaker(macOf("02:ee:00:00:00:02"), STATION_B).plain(60),
      );
      await sleep(ECHO_TIME);
      const after_ = await edge.status();
      const grown = (name: string): number => (after_.drops[name] ?? 0) - (before.drops[name] ?? 0);
      assert.equal(grown("dropSamePlace"), 1);
      assert.equal(grown("dropSourceRefused"), 2);
      for (const name of names.slice(1)) {
        for (const mac of [GROUP, Buffer.alloc(6)]) assert.equal(arrived(name, mac).length, 0, name);
      }
    });

    it("under the MAC of another member's own port are taken from nobody else", async () => {
      const own = mesh.edge("b");
      const before = (await own.status()).drops["dropSourceRefused"] ?? 0;
      const ownMac = macOf(`02:ee:00:00:00:0${own.id}`);
      at("a").send(new FrameMaker(ownMac, BROADCAST).plain(60));
      await sleep(ECHO_TIME);
      assert.equal(((await own.status()).drops["dropSourceRefused"] ?? 0) - before, 1);
      assert.equal(arrived("b", ownMac).length, 0);
    });
  });
}
