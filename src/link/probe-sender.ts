/**
 * Turns the wish to probe an address into an action, within what unproven addresses may be sent (DESIGN §6): they
 * may be somebody else's.
 */
import { PROBE_IS_REPLY, PROBE_REPLY_WANTED, PROBE_SIDE_PATH } from "../wire/probe.ts";
import type { EndpointChoice } from "./endpoint-choice.ts";
import type { LinkAction } from "./link-events.ts";
import type { ProbeWriter } from "./probe-writer.ts";
import type { LinkTuning } from "./tuning.ts";
import type { UnprovenBudget } from "./unproven-budget.ts";

export class ProbeSender {
  readonly #choice: EndpointChoice;
  readonly #writer: ProbeWriter;
  readonly #budget: UnprovenBudget;
  readonly #tuning: Readonly<LinkTuning>;

  constructor(
    choice: EndpointChoice,
    writer: ProbeWriter,
    budget: UnprovenBudget,
    tuning: Readonly<LinkTuning>,
  ) {
    this.#choice = choice;
    this.#writer = writer;
    this.#budget = budget;
    this.#tuning = tuning;
  }

  /**
   * A probe to the endpoint.
   * @param reserve what is left of the budget for more important probes
   * @returns undefined when there is no endpoint or no budget
   */
  active(
    nowUs: number,
    flags: number,
    echoedNonce: bigint,
    reserve: number,
    random32: () => number,
  ): LinkAction | undefined {
    const to = this.#choice.endpoint;
    if (to === undefined || (!this.#choice.proven && !this.#budget.take(nowUs, reserve))) return undefined;
    return {
      type: "probe",
      to: null,
      payload: this.#writer.write(nowUs, flags, echoedNonce, to, random32),
    };
  }

  /**
   * A probe beside the active path: tests an address, answers to where a question came from, or both.
   * @param works whether the link has an address that works
   */
  side(
    nowUs: number,
    to: string,
    ask: boolean,
    echoedNonce: bigint,
    reserve: number,
    works: boolean,
    random32: () => number,
  ): LinkAction | undefined {
    const { candidates } = this.#choice;
    const candidate = candidates.get(to);
    if (candidate?.proven !== true && !this.#budget.take(nowUs, reserve)) {
      // Many links wait for the same budget: not all at the same time.
      const share = (random32() >>> 0) / 2 ** 32;
      if (ask && candidate) candidate.nextProbeUs = nowUs + this.#tuning.candidateGapUs * share;
      return undefined;
    }
    if (ask && candidate) candidates.probed(candidate, nowUs, works);
    const asks = ask ? PROBE_REPLY_WANTED : 0;
    const flags = PROBE_SIDE_PATH | asks | (echoedNonce !== 0n ? PROBE_IS_REPLY : 0);
    return { type: "probe", to, payload: this.#writer.write(nowUs, flags, echoedNonce, to, random32) };
  }
}
