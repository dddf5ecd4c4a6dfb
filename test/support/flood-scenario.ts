// Two edges that talk, and a host that floods one of them. Short and long tests share it.

import assert from "node:assert/strict";
import { accountedFor } from "./accounting.ts";
import { publicKeyOf } from "../../src/config/key-text.ts";
import { initiationOfNoise } from "./stranger.ts";
import { badDatagrams, Flood, type FloodResult } from "./flood.ts";
import { sleep } from "../e2e/outage.ts";
import { eventually, lan, ping, waitForPing, type Edge, type LabNode, type TestBed } from "../e2e/harness.ts";
import type { StatusDocument } from "../../src/api/status-model.ts";

/** ms without a datagram: longer than one is on its way. */
const QUIET_MS = 30;

export interface Flooded {
  a: Edge;
  b: Edge;
  x: LabNode;
  folder: string;
}

/** Edges a and b in session, and x beside them on the segment, which no file names. */
export async function edgesAndStranger(bed: TestBed): Promise<Flooded> {
  const { lab, mesh } = bed.prepare(lan(["a", "b", "x"]), {
    pairs: [["a", "b"]],
    adjust: (config) => {
      config.peers = config.peers.filter((peer) => peer.nodeId !== 3);
    },
  });
  const [a, b] = [mesh.edge("a"), mesh.edge("b")];
  await Promise.all([a.start(), b.start()]);
  await waitForPing(b.node, a.address);
  const x = lab.node("x");
  await ping(x, a.node.address, { count: 1 });
  return { a, b, x, folder: lab.folder };
}

/** UDP payloads that came to `edge` from `from` while some pings went on. */
export async function overheard(edge: Edge, from: Edge): Promise<Buffer[]> {
  const capture = await edge.node.capture("eth0", `udp and src host ${from.node.address}`);
  await ping(from.node, edge.address, { count: 20, interval: 0.02, size: 200 });
  await ping(from.node, edge.address, { count: 10, interval: 0.02, size: 1200 });
  await capture.stop();
  return capture.fields(["udp.payload"]).map(([hex = ""]) => Buffer.from(hex.replaceAll(":", ""), "hex"));
}

const count = (status: StatusDocument, name: string): number =>
  status.counters[name] ?? status.drops[name] ?? NaN;

export interface FloodFigures {
  flood: FloodResult;
  kernelDrops: number;
  pingLoss: number;
  /** resident bytes of the flooded edge, once a second */
  rss: number[];
  /** slowest answer of the status socket, ms */
  slowestStatus: number;
  /** drops by reason that the flood caused */
  drops: Record<string, number>;
}

/** Floods a with bad datagrams for `seconds`; all that must hold in any case is asserted here. */
export async function badInputFlood(
  under: Flooded,
  seconds: number,
  rate: number,
  seed: number,
): Promise<FloodFigures> {
  const { a, b, x, folder } = under;
  const templates = (await overheard(a, b)).filter((datagram) => datagram[0] === 4);
  const live = [...new Set(templates.map((datagram) => datagram.readUInt32LE(4)))];
  assert.ok(templates.length > 0 && live.length > 0, "a session to imitate");
  const datagrams = badDatagrams(seed, 40_000, live, templates);

  const before = await betweenDatagrams(a, b);
  const { pid } = (await a.status()).node;
  const flood = await Flood.start(x, folder, datagrams, {
    target: a.node.address,
    port: a.config.listenPort,
    rate,
    seconds,
    addresses: [x.address],
    sockets: 4,
  });
  const pings = ping(b.node, a.address, { count: seconds * 10, interval: 0.1, wait: 2 });
  const rss: number[] = [];
  let slowestStatus = 0;
  const watch = setInterval(() => {
    rss.push(a.child.rssBytes());
    const asked = performance.now();
    void a.status().then(() => (slowestStatus = Math.max(slowestStatus, performance.now() - asked)));
  }, 1000);
  const result = await flood.result();
  clearInterval(watch);
  const { loss } = await pings;

  assert.ok(a.running, "the flooded edge lives");
  const after = await conserved(under, before, result.sent);
  assert.equal(after.a.node.pid, pid, "and is the same process");
  const drops = Object.fromEntries(
    Object.entries(after.a.drops)
      .map(([name, value]) => [name, value - (before.a.drops[name] ?? 0)] as const)
      .filter(([, value]) => value > 0),
  );
  const kernelDrops = after.a.udp.kernelDrops - before.a.udp.kernelDrops;
  return { flood: result, kernelDrops, pingLoss: loss, rss, slowestStatus, drops };
}

export interface HandshakeFloodFigures {
  flood: FloodResult;
  /** of the session that stood before the flood, while b lived */
  pingLoss: number;
  /** slowest answer of the status socket, ms */
  slowestStatus: number;
  /** from b's restart in the midst of it to its first answered ping, ms */
  backAfter: number;
  drops: Record<string, number>;
}

/** Floods a from twenty addresses with initiations that have a valid mac1; b is killed and comes back meanwhile. */
export async function handshakeFlood(
  under: Flooded,
  seconds: number,
  rate: number,
): Promise<HandshakeFloodFigures> {
  const { a, b, x, folder } = under;
  const addresses = Array.from({ length: 20 }, (_, i) => `192.0.2.${100 + i}`);
  for (const address of addresses) x.exec(["ip", "addr", "add", `${address}/24`, "dev", "eth0"]);
  const key = publicKeyOf(Buffer.from(a.config.privKey, "base64"));
  const flood = await Flood.start(
    x,
    folder,
    Array.from({ length: 2000 }, () => initiationOfNoise(key)),
    {
      target: a.node.address,
      port: a.config.listenPort,
      rate,
      seconds,
      addresses,
      sockets: 3,
    },
  );
  let slowestStatus = 0;
  const watch = setInterval(() => {
    const asked = performance.now();
    void a.status().then(() => (slowestStatus = Math.max(slowestStatus, performance.now() - asked)));
  }, 250);
  const { loss } = await ping(b.node, a.address, { count: 15, interval: 0.1, wait: 2 });
  await b.crash();
  await b.start();
  const backAfter = await waitForPing(b.node, a.address, seconds * 1000);
  const result = await flood.result();
  clearInterval(watch);
  assert.ok(a.running, "the flooded edge lives");
  const { drops, counters } = await a.status();
  assert.equal(accountedFor({ ...counters, ...drops }), counters["datagramsReceived"]);
  return { flood: result, pingLoss: loss, slowestStatus, backAfter, drops };
}

interface Both {
  a: StatusDocument;
  b: StatusDocument;
}

async function both(a: Edge, b: Edge): Promise<Both> {
  const [statusA, statusB] = await Promise.all([a.status(), b.status()]);
  return { a: statusA, b: statusB };
}

/** Both ends at a moment at which no datagram was on its way to a: what one has counted and the other not stays a difference. */
async function betweenDatagrams(a: Edge, b: Edge): Promise<Both> {
  for (let last = await both(a, b); ;) {
    await sleep(QUIET_MS);
    const now = await both(a, b);
    const sent = count(now.b, "datagramsSent") === count(last.b, "datagramsSent");
    if (sent && count(now.a, "datagramsReceived") === count(last.a, "datagramsReceived")) return last;
    last = now;
  }
}

/**
 * Waits until the sums are right: all that x and b sent to a since `before` was received or dropped by the kernel, and
 * all that a ever received ended in one counter.
 */
export async function conserved(under: Flooded, before: Both, sent: number): Promise<Both> {
  let now = before;
  let text = "";
  await eventually(
    "conservation of datagrams",
    async () => {
      now = await both(under.a, under.b);
      const grown = (end: "a" | "b", name: string): number =>
        count(now[end], name) - count(before[end], name);
      const received = grown("a", "datagramsReceived");
      const kernel = now.a.udp.kernelDrops - before.a.udp.kernelDrops;
      const legitimate = grown("b", "datagramsSent");
      text = `${received} received + ${kernel} dropped by the kernel, ${sent} + ${legitimate} sent`;
      return received + kernel === sent + legitimate;
    },
    5000,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${text}`);
  });
  assert.equal(accountedFor({ ...now.a.counters, ...now.a.drops }), count(now.a, "datagramsReceived"));
  return now;
}
