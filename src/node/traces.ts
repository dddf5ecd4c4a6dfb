/** Traces that the data plane was asked for and has not answered yet, and their answers in words. */
import type { TraceAnswer, TraceStep } from "../api/status-model.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { ToWorker } from "../dataplane/messages.ts";
import { type NamedNodes, nodeLabel } from "./node-names.ts";

const PATIENCE_MS = 3000;

type Traced = Extract<FromWorker, { type: "traced" }>;
/** What it needs of a node. */
type TracingCore = NamedNodes & { readonly plane: { post(message: ToWorker): void } };

export class Traces {
  readonly #core: TracingCore;
  readonly #waiting: Map<number, (traced: Traced | undefined) => void> = new Map();
  #nextId = 1;

  constructor(core: TracingCore) {
    this.#core = core;
  }

  async ask(target: number): Promise<TraceAnswer> {
    const id = this.#nextId++;
    const traced = await new Promise<Traced | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#core.plane.post({ type: "trace", id, target });
    });
    this.#waiting.delete(id);
    return this.#answer(target, traced);
  }

  answered(traced: Traced): void {
    this.#waiting.get(traced.id)?.(traced);
  }

  #answer(target: number, traced: Traced | undefined): TraceAnswer {
    const to = nodeLabel(this.#core, target);
    const { hops, turn } = traced ?? { hops: [], turn: 0 };
    const steps: TraceStep[] = hops.slice(1).map((hop, index) => {
      const before = hops[index] ?? hop;
      return {
        from: nodeLabel(this.#core, before.nodeId),
        to: nodeLabel(this.#core, hop.nodeId),
        delayUs: hop.arrivalUs - before.departureUs,
      };
    });
    const first = hops[0]?.departureUs ?? 0;
    const last = hops.at(-1)?.arrivalUs ?? first;
    const reached = hops.length > 1;
    return { to, reached, there: steps.slice(0, turn), back: steps.slice(turn), roundTripUs: last - first };
  }
}
