// One candidate once through one scenario.

import type { Child } from "../netlab/child.ts";
import { Lab } from "../netlab/lab.ts";
import { chain } from "../netlab/topology.ts";
import { iperf, ping, waitForPing } from "../netlab/traffic.ts";
import { lastNode } from "./candidate.ts";
import type { Candidate } from "./candidate.ts";

export const scenarios = ["direct", "relay"] as const;
export type Scenario = (typeof scenarios)[number];

export interface Sample {
  /** Gbit/s of one TCP flow */
  tcp: number;
  /** CPU seconds of all daemons per GB (10^9 bytes) of that flow, without the relay's */
  cpu: number;
  /** the relay's CPU seconds per GB; 0 without a relay */
  relayCpu: number;
  /** received 64-byte UDP datagrams a second */
  udp: number;
  /** median round trip of an idle overlay, µs */
  ping: number;
  /** resident MB of the largest daemon after the load */
  memory: number;
  /** ms from the daemons' start to the first answered ping; 20 ms coarse */
  start: number;
}

export interface Effort {
  /** seconds of each iperf3 run */
  time: number;
  /** pings */
  pings: number;
}

export async function measure(candidate: Candidate, scenario: Scenario, effort: Effort): Promise<Sample> {
  const lab = Lab.create(chain(scenario === "relay" ? ["a", "r", "b"] : ["a", "b"], { mtu: 1500 }));
  try {
    const begun = performance.now();
    const { daemons, target } = await candidate.start(lab);
    const all = [...daemons.values()].flat();
    const relay = lab.nodes.length > 2 ? (daemons.get("r") ?? []) : [];
    const ends = all.filter((child) => !relay.includes(child));
    const [a, b] = [lab.node("a"), lastNode(lab)];
    try {
      await waitForPing(a, target, 20_000);
      const start = performance.now() - begun;
      // Routes and sessions that improve in the first moments are not the subject.
      await ping(a, target, { count: 20, interval: 0.02 });
      const idle = await ping(a, target, { count: effort.pings, interval: 0.002 });

      const before = [cpuOf(ends), cpuOf(relay)] as const;
      const tcp = await iperf(a, b, target, { time: effort.time, omit: 1 });
      const gigabytes = tcp.bytes / 1e9;
      const cpu = (cpuOf(ends) - before[0]) / gigabytes;
      const relayCpu = (cpuOf(relay) - before[1]) / gigabytes;

      const udp = await iperf(a, b, target, { time: effort.time, udp: true, length: 64, bitrate: "0" });
      return {
        tcp: tcp.bitsPerSecond / 1e9,
        cpu,
        relayCpu,
        udp: udp.packetsPerSecond,
        ping: idle.median * 1000,
        memory: Math.max(0, ...all.map((child) => child.rssBytes() / 1e6)),
        start,
      };
    } catch (error) {
      const log = all.map((child) => child.log.slice(-1500)).join("\n---\n");
      throw new Error(`${(error as Error).message}\ndaemons' last words:\n${log}`, { cause: error });
    }
  } finally {
    await lab.close();
  }
}

const cpuOf = (children: readonly Child[]): number =>
  children.reduce((sum, child) => sum + child.cpuSeconds(), 0);
