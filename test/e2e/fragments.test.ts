// Frames too large for one datagram travel in overlay fragments: never in IP fragments, never over 1500 bytes.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { afterEach, it } from "mocha";
import { etherguardFile } from "../support/etherguard-file.ts";
import { BROADCAST, FrameMaker, macOf, TAGS } from "../support/sample-frames.ts";
import {
  chain,
  describeAsRoot,
  FrameSocket,
  iperf,
  type Mesh,
  type MeshUnderTest,
  overlayInterface,
  ping,
  settle,
  TestBed,
} from "./harness.ts";

const NAMES = ["a", "r1", "r2", "b"];
/** What an idle machine reaches is several times this. */
const FLOOR = 2e8;

describeAsRoot("frames larger than a datagram", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  async function etherguard(
    spelling: "CamelCase" | "lower case",
    mtu: number,
    offload: boolean,
  ): Promise<MeshUnderTest> {
    const under = bed.prepare(chain(NAMES, { offload }));
    for (const edge of under.mesh.edges) {
      writeFileSync(edge.configFile, etherguardFile(edge.config, spelling, mtu), { mode: 0o600 });
    }
    await under.mesh.start();
    await settle(under.mesh);
    return under;
  }

  /** Sum of a counter over the nodes. */
  async function sum(mesh: Mesh, name: string): Promise<number> {
    const documents = await Promise.all(mesh.edges.map((edge) => edge.status()));
    return documents.reduce((total, { counters }) => total + (counters[name] ?? NaN), 0);
  }

  for (const spelling of ["CamelCase", "lower case"] as const) {
    it(`an EtherGuard file (${spelling}) with MTU 1404 works over two relays at speed`, async () => {
      const { mesh } = await etherguard(spelling, 1404, true);
      const [a, b] = [mesh.edge("a"), mesh.edge("b")];
      assert.equal(
        (await ping(a.node, b.address, { count: 3, size: 1376, dontFragment: true, interval: 0.2 })).received,
        3,
      );
      const { bitsPerSecond, retransmits } = await iperf(a.node, b.node, b.address, { time: 2 });
      console.log(`      ${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s, ${retransmits} retransmits`);
      assert(bitsPerSecond > FLOOR, `${bitsPerSecond} bit/s`);
      assert((await sum(mesh, "fragmentsReceived")) > 1000);
    });
  }

  it("make no IP fragment and no packet over 1500 bytes on any link", async () => {
    const { lab, mesh } = await etherguard("CamelCase", 1404, false);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const captures = await Promise.all([
      lab.node("r1").capture("to-a"),
      lab.node("r1").capture("to-r2"),
      lab.node("b").capture("to-r2"),
    ]);
    const fragmentsBefore = await sum(mesh, "fragmentsReceived");
    const answers = await ping(a.node, b.address, {
      count: 5,
      size: 1376,
      dontFragment: true,
      interval: 0.05,
    });
    assert.equal(answers.received, 5);
    await iperf(a.node, b.node, b.address, { time: 1, bitrate: "8M" });
    const fragments = (await sum(mesh, "fragmentsReceived")) - fragmentsBefore;
    for (const capture of captures) {
      await capture.stop();
      const packets = capture.fields(["frame.len", "ip.flags.mf", "ip.frag_offset"], "ip");
      assert(packets.length > 500);
      assert(packets.every(([, more, offset]) => (more === "0" || more === "False") && offset === "0"));
      const sizes = packets.map(([length]) => Number(length) - 14);
      assert(Math.max(...sizes) <= 1500, `${Math.max(...sizes)} bytes`);
      assert(Math.max(...sizes) > 700);
    }
    assert(fragments > 500, `${fragments} fragments`);
  });

  it("are warned of at start, with the MTU that fits: with it, no fragment", async () => {
    const first = await etherguard("CamelCase", 1404, true);
    const status = await first.mesh.edge("a").status();
    const warning = status.warnings.find((line) => /mtu/i.test(line)) ?? "";
    const fitting = Number(/fits 1500 is (\d+)/.exec(warning)?.[1]);
    assert(fitting >= 1350 && fitting < 1404, warning);
    // It also reaches the log, at a level that no file turns off.
    assert.match(first.mesh.edge("a").child.log, new RegExp(`\\b${fitting}\\b`));
    await bed.close();

    for (const [mtu, fragments] of [
      [fitting, 0],
      [fitting + 1, 4],
    ] as const) {
      const { mesh } = await etherguard("CamelCase", mtu, true);
      const [a, b] = [mesh.edge("a"), mesh.edge("b")];
      const before = await sum(mesh, "fragmentsReceived");
      assert.equal(
        (await ping(a.node, b.address, { count: 1, size: mtu - 28, dontFragment: true })).received,
        1,
      );
      assert.equal((await sum(mesh, "fragmentsReceived")) - before, fragments, `MTU ${mtu}`);
      const { warnings } = await a.status();
      assert.equal(warnings.filter((line) => line.includes("fits 1500")).length, fragments === 0 ? 0 : 1);
      await bed.close();
    }
  });

  it("arrive byte for byte, tagged or not, once at each member of a flood", async () => {
    const { mesh } = await etherguard("lower case", 1600, true);
    const sockets = await Promise.all(
      mesh.edges.map((edge) => FrameSocket.open(edge.node, overlayInterface)),
    );
    const [first, ...others] = sockets;
    const source = macOf("02:00:00:00:0a:01");
    const maker = new FrameMaker(source, BROADCAST);
    const frames = [
      ...Array.from({ length: 60 }, (_, i) => maker.plain(1340 + 4 * i)),
      maker.plain(1600 + 18, TAGS.slice(0, 1)),
      maker.plain(1400, TAGS.slice(1)),
      ...maker.all(1600).values(),
    ];
    first?.send(...frames);
    const ours = (frame: Buffer): boolean => frame.subarray(6, 12).equals(source);
    const hex = (list: Buffer[]): string[] => list.map((frame) => frame.toString("hex"));
    for (const socket of others) await socket.waitFor(ours, frames.length);
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const socket of others) {
      assert.deepEqual(hex(socket.received.map(({ frame }) => frame).filter(ours)), hex(frames));
    }
    assert((await sum(mesh, "fragmentsReceived")) > 3 * 2 * 50);
  });

  it("travel in as many pieces as they need, up to the largest MTU there is", async () => {
    const { mesh } = await etherguard("CamelCase", 9000, true);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    assert.match(a.child.log, /9000 makes packets of \d+ bytes .* in 7 fragments/);
    const large = { count: 3, size: 8972, dontFragment: true, interval: 0.2 };
    assert.equal((await ping(a.node, b.address, large)).received, 3);
    // Six pings of seven pieces each, counted where they arrive.
    assert.equal(await sum(mesh, "fragmentsReceived"), 6 * 7);
    const { bitsPerSecond } = await iperf(a.node, b.node, b.address, { time: 2 });
    assert(bitsPerSecond > FLOOR, `${bitsPerSecond} bit/s`);
    assert.equal((await a.status()).drops["dropTooBig"] ?? 0, 0);
  });

  it("are made as soon as the underlay takes less, and segmentation offload stays on", async () => {
    const { lab, mesh } = await bed.mesh(chain(["a", "b"]));
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const load = iperf(a.node, b.node, b.address, { time: 3 });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(await sum(mesh, "fragmentsReceived"), 0);
    for (const [from, to] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      lab.node(from).exec(["ip", "link", "set", `to-${to}`, "mtu", "1300"]);
    }
    const { bitsPerSecond } = await load;
    assert(bitsPerSecond > FLOOR, `${bitsPerSecond} bit/s`);
    assert((await sum(mesh, "fragmentsReceived")) > 1000);
    for (const { udp, counters } of await Promise.all([a.status(), b.status()])) {
      assert(udp.gso, `refused ${counters["gsoRefused"]} times`);
    }
    assert.equal((await ping(a.node, b.address, { count: 2, size: 1322, interval: 0.2 })).received, 2);
  });

  it("are not needed at MTU 1350, VLAN tag and relays over IPv6 included", async () => {
    const { lab, mesh } = await bed.mesh(chain(NAMES, { offload: false }), { ipv6: true });
    await settle(mesh);
    const capture = await lab.node("r2").capture("to-r1", "ip6");
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const [sender, receiver] = [
      await FrameSocket.open(a.node, overlayInterface),
      await FrameSocket.open(b.node, overlayInterface),
    ];
    const source = macOf("02:00:00:00:0a:01");
    const frame = new FrameMaker(source, BROADCAST).plain(1350 + 18, TAGS.slice(0, 1));
    sender.send(frame);
    const [got] = await receiver.waitFor((one) => one.subarray(6, 12).equals(source));
    assert.equal(got?.toString("hex"), frame.toString("hex"));
    assert.equal(
      (await ping(a.node, b.address6, { count: 2, size: 1302, dontFragment: true, interval: 0.2 })).received,
      2,
    );
    await capture.stop();
    assert.equal(await sum(mesh, "fragmentsReceived"), 0);
    const sizes = capture.fields(["frame.len"]).map(([length]) => Number(length) - 14);
    assert.equal(Math.max(...sizes), 1368 + 80 + 48);
    assert.equal(capture.count("ipv6.fraghdr"), 0);
  });
});
