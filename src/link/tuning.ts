/** Numbers that may be tuned without changing the protocol. Times in µs. Sources: DESIGN §6, §7. */
export interface LinkTuning {
  /** Between probes while the link carries frames, at either end. */
  activeIntervalUs: number;
  /** Between probes otherwise. Beyond 50 neighbours the caller raises it to share 50 probes/s. */
  idleIntervalUs: number;
  /** Each interval is multiplied by a random factor in 1 ± this. */
  intervalSpread: number;
  /** A link counts as active this long after the last frame of traffic that it carried. */
  activeForUs: number;
  /** Frames are traffic when there were some at three times within this … */
  activeWithinUs: number;
  /** … that lie as far apart as this: closer ones are one burst. */
  burstUs: number;
  /** What the peer said of its own activity holds this long. */
  remoteActiveForUs: number;
  /** One scheduled probe in so many asks for an immediate reply. */
  replyEvery: number;
  /** At the latest after this long, whatever their number. */
  replyWithinUs: number;
  /** Quick probes in a row, and the time between them. */
  quickCount: number;
  quickGapUs: number;
  /** A probe is late by this, or by 4 × jitter where that is more. */
  lateFloorUs: number;
  /** Round-trip time assumed before the first one is measured. */
  assumedRttUs: number;
  /** If the process itself was held up for longer than this, it does not judge others by what it missed. */
  ownStallUs: number;
  /** Sent without any answer for this long: ask at once. */
  unansweredUs: number;
  /** A dead link must do well for this long, doubled with every death, up to the maximum. */
  recoveryUs: number;
  recoveryMaxUs: number;
  /** Loss below which a dead link does well. */
  recoveryLoss: number;
  /** Every so long that a link stays up, one death is forgotten. */
  forgetDeathUs: number;
  /** An echo proves an address only if the nonce was sent this recently. */
  nonceLifetimeUs: number;
  /** A proof is good for following traffic that comes from the address this soon after it. */
  proofLifetimeUs: number;
  /** Time in which one more challenge caused by what arrived is allowed, and how many may be saved up. */
  challengeGapUs: number;
  challengeBurst: number;
  /** The same for moves of a proven endpoint to another. */
  moveGapUs: number;
  moveBurst: number;
  /** The end that leads does not return for so long to an address that works and that it left to follow the peer. */
  leadUs: number;
  maxCandidates: number;
  /** An address that never echoed gets this many probes, a second apart, and then one each slow gap. */
  candidateTries: number;
  candidateGapUs: number;
  candidateSlowGapUs: number;
  /** Addresses told by the operator or the supernode; the other places are left for addresses seen. */
  maxTold: number;
  /** One told by the supernode is first tried quickly: after this, doubled each time, up to the gap above. */
  toldGapUs: number;
  /** Its slow gap while no address works: below what a NAT remembers, so that one of two such probes gets through. */
  toldSlowGapUs: number;
  /** Between probes to a proven address that is not the endpoint. */
  candidateKeepUs: number;
  /** An address is preferred to the endpoint when its round trip is below this share of the endpoint's … */
  preferRatio: number;
  /** … and shorter by this, so many times in a row. */
  preferUs: number;
  preferWins: number;
  /** Between two moves for a better round trip; doubled, up to the maximum, if the peer pulls back. */
  preferGapUs: number;
  preferGapMaxUs: number;
  /** After such a move traffic from the address left is no reason to go back for this long. */
  preferSettleUs: number;
  /** An address that was not configured is forgotten after being useless this long. */
  candidateForgetUs: number;
  /** With the clock parent: exchanges to be made quickly at the start, and how long that may take. */
  clockQuickCount: number;
  clockQuickUs: number;
  /** An idle link with the clock parent is probed at least this often. */
  clockIntervalUs: number;
  /** Unanswered for so long from the first try on, a peer counts as out of reach. */
  unreachableUs: number;
  /** Replies a second to one peer, and at once. */
  repliesPerSecond: number;
  replyBurst: number;
  /** Of those, to addresses that have never echoed: all links share the budget for such. */
  strangeRepliesPerSecond: number;
  strangeReplyBurst: number;
}

export const LINK_TUNING: Readonly<LinkTuning> = Object.freeze({
  activeIntervalUs: 200_000,
  idleIntervalUs: 1_000_000,
  intervalSpread: 0.2,
  activeForUs: 10_000_000,
  activeWithinUs: 3_000_000,
  burstUs: 100_000,
  remoteActiveForUs: 3_000_000,
  replyEvery: 5,
  replyWithinUs: 5_000_000,
  quickCount: 3,
  quickGapUs: 50_000,
  lateFloorUs: 20_000,
  assumedRttUs: 300_000,
  ownStallUs: 50_000,
  unansweredUs: 300_000,
  recoveryUs: 2_000_000,
  recoveryMaxUs: 60_000_000,
  recoveryLoss: 0.3,
  forgetDeathUs: 60_000_000,
  nonceLifetimeUs: 5_000_000,
  proofLifetimeUs: 3_000_000,
  challengeGapUs: 1_000_000,
  challengeBurst: 3,
  moveGapUs: 1_000_000,
  moveBurst: 2,
  leadUs: 10_000_000,
  maxCandidates: 8,
  candidateTries: 5,
  candidateGapUs: 1_000_000,
  candidateSlowGapUs: 60_000_000,
  maxTold: 6,
  toldGapUs: 100_000,
  toldSlowGapUs: 25_000_000,
  candidateKeepUs: 10_000_000,
  preferRatio: 0.8,
  preferUs: 3_000,
  preferWins: 3,
  preferGapUs: 60_000_000,
  preferGapMaxUs: 3_600_000_000,
  preferSettleUs: 5_000_000,
  candidateForgetUs: 600_000_000,
  clockQuickCount: 6,
  clockQuickUs: 3_000_000,
  clockIntervalUs: 1_000_000,
  unreachableUs: 2_000_000,
  repliesPerSecond: 50,
  replyBurst: 20,
  strangeRepliesPerSecond: 5,
  strangeReplyBurst: 10,
});
