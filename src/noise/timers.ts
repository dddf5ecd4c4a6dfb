// All numbers of the session layer. Times are in ms.

// Protocol constants: both ends must agree on them (WireGuard paper, section 6.1; DESIGN section 6).

/** AES-GCM: start a rekey once a key sealed this many records, */
export const REKEY_AFTER_RECORDS: number = 2 ** 27;
/** and stop using it at this many. */
export const REJECT_AFTER_RECORDS: number = 2 ** 28;
/** How long an initiator uses a cookie. */
export const COOKIE_LIFETIME = 120_000;
/** How long a cookie secret makes new cookies. */
export const COOKIE_SECRET_LIFETIME = 120_000;

// Tuning constants: each end may have its own.

/** Handshake messages a second that one source may send, */
export const HANDSHAKES_PER_SECOND = 20;
/** and how many of them at once. */
export const HANDSHAKE_BURST = 5;
/** More handshake messages than this within a second mean load; each costs the main thread up to 1 ms. */
export const LOAD_THRESHOLD = 256;
/** How long the state "under load" outlives its cause. */
export const LOAD_HOLD = 1000;
/** At most one initiation of a peer is answered in this time. */
export const INITIATION_SPACING = 20;
/**
 * Two handshakes in opposite directions that finish within this time were a race; the peer with the larger
 * key wins, so that both ends send with the same keypair afterwards.
 */
export const RACE_WINDOW = 5000;

export interface SessionTimers {
  /** Age at which the initiator of a keypair makes a new one. */
  readonly rekeyAfter: number;
  /** Age at which the responder does it, if the initiator did not. */
  readonly rekeyAfterAsResponder: number;
  /** Up to this much is added to both, at random, so that two ends seldom start at once. */
  readonly rekeyJitter: number;
  /** Age at which a keypair is removed. */
  readonly rejectAfter: number;
  /** First retransmission of an initiation; doubled for each further one, */
  readonly retryFirst: number;
  /** up to this, */
  readonly retryMax: number;
  /** or, once it has been tried in vain for so long, */
  readonly retryPatience: number;
  /** up to this, */
  readonly retryLong: number;
  /** though all calls that nobody answers, past `retryMax`, make one attempt in this time together; */
  readonly retrySpacing: number;
  /** up to this while there are frames for the peer. */
  readonly retryWanted: number;
  /** Retransmission times vary by this fraction in both directions. */
  readonly retryJitter: number;
  /** Records unanswered for this long start a new handshake. */
  readonly silentAfter: number;
}

export const DEFAULT_TIMERS: SessionTimers = {
  rekeyAfter: 120_000,
  rekeyAfterAsResponder: 165_000,
  rekeyJitter: 2000,
  rejectAfter: 180_000,
  retryFirst: 250,
  retryMax: 5000,
  retryPatience: 60_000,
  retryLong: 20_000,
  retrySpacing: 1000,
  retryWanted: 500,
  retryJitter: 0.2,
  silentAfter: 1000,
};
