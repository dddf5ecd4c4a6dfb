/** Why handshake messages are dropped that have passed mac1, a number each; the manual says what each one means. */

export const HANDSHAKE_DROPS = [
  "malformed",
  "decrypt-failed",
  "low-order-key",
  "own-key",
  "unknown-key",
  "wrong-key",
  "wrong-network",
  "wrong-version",
  "wrong-node",
  "no-common-aead",
  "unknown-index",
  "replayed-initiation",
  "initiation-flood",
  "rate",
  "bad-cookie",
  "transit-source",
] as const;

export type HandshakeDropReason = (typeof HANDSHAKE_DROPS)[number];

/** `dropHandshakeUnknownKey` for `unknown-key`, as `status` names it. */
export function handshakeDropName(reason: HandshakeDropReason): string {
  const words = reason.split("-").map((word) => `${word[0]?.toUpperCase() ?? ""}${word.slice(1)}`);
  return `dropHandshake${words.join("")}`;
}
