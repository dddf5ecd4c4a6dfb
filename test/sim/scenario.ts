/** What a simulation is made of, and what it notes down. Times in µs. */
import type { CoordinatorOptions, Member } from "../../src/routing/coordinator.ts";
import type { Crystal } from "./host-clock.ts";

export interface SimulationOptions {
  seed: number;
  /** Edges 1 … n. */
  nodes: number;
  /** One-way delay between two hosts, µs; undefined = no way. Node 0 is the supernode. */
  delayUs(from: number, to: number): number | undefined;
  jitterUs?(from: number, to: number): number;
  /** Default: anywhere within ±10 days and ±100 ppm. */
  crystal?(node: number): Crystal;
  /** True: delays are told, not measured; for large networks. */
  coarse?: boolean;
  /** Error of delays in a coarse simulation, µs. */
  noiseUs?: number;
  controlDelayUs?: number;
  relay?(node: number): Member["relay"];
  coordinator?: Partial<CoordinatorOptions>;
}

export interface RouteChange {
  atUs: number;
  node: number;
  destination: number;
  from: number;
  to: number;
}

export interface LinkChange {
  atUs: number;
  node: number;
  peer: number;
  up: boolean;
}
