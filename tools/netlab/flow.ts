// A steady flow of numbered UDP datagrams between two nodes of a lab, to see what is lost, doubled or late, and for how
// long nothing came. The programs are native: their times do not depend on how busy this process is.
//
//   const flow = await Flow.start(a.node, b.node, "10.77.0.2");
//   …kill something…
//   const report = await flow.stop();     // report.outage.ms, report.lost, report.duplicated

import type { Child } from "./child.ts";
import { reportFlow } from "./flow-report.ts";
import type { Arrival, FlowReport } from "./flow-report.ts";
import type { LabNode } from "./lab.ts";
import { nativeProgram } from "./native.ts";

export { percentile } from "./flow-report.ts";
export type { Arrival, FlowReport, Gap } from "./flow-report.ts";

export interface FlowOptions {
  /** default 100 */
  packetsPerSecond?: number;
  /** bytes of UDP payload, 24 at least; default 64 */
  size?: number;
  /** where the receiver listens; default: one of its own per flow */
  port?: number;
  /** ms until the first packet must have arrived, default 10 s; 0: do not wait for it */
  timeout?: number;
}

const firstPort = 20_000;
const portCount = 10_000;
let serial = 0;

export class Flow {
  /** in order of time; grows while the flow runs */
  readonly arrivals: Arrival[] = [];
  readonly interval: number;
  readonly #sender: Child;
  readonly #receiver: Child;
  #partial = "";

  private constructor(sender: Child, receiver: Child, interval: number) {
    this.interval = interval;
    this.#sender = sender;
    this.#receiver = receiver;
    receiver.process.stdout?.on("data", (text: string) => {
      this.#take(text);
    });
  }

  /** Starts the receiver, then the sender, and waits until the first packet has arrived. */
  static async start(from: LabNode, to: LabNode, address: string, options: FlowOptions = {}): Promise<Flow> {
    const { packetsPerSecond = 100, size = 64, timeout = 10_000 } = options;
    const program = nativeProgram("flow");
    const port = options.port ?? firstPort + (serial++ % portCount);
    const id = `${process.pid}${serial}`;
    const receiver = to.spawn([program, "receive", `${port}`, id]);
    await receiver.waitFor(/^listening$/m, 5000);
    const sender = from.spawn([program, "send", address, `${port}`, id, `${packetsPerSecond}`, `${size}`]);
    const flow = new Flow(sender, receiver, 1000 / packetsPerSecond);
    await sender.waitFor(/^started$/m, 5000);
    if (timeout > 0) await flow.#arrival(timeout);
    return flow;
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const [sequence, sent, arrived] = line.split(" ").map(Number);
      if (sequence === undefined || sent === undefined || arrived === undefined) continue;
      this.arrivals.push({ sequence, sentAt: sent / 1000, arrivedAt: arrived / 1000 });
    }
  }

  async #arrival(timeout: number): Promise<void> {
    const end = performance.now() + timeout;
    while (this.arrivals.length === 0) {
      if (performance.now() > end) {
        this.#sender.killNow();
        this.#receiver.killNow();
        throw new Error(`flow: nothing arrived within ${timeout} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** ms from `since` (ms since 1970) to the arrival of the first packet sent after it; waits for it. */
  async backAfter(since: number, timeout = 15_000): Promise<number> {
    const end = Date.now() + timeout;
    for (;;) {
      const first = this.arrivals.find((arrival) => arrival.sentAt >= since);
      if (first) return first.arrivedAt - since;
      if (Date.now() > end) throw new Error(`flow: nothing arrived within ${timeout} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** One-way delays (ms) of the packets sent from `since` to `until` (ms since 1970). */
  delays(since = 0, until: number = Infinity): number[] {
    const inside = this.arrivals.filter(({ sentAt }) => sentAt >= since && sentAt <= until);
    return inside.map(({ sentAt, arrivedAt }) => arrivedAt - sentAt);
  }

  /** So far; packets behind the last arrival are not counted as lost. */
  report(): FlowReport {
    return reportFlow(this.arrivals, this.interval);
  }

  /** Ends the flow, waits `drain` ms for what is on its way, and reports: all that was sent since the first arrival. */
  async stop(drain = 500): Promise<FlowReport> {
    await this.#sender.stop("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, drain));
    await this.#receiver.stop("SIGTERM");
    const sent = /^sent (\d+) /m.exec(this.#sender.log)?.[1];
    if (sent === undefined) throw new Error(`flow: the sender failed: ${this.#sender.log.slice(-500)}`);
    return reportFlow(this.arrivals, this.interval, { last: Number(sent) - 1 });
  }
}
