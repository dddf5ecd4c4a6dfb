import { TokenBucket } from "./token-bucket.ts";

/**
 * What all links of a node together may send to addresses that have never echoed: at most 50 probes in any second
 * (DESIGN §6), so that nobody can use a mesh to shower a third party. One instance is shared by all links.
 */
export class UnprovenBudget extends TokenBucket {
  constructor() {
    super(40, 10);
  }
}

/** Tokens that scheduled probes leave for challenges, so that a big mesh starting up does not delay roaming. */
export const CHALLENGE_RESERVE = 4;
