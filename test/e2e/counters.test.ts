// Counters conserve: frames in + flood copies = frames delivered + frames dropped by reason, exactly, on each node and
// over all of them.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import type { PortStatus } from "../../src/api/status-model.ts";
import { FRAME_DROPS } from "../../src/dataplane/drops.ts";
import { assertBalanced, atRest, type Counts, difference, present, summed } from "../support/balance.ts";
import { BROADCAST, FrameMaker, macOf } from "../support/sample-frames.ts";
import {
  chain,
  describeAsRoot,
  eventually,
  type EdgeConfig,
  FrameSocket,
  iperf,
  lan,
  type Mesh,
  overlayInterface,
  ping,
  settle,
  TestBed,
  waitForPing,
} from "./harness.ts";
import { sleep } from "./outage.ts";

const FRAMES = [
  "framesFromPorts",
  "framesToPorts",
  "framesSealed",
  "framesOpened",
  "floodCopies",
  "waitingFrames",
];
const DATAGRAMS = ["datagramsSent", "datagramsReceived"];
const station = macOf("02:00:00:00:0a:01");

describeAsRoot("counters", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  /**
   * Every node's books are right, and those of all nodes together. `before` is what they were when all were up: what is
   * called while it is not there yet gets datagrams that nobody counts.
   */
  async function balance(mesh: Mesh, before: Map<string, Counts>): Promise<Counts> {
    const all = await atRest(mesh, [...FRAMES, ...DATAGRAMS]);
    for (const [name, counts] of all) assertBalanced(counts, name);
    const sum = summed([...all].map(([name, counts]) => difference(before.get(name) ?? {}, counts)));
    const get = (name: string): number => sum[name] ?? NaN;
    const dropped = FRAME_DROPS.reduce((total, name) => total + get(name), get("dropFragment"));
    const text = JSON.stringify(present(sum));
    const ended = get("framesToPorts") + get("waitingFrames") + dropped;
    assert.equal(get("framesFromPorts") + get("floodCopies"), ended, text);
    assert.equal(get("framesSealed"), get("framesOpened") + get("dropFragment"), text);
    assert.equal(get("datagramsSent"), get("datagramsReceived") + get("kernelDrops"), text);
    return sum;
  }

  it("balance over floods, known and unknown stations, relays, super-frames and fragments", async () => {
    const only = [
      ["a", "r"],
      ["r", "b"],
      ["r", "c"],
      ["c", "d"],
    ] as const;
    const { mesh } = await bed.mesh(
      lan(["a", "r", "b", "c", "d"], { only: only.map((pair) => [...pair] as const) }),
      {
        pairs: only,
        adjust: (config) => {
          // What a and b send each other needs fragments, both as single frames and cut from super-frames.
          if (config.nodeName !== "c") config.interface["mtu"] = 1404;
        },
      },
    );
    await settle(mesh);
    const before = await atRest(mesh, [...FRAMES, ...DATAGRAMS]);
    const [a, b, d] = [mesh.edge("a"), mesh.edge("b"), mesh.edge("d")];
    const socket = await FrameSocket.open(a.node, overlayInterface);
    socket.send(
      ...new FrameMaker(station, BROADCAST).all(1404).values(),
      ...new FrameMaker(station, macOf("02:00:00:00:0c:01")).all(1404).values(),
    );
    for (const [from, to] of [
      [a, b],
      [b, d],
    ] as const) {
      await iperf(from.node, to.node, to.address, { time: 1, extra: ["-w", "256K"] });
      await iperf(from.node, to.node, to.address6, { time: 1, udp: true, length: 2500, bitrate: "30M" });
      await ping(from.node, to.address, { count: 5, size: 3000, interval: 0.01 });
    }
    const sum = await balance(mesh, before);
    for (const name of ["floodCopies", "fragmentsReceived", "transitForwarded"]) {
      assert((sum[name] ?? 0) > 50, `${name}: ${sum[name]}`);
    }
    assert((sum["framesToPorts"] ?? 0) > 10_000);
  });

  it("balance over frames that nothing can carry, each under its reason", async () => {
    const { mesh } = await bed.mesh(lan(["a", "b", "c"]), {
      adjust: (config: EdgeConfig) => {
        config.interface["mtu"] = 9000;
        // There is no way from a to c, but one back.
        delete config.nextHopTable[1]?.[3];
      },
    });
    await waitForPing(mesh.edge("a").node, mesh.edge("b").address);
    const socketOf = async (name: string): Promise<FrameSocket> =>
      FrameSocket.open(mesh.edge(name).node, overlayInterface);
    const [atA, atB, atC] = [await socketOf("a"), await socketOf("b"), await socketOf("c")];
    const behindC = macOf("02:00:00:00:0c:01");
    atC.send(new FrameMaker(behindC, BROADCAST).plain(60));
    await atA.waitFor((frame) => frame.subarray(6, 12).equals(behindC), 1, 10_000);
    // b's kernel asks a after five seconds whether it is still there, and at the end a has learned b's address on its own port.
    const neighbour = [mesh.edge("a").address, "lladdr", "02:ee:00:00:00:01", "dev", overlayInterface];
    mesh.edge("b").node.exec(["ip", "neighbour", "replace", ...neighbour, "nud", "permanent"]);
    mesh.edge("a").node.exec(["ip", "link", "set", "eth0", "mtu", "576"]);
    const isNarrow = async (): Promise<boolean> => {
      const { peers } = await mesh.edge("a").status();
      return peers.every(({ link }) => link?.mtu === 576);
    };
    // Links that carry nothing are looked up every ten seconds.
    await eventually("a route of 576 bytes", isNarrow, 15_000);
    const before = await atRest(mesh, [...FRAMES, ...DATAGRAMS]);
    const maker = new FrameMaker(station, BROADCAST);
    atA.send(
      maker.plain(2700 + 14), // in six pieces
      maker.plain(9000 + 14), // too large even for sixteen
      new FrameMaker(station, behindC).plain(60), // known, without a way
      new FrameMaker(station, station).plain(60), // where it came from
      new FrameMaker(macOf("03:00:00:00:00:01"), BROADCAST).plain(60), // no station's address
      new FrameMaker(macOf("02:ee:00:00:00:02"), BROADCAST).plain(60), // the address of b's own port
    );
    await atB.waitFor((frame) => frame.subarray(6, 12).equals(station));
    const sum = await balance(mesh, before);
    assert.deepEqual(
      FRAME_DROPS.flatMap((name) => ((sum[name] ?? 0) > 0 ? [[name, sum[name]]] : [])),
      [
        ["dropNoRoute", 1],
        ["dropSamePlace", 1],
        ["dropSourceRefused", 2],
        ["dropTooBig", 1],
      ],
    );
  });

  it("balance while sessions open: what waits is delivered or expires", async () => {
    const { mesh } = bed.prepare(chain(["a", "r", "b"]));
    const a = mesh.edge("a");
    await a.start();
    const socket = await FrameSocket.open(a.node, overlayInterface);
    const maker = new FrameMaker(station, BROADCAST);
    // Nobody is there: 16 frames of a flood wait for each of both, the others have no room, and after 3 s none waits.
    socket.send(...Array.from({ length: 50 }, () => maker.plain(60)));
    await sleep(300);
    const waiting = (await a.status()).counters["waitingFrames"] ?? 0;
    assert.equal(waiting, 32);
    await sleep(4000);
    const [[, expired] = ["", {}]] = [...(await atRest(mesh, FRAMES))];
    assertBalanced(expired, "a alone");
    assert.equal(expired["waitingFrames"], 0);
    assert((expired["dropWaitTooLong"] ?? 0) >= 32);
    assert((expired["dropWaitQueueFull"] ?? 0) >= 68);
    // Now frames wait, and the others come up in time.
    const numbered = Array.from({ length: 20 }, () => maker.plain(80));
    const starting = Promise.all([mesh.edge("r").start(), mesh.edge("b").start()]);
    await sleep(200);
    socket.send(...numbered);
    await starting;
    await settle(mesh);
    const all = await atRest(mesh, FRAMES);
    for (const [name, counts] of all) assertBalanced(counts, name);
    const sum = summed([...all.values()]);
    const dropped = FRAME_DROPS.reduce((total, name) => total + (sum[name] ?? NaN), 0);
    const [into, out] = [
      (sum["framesFromPorts"] ?? 0) + (sum["floodCopies"] ?? 0),
      sum["framesToPorts"] ?? 0,
    ];
    assert.equal(into, out + dropped, JSON.stringify(present(sum)));
    assert(out >= 32, `${out} delivered`);
  });

  it("balance for datagrams that the underlay drops: as many as its own counter says", async () => {
    const { mesh } = await bed.mesh(chain(["a", "r", "b"], { offload: false }));
    await settle(mesh);
    const [a, r, b] = [mesh.edge("a"), mesh.edge("r"), mesh.edge("b")];
    const lost = (): number =>
      [a, r, b].reduce((total, { node }) => {
        const rules = node.exec(["nft", "list", "table", "inet", "lab"]).stdout;
        return total + Number(/packets (\d+)/.exec(rules)?.[1] ?? 0);
      }, 0);
    const before = summed([...(await atRest(mesh, DATAGRAMS)).values()]);
    for (const { node } of [a, r, b]) node.lose(0.05);
    await iperf(a.node, b.node, b.address, { time: 1, extra: ["-w", "128K"] });
    // No UDP inside: what the ends would lose of it counts in the same rule.
    await iperf(b.node, a.node, a.address6, { time: 1, extra: ["-w", "128K"] });
    let all: Map<string, Counts>;
    let dropped: number;
    do {
      dropped = lost();
      all = await atRest(mesh, DATAGRAMS);
    } while (dropped !== lost());
    for (const [name, counts] of all) assertBalanced(counts, name);
    const change = difference(before, summed([...all.values()]));
    const get = (name: string): number => change[name] ?? 0;
    assert(dropped > 100);
    assert.equal(get("datagramsSent"), get("datagramsReceived") + dropped + get("kernelDrops"));
    // No frame was split, so what was sealed and not opened was lost as one datagram.
    assert(get("framesSealed") > get("framesOpened"));
    assert(get("framesSealed") - get("framesOpened") <= dropped);
  });

  it("agree with what the kernel says it sent and received on the port", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]));
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const kernel = (which: string): number =>
      Number(b.node.exec(["cat", `/sys/class/net/${overlayInterface}/statistics/${which}`]).stdout);
    // A frame of the kernels' own (multicast reports, router solicitations) may come between two readings.
    const both = async (): Promise<{ packets: number; bytes: number; port: PortStatus | undefined }> => {
      for (;;) {
        const [packets, bytes] = [kernel("rx_packets"), kernel("rx_bytes")];
        const port = (await b.status()).ports[0];
        if (kernel("rx_packets") === packets) return { packets, bytes, port };
      }
    };
    await atRest(mesh, FRAMES);
    const socket = await FrameSocket.open(a.node, overlayInterface);
    const before = await both();
    const frames = [...new FrameMaker(station, BROADCAST).all(1350).values()];
    socket.send(...frames);
    await sleep(300);
    await atRest(mesh, FRAMES);
    const after = await both();
    const packets = after.packets - before.packets;
    assert(packets >= frames.length);
    assert.equal((after.port?.framesOut ?? NaN) - (before.port?.framesOut ?? NaN), packets);
    assert.equal((after.port?.bytesOut ?? NaN) - (before.port?.bytesOut ?? NaN), after.bytes - before.bytes);
  });
});
