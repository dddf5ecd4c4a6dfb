import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { FrameSocket } from "../../tools/netlab/frames.ts";
import { Lab } from "../../tools/netlab/lab.ts";
import { fewestHops, generateKeys, leftovers, staticMesh, walk } from "../../tools/netlab/mesh.ts";
import { chain } from "../../tools/netlab/topology.ts";
import { iperf, median, ping, waitForPing } from "../../tools/netlab/traffic.ts";
import { describeAsRoot } from "../e2e/root.ts";

describe("mesh files", () => {
  it("lead along the fewest hops, ties to the lowest NodeID", () => {
    const table = fewestHops(
      [1, 2, 3, 4, 5, 6],
      [
        [1, 2],
        [2, 3],
        [2, 4],
        [3, 4],
        [3, 5],
        [4, 6],
      ],
    );
    assert.deepEqual(walk(table, 1, 6), [1, 2, 4, 6]);
    assert.deepEqual(walk(table, 5, 6), [5, 3, 4, 6]);
    assert.deepEqual(table[1], { 2: 2, 3: 2, 4: 2, 5: 2, 6: 2 });
  });
  it("give a walk that ends where the table does, and in a circle", () => {
    assert.deepEqual(walk({ 1: { 3: 2 } }, 1, 3), [1, 2]);
    assert.deepEqual(walk({ 1: { 3: 2 }, 2: { 3: 1 } }, 1, 3), [1, 2]);
  });
  it("have keys of 32 bytes", () => {
    const keys = generateKeys();
    for (const key of [keys.privateKey, keys.publicKey]) assert.equal(Buffer.from(key, "base64").length, 32);
  });
  it("take the median", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert(Number.isNaN(median([])));
  });
});

describeAsRoot("lab traffic", function () {
  this.timeout(30_000);
  let lab: Lab;
  afterEach(() => lab.close());

  it("pings: losses and round trips", async () => {
    lab = Lab.create(chain(["a", "b"], { offload: false }));
    const [a, b] = [lab.node("a"), lab.node("b")];
    assert((await waitForPing(a, b.address)) < 5000);
    const good = await ping(a, b.address, { count: 4, interval: 0.01 });
    assert.equal(good.received, 4);
    assert.equal(good.rtts.length, 4);
    assert(good.median > 0 && good.median < 50);
    b.deafTo(a);
    const bad = await ping(a, b.address, { count: 2, interval: 0.01, wait: 0.2 });
    assert.equal(bad.loss, 1);
    b.hears(a);
    assert.equal((await ping(a, b.address, { count: 2, interval: 0.01 })).loss, 0);
  });

  it("iperf3: TCP bytes and received UDP datagrams", async () => {
    lab = Lab.create(chain(["a", "b"]));
    const [a, b] = [lab.node("a"), lab.node("b")];
    const tcp = await iperf(a, b, b.address, { time: 1 });
    assert(tcp.bitsPerSecond > 1e8);
    assert(tcp.bytes > tcp.bitsPerSecond / 10);
    b.lose(0.5);
    const udp = await iperf(a, b, b.address, { time: 1, udp: true, length: 64, bitrate: "2M" });
    assert(udp.loss > 0.3 && udp.loss < 0.7, `loss ${udp.loss}`);
    assert(udp.packetsPerSecond > 1000 && udp.packetsPerSecond < 3000, `${udp.packetsPerSecond} packets/s`);
  });

  it("sends and receives frames byte for byte, tags included", async () => {
    lab = Lab.create(chain(["a", "b"], { offload: false }));
    const sender = await FrameSocket.open(lab.node("a"), "to-b");
    const receiver = await FrameSocket.open(lab.node("b"), "to-a");
    const addresses = "ffffffffffff02ee00000001";
    const plain = Buffer.from(`${addresses}88b5${"11".repeat(46)}`, "hex");
    const tagged = Buffer.from(`${addresses}8100a00588b5${"22".repeat(30)}`, "hex");
    const double = Buffer.from(`${addresses}88a800078100000988b5${"33".repeat(30)}`, "hex");
    sender.send(plain, tagged, double);
    const ours = (frame: Buffer): boolean => frame.toString("hex", 0, 12) === addresses;
    assert.deepEqual(await receiver.waitFor(ours, 3), [plain, tagged, double]);
    assert.equal(sender.received.filter(({ frame }) => ours(frame)).length, 0);
    await sender.close();
    await receiver.close();
  });

  it("finds what a program left behind", async () => {
    lab = Lab.create(chain(["a", "b"]));
    const mesh = staticMesh(lab);
    assert.equal(mesh.edges.length, 2);
    assert.deepEqual(leftovers(lab), []);
    const sleeper = lab.node("a").spawn(["iperf3", "-s", "--forceflush"]);
    await sleeper.waitFor(/listening/, 5000);
    lab.node("b").exec(["ip", "tuntap", "add", "ov", "mode", "tap"]);
    const found = leftovers(lab).join("\n");
    assert.match(found, /a: socket tcp .*:5201/);
    assert.match(found, /a: processes/);
    assert.match(found, /b: .*ov:/);
  });
});
