/**
 * What a link costs. DESIGN §8.
 *
 *     cost(A→B) = working delay + jitter + 200 ms · (−ln(1 − p))
 *
 * All terms are additive: the logarithm turns the loss of a path, 1 − ∏(1 − p), into a sum, and one-way delays are
 * only ever added. What it costs to go through B is a property of B and is paid by the path, not by the link.
 */

/** One retransmission timeout of a typical TCP: what a lost datagram costs, µs. */
const LOSS_SCALE_US = 200_000;
/** A link that loses so much is down; it is up again only below the second value. */
const DOWN_LOSS = 0.5;
const UP_LOSS = 0.3;
/** So many lost datagrams prove nothing: a single one in 64 probes looks like 1.6 %, and that is worth 3 ms. */
const UNPROVEN_LOSSES = 3;
/** Datagrams behind a loss figure, if nothing else is said. */
const ASSUMED_COUNT = 1000;

/** The part of a measured loss that is more than chance. @param of datagrams it was measured on */
export function provenLoss(loss: number | undefined, of: number = ASSUMED_COUNT): number {
  if (loss === undefined || !(of > 0)) return 0;
  return Math.min(1, Math.max(0, loss - UNPROVEN_LOSSES / of));
}

/** Delay that a loss is worth, µs; Infinity where everything is lost. */
export function lossTermUs(loss: number): number {
  return -LOSS_SCALE_US * Math.log1p(-loss);
}

/** Whether a loss means "down". @param wasDown it did before */
export function lossIsDown(loss: number, wasDown: boolean): boolean {
  return loss >= (wasDown ? UP_LOSS : DOWN_LOSS);
}

/** Integer µs. @param loss below 1 */
export function linkCostUs(owdUs: number, jitterUs: number, loss: number): number {
  return Math.round(owdUs + jitterUs + lossTermUs(loss));
}
