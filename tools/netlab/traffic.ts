// Traffic between nodes of a lab: ping and iperf3, with their results as numbers.

import type { Child } from "./child.ts";
import type { LabNode } from "./lab.ts";

export interface PingOptions {
  count?: number;
  /** seconds between requests, default 0.05; ping waits for the last answer no longer than this, once it had others */
  interval?: number;
  /** bytes of ICMP payload */
  size?: number;
  /** bind to this interface */
  from?: string;
  /** seconds to wait for the last answer, default 1 */
  wait?: number;
  /** forbid fragmentation */
  dontFragment?: boolean;
}
export interface PingResult {
  sent: number;
  received: number;
  /** 0..1 */
  loss: number;
  /** ms, in order of arrival */
  rtts: number[];
  /** ms; NaN when nothing came back */
  median: number;
}

export async function ping(from: LabNode, address: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 5, interval = 0.05, wait = 1 } = options;
  const command = ["ping", "-n", "-c", `${count}`, "-i", `${interval}`, "-W", `${wait}`];
  if (options.size !== undefined) command.push("-s", `${options.size}`);
  if (options.from !== undefined) command.push("-I", options.from);
  if (options.dontFragment === true) command.push("-M", "do");
  command.push(address);
  const timeout = (count * interval + wait + 20) * 1000;
  const { stdout, stderr } = await from.execAsync(command, { check: false, timeout });
  const summary = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  if (!summary) throw new Error(`${command.join(" ")}: ${stderr.trim() || stdout.trim() || "no summary"}`);
  const rtts = [...stdout.matchAll(/ time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  const [sent, received] = [Number(summary[1]), Number(summary[2])];
  return { sent, received, loss: sent === 0 ? 1 : 1 - received / sent, rtts, median: median(rtts) };
}

/**
 * Waits until a ping is answered; returns the ms that took, or throws after `timeout` ms.
 * @param wait seconds for one answer: more than the round trip takes
 */
export async function waitForPing(
  from: LabNode,
  address: string,
  timeout = 10_000,
  wait = 0.2,
): Promise<number> {
  const start = performance.now();
  while (performance.now() - start < timeout) {
    const command = ["ping", "-n", "-c", "1", "-W", `${wait}`, address];
    const { status } = await from.execAsync(command, { check: false });
    if (status === 0) return performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${from.name}: no answer from ${address} within ${timeout} ms`);
}

export interface IperfOptions {
  /** seconds, default 2 */
  time?: number;
  /** seconds at the start that do not count */
  omit?: number;
  udp?: boolean;
  /** bytes per write or datagram */
  length?: number;
  /** iperf3's -b; "0" is unlimited */
  bitrate?: string;
  parallel?: number;
  reverse?: boolean;
  port?: number;
  /** further arguments for the client */
  extra?: readonly string[];
}
export interface IperfResult {
  /** received, without the omitted seconds */
  bitsPerSecond: number;
  /** received, the omitted seconds included: what CPU figures relate to */
  bytes: number;
  /** UDP only: received datagrams a second and lost share 0..1 */
  packetsPerSecond: number;
  loss: number;
  retransmits: number;
  /** per interval: seconds and received (TCP: sent) bits a second */
  intervals: { start: number; bitsPerSecond: number }[];
}

interface Sum {
  bytes: number;
  bits_per_second: number;
  seconds: number;
  start: number;
  omitted?: boolean;
  packets?: number;
  lost_packets?: number;
  retransmits?: number;
}
interface IperfJson {
  error?: string;
  intervals: { sum: Sum }[];
  end: { sum?: Sum; sum_sent: Sum; sum_received: Sum };
}

/** ms until the streams of a run must be open: more than iperf3's connect timeout, which UDP has not. */
const streamTimeout = { tcp: 5000, udp: 2000 };
const streamAttempts = 8;

/**
 * One run with a server in `to`, reached at `address`. Throws when the two do not get together.
 *
 * iperf3 opens a UDP stream with a single datagram and waits half a minute when that is lost, and a server on a busy
 * machine may say that it listens before it does; so a run whose streams do not open is begun again.
 */
export async function iperf(
  from: LabNode,
  to: LabNode,
  address: string,
  options: IperfOptions = {},
): Promise<IperfResult> {
  const { time = 2, omit = 0, port = 5201 } = options;
  const command = ["iperf3", "-c", address, "-p", `${port}`, "-t", `${time}`, "-J"];
  command.push("--connect-timeout", "3000");
  if (omit > 0) command.push("-O", `${omit}`);
  if (options.udp === true) command.push("-u");
  if (options.length !== undefined) command.push("-l", `${options.length}`);
  if (options.bitrate !== undefined) command.push("-b", options.bitrate);
  if (options.parallel !== undefined) command.push("-P", `${options.parallel}`);
  if (options.reverse === true) command.push("-R");
  command.push(...(options.extra ?? []));
  let failure = "";
  for (let attempt = 0; attempt < streamAttempts; attempt++) {
    const server = to.spawn(["iperf3", "-s", "-1", "-p", `${port}`, "--forceflush"]);
    let client: Child | undefined;
    try {
      await server.waitFor(/listening/, 10_000);
      client = from.spawn(command);
      let output = "";
      client.process.stdout?.on("data", (text: string) => (output += text));
      const opened = server
        .waitFor(/ connected to /, streamTimeout[options.udp === true ? "udp" : "tcp"])
        .then(
          () => true,
          () => false,
        );
      const ended = client.exited.then(() => false);
      if (!(await Promise.race([opened, ended])) && !/ connected to /.test(server.log)) {
        failure =
          reason(output) ??
          `the streams did not open; client: ${client.log.trim()}; server: ${server.log.trim()}`;
        continue;
      }
      const running = client;
      const timer = setTimeout(
        () => {
          running.killNow();
        },
        (time + omit + 20) * 1000,
      );
      await client.exited;
      clearTimeout(timer);
      const error = reason(output);
      if (error !== undefined) throw new Error(`iperf3: ${error}`);
      if (output === "") throw new Error(`iperf3: no end within ${time + omit + 20} s; ${client.log.trim()}`);
      return digest(JSON.parse(output) as IperfJson, options.udp === true);
    } finally {
      client?.killNow();
      await client?.exited;
      await server.stop();
    }
  }
  throw new Error(`iperf3: no run in ${streamAttempts} attempts: ${failure}`);
}

/** What the client's JSON gives as the reason of its failure. */
function reason(output: string): string | undefined {
  try {
    return (JSON.parse(output) as IperfJson).error;
  } catch {
    return undefined;
  }
}

function digest(json: IperfJson, udp: boolean): IperfResult {
  const sums = json.intervals.map((interval) => interval.sum);
  const intervals = sums
    .filter((sum) => sum.omitted !== true)
    .map((sum) => ({ start: sum.start, bitsPerSecond: sum.bits_per_second }));
  const all = sums.reduce((bytes, sum) => bytes + sum.bytes, 0);
  if (!udp) {
    const { sum_sent: sent, sum_received: received } = json.end;
    return {
      bitsPerSecond: received.bits_per_second,
      bytes: all,
      packetsPerSecond: 0,
      loss: 0,
      retransmits: sent.retransmits ?? 0,
      intervals,
    };
  }
  // "sum" counts what the client sent; only the losses in it are the server's word.
  const sum = json.end.sum ?? json.end.sum_received;
  const packets = sum.packets ?? 0;
  const share = packets === 0 ? 0 : 1 - (sum.lost_packets ?? 0) / packets;
  return {
    bitsPerSecond: ((sum.bytes * 8) / sum.seconds) * share,
    bytes: all * share,
    packetsPerSecond: (packets * share) / sum.seconds,
    loss: 1 - share,
    retransmits: 0,
    intervals,
  };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
