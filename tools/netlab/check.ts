// `netlab check`: what the wire of this machine reaches. To be run when nothing else is.

import { cpuSecondsOf } from "./child.ts";
import { Flow, percentile } from "./flow.ts";
import { Lab } from "./lab.ts";
import { cloud } from "./topology.ts";
import { iperf } from "./traffic.ts";

const goals = { gigabits: 1, delayErrorMs: 0.2 };
const delays = [0, 10, 100];
/** packets a second and seconds of each delay measurement */
const pace = 500;
const paceTime = 4;
const loss = 0.05;
const lossPackets = 40_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const microseconds = (ms: number): string => `${(ms * 1000).toFixed(0)} µs`;
const verdict = (met: boolean): string => (met ? "" : "   ← missed");

async function checkDelay(lab: Lab, delayMs: number): Promise<boolean> {
  await lab.wires("a", "b").set({ delayMs });
  const flow = await Flow.start(lab.node("a"), lab.node("b"), lab.node("b").address, {
    packetsPerSecond: pace,
  });
  await sleep(paceTime * 1000);
  const report = await flow.stop();
  const errors = report.delays.map((delay) => delay - delayMs);
  const [p1, p50, p99] = [0.01, 0.5, 0.99].map((share) => percentile(errors, share)) as [
    number,
    number,
    number,
  ];
  const met = p99 <= goals.delayErrorMs && p1 >= -goals.delayErrorMs && report.lost === 0;
  console.log(
    `delay ${delayMs} ms: error p1 ${microseconds(p1)}, p50 ${microseconds(p50)}, p99 ${microseconds(p99)}, ` +
      `max ${microseconds(Math.max(...errors))}; lost ${report.lost} of ${report.sent}${verdict(met)}`,
  );
  return met;
}

async function checkLoss(lab: Lab): Promise<boolean> {
  await lab.wires("a", "b").set({ delayMs: 1 });
  await lab.wire("a", "b").set({ loss });
  const rate = 10_000;
  const flow = await Flow.start(lab.node("a"), lab.node("b"), lab.node("b").address, {
    packetsPerSecond: rate,
  });
  await sleep((lossPackets / rate) * 1000);
  const report = await flow.stop();
  await lab.wire("a", "b").set({ loss: 0 });
  const share = report.lost / report.sent;
  const deviation = Math.sqrt((loss * (1 - loss)) / report.sent);
  const met = Math.abs(share - loss) < 4 * deviation;
  console.log(
    `loss ${loss * 100} %: measured ${(share * 100).toFixed(2)} % of ${report.sent} ` +
      `(one standard deviation is ${(deviation * 100).toFixed(2)} %)${verdict(met)}`,
  );
  return met;
}

async function checkThroughput(lab: Lab, delayMs: number, time: number): Promise<boolean> {
  await lab.wires("a", "b").set({ delayMs });
  const wire = lab.wireChild?.pid ?? 0;
  const before = cpuSecondsOf(wire);
  const result = await iperf(lab.node("a"), lab.node("b"), lab.node("b").address, {
    time,
    omit: 1,
  });
  const busy = (cpuSecondsOf(wire) - before) / (time + 1);
  const gigabits = result.bitsPerSecond / 1e9;
  // Only at no delay is it the wire's doing; with a delay TCP's windows and pace come in.
  const met = delayMs > 0 || gigabits >= goals.gigabits;
  console.log(
    `TCP, 1500-byte packets, delay ${delayMs} ms each way: ${gigabits.toFixed(2)} Gbit/s, ` +
      `${result.retransmits} retransmits, wire at ${(busy * 100).toFixed(0)} % of a core${verdict(met)}`,
  );
  return met;
}

async function checkIdle(lab: Lab): Promise<void> {
  await lab.wires("a", "b").set({ delayMs: 20 });
  const wire = lab.wireChild?.pid ?? 0;
  const flow = await Flow.start(lab.node("a"), lab.node("b"), lab.node("b").address, {
    packetsPerSecond: 1000,
  });
  const before = cpuSecondsOf(wire);
  await sleep(3000);
  const busy = (cpuSecondsOf(wire) - before) / 3;
  await flow.stop();
  console.log(`1000 packets/s: wire at ${(busy * 100).toFixed(1)} % of a core`);
}

/** Prints the figures; true when all goals are met. */
export async function check(): Promise<boolean> {
  const lab = Lab.create(cloud(["a", "b"]));
  try {
    const met: boolean[] = [];
    for (const delay of delays) met.push(await checkDelay(lab, delay));
    met.push(await checkLoss(lab));
    await checkIdle(lab);
    for (const delay of [0, 5]) met.push(await checkThroughput(lab, delay, 4));
    return met.every(Boolean);
  } finally {
    await lab.close();
  }
}
