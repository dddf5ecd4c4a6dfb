/** `why`: an edge's question to its supernode, and the answer in words. */
import type { WhyAnswer } from "../api/status-model.ts";
import type { EdgeMessage } from "../control/messages.ts";
import type { Candidate } from "../routing/coordinator.ts";
import { type NamedNodes, nodeLabel } from "./node-names.ts";

const PATIENCE_MS = 3000;

export class SuperQuestions {
  readonly #send: (message: EdgeMessage) => boolean;
  readonly #waiting: Map<number, (body: unknown) => void> = new Map();
  #nextId = 1;

  /** `send` gives false when no supernode is connected. */
  constructor(send: (message: EdgeMessage) => boolean) {
    this.#send = send;
  }

  /** Paths to a node; undefined: no supernode answered. */
  async why(target: number): Promise<Candidate[] | undefined> {
    const id = this.#nextId++;
    if (!this.#send({ type: "ask", id, question: "why", to: target })) return undefined;
    const body = await new Promise<unknown>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
    this.#waiting.delete(id);
    return Array.isArray(body) ? body.filter(isCandidate) : undefined;
  }

  answered(id: number, body: unknown): void {
    this.#waiting.get(id)?.(body);
  }
}

/** What the supernode says of a path is shown to people: its shape is looked at, its content is its own. */
function isCandidate(value: unknown): value is Candidate {
  const { path, costUs, chosen, reason } = (value ?? {}) as Record<string, unknown>;
  return (
    Array.isArray(path) &&
    path.every((node) => typeof node === "number") &&
    (costUs === undefined || costUs === null || typeof costUs === "number") &&
    typeof chosen === "boolean" &&
    typeof reason === "string"
  );
}

export function whyAnswer(
  core: NamedNodes,
  from: number,
  to: number,
  candidates: readonly Candidate[],
): WhyAnswer {
  return {
    from: nodeLabel(core, from),
    to: nodeLabel(core, to),
    candidates: candidates.map(({ path, costUs, chosen, reason }) => ({
      path: path.map((node) => nodeLabel(core, node)),
      costUs: costUs ?? null,
      chosen,
      reason,
    })),
  };
}
