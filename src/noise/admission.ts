// What an authentic peer must also say about itself before a session with it is set up.

import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, PROTOCOL_VERSION } from "../wire/handshake.ts";
import type { Aead, InitiationPayload, ResponsePayload } from "../wire/handshake.ts";
import { equalBytes } from "./primitives.ts";

export type AdmissionRefusal =
  "wrong-key" | "wrong-network" | "wrong-version" | "wrong-node" | "no-common-aead";

/** The peer as the configuration knows it. */
export interface Expected {
  readonly remoteStaticPublic: Uint8Array;
  readonly remoteNodeId: number;
  readonly networkTag: Uint8Array;
  /** What this end can do. */
  readonly aeadBits: number;
}

/** The AEAD of a session: AES-256-GCM when both ends offer it, else ChaCha20-Poly1305, else none. */
export function chooseAead(a: number, b: number): Aead | undefined {
  const common = a & b;
  if ((common & AEAD_AES_256_GCM) !== 0) return AEAD_AES_256_GCM;
  if ((common & AEAD_CHACHA20_POLY1305) !== 0) return AEAD_CHACHA20_POLY1305;
  return undefined;
}

/** What is wrong with an initiation, or undefined. Whether there is a common AEAD, `chooseAead` tells. */
export function refuseInitiation(
  remoteStatic: Uint8Array,
  payload: InitiationPayload,
  expected: Expected,
): AdmissionRefusal | undefined {
  if (!equalBytes(remoteStatic, expected.remoteStaticPublic)) return "wrong-key";
  if (!versionFits(payload.version)) return "wrong-version";
  if (!equalBytes(payload.networkTag, expected.networkTag)) return "wrong-network";
  if (payload.nodeId !== expected.remoteNodeId) return "wrong-node";
  return undefined;
}

/** What is wrong with a response, or undefined. The Noise handshake has proven its key already. */
export function refuseResponse(payload: ResponsePayload, expected: Expected): AdmissionRefusal | undefined {
  if (!versionFits(payload.version)) return "wrong-version";
  if (payload.nodeId !== expected.remoteNodeId) return "wrong-node";
  if ((payload.aead & expected.aeadBits) === 0) return "no-common-aead";
  return undefined;
}

/** Versions may differ by one, so that a network can be upgraded node by node. */
function versionFits(version: number): boolean {
  return Math.abs(version - PROTOCOL_VERSION) <= 1;
}
