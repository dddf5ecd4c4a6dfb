// What a session is made from, what goes into it and what comes out: see session-core.ts.

import type { Aead } from "../wire/handshake.ts";
import type { AdmissionRefusal } from "./admission.ts";
import type { HandshakeRefusal, ReadInitiation } from "./handshake.ts";
import type { KeyPair, Mac } from "./primitives.ts";
import type { SessionTimers } from "./timers.ts";
import type { TimestampSource } from "./timestamp.ts";
import type { VainCalls } from "./vain-calls.ts";

export interface SessionConfig {
  /** 32 bytes, or the key pair if the owner has imported it already (once for all sessions). */
  readonly localStaticPrivate: Uint8Array | KeyPair;
  readonly localStaticPublic: Uint8Array;
  readonly remoteStaticPublic: Uint8Array;
  /** 32 bytes, or undefined for none. */
  readonly psk: Uint8Array | undefined;
  readonly localNodeId: number;
  readonly remoteNodeId: number;
  /** 8 bytes. */
  readonly networkTag: Uint8Array;
  /** What this end offers and accepts. */
  readonly aeadBits: number;
  readonly mac: Mac;
  /** Ed25519 public key, 32 bytes; zero if left out. */
  readonly localSigningKey?: Uint8Array;
  /** The node's timestamps; a source of its own if left out. */
  readonly timestamps?: TimestampSource;
  readonly timers?: Partial<SessionTimers>;
  /** Of all sessions of the node; alone if left out. */
  readonly vainCalls?: VainCalls;
  /** A random index that no other session of this node uses. */
  readonly allocateIndex: () => number;
  readonly releaseIndex: (index: number) => void;
}

export type SessionEvent =
  /** A session is wanted from now on; said again while frames wait, it is wanted soon. */
  | { readonly type: "open"; readonly wallMs: number }
  /** The peer may answer now, though it has not for a while: a pause is cut short. */
  | { readonly type: "hope" }
  /** An initiation that `readInitiation` accepted and whose static key is the peer's. */
  | { readonly type: "initiation"; readonly message: ReadInitiation }
  | { readonly type: "response"; readonly datagram: Uint8Array }
  | { readonly type: "cookie"; readonly datagram: Uint8Array }
  | { readonly type: "tick"; readonly wallMs: number }
  /** The first authentic record arrived on this keypair. */
  | { readonly type: "confirmed"; readonly localIndex: number }
  | {
      readonly type: "activity";
      readonly wallMs: number;
      /** When the last authentic record arrived, ms. */
      readonly lastHeard: number;
      /** When the oldest record was sent that nothing has followed from the peer, ms; 0 if there is none. */
      readonly unansweredSince: number;
      /** When the last frame was sealed for the peer, ms; 0 if there was none. */
      readonly lastFrame?: number;
      /** Records sent with the current keypair, */
      readonly sentRecords: number;
      /** which is this one; a report that is about another keypair says nothing about this one's limit. */
      readonly localIndex?: number;
    }
  /** Not wanted any more; all keypairs go. An initiation of the peer is still answered. */
  | { readonly type: "close" }
  /** Another pre-shared key, tried out at once: keypairs made with the old one are void. */
  | { readonly type: "psk"; readonly psk: Uint8Array | undefined; readonly wallMs: number };

/** Names of counters. */
export type SessionDropReason =
  | HandshakeRefusal
  | AdmissionRefusal
  | "replayed-initiation"
  | "initiation-flood"
  | "unknown-index"
  | "bad-cookie";

export type SessionAction =
  | { readonly type: "send"; readonly datagram: Uint8Array }
  | {
      readonly type: "install";
      readonly localIndex: number;
      readonly remoteIndex: number;
      readonly sendKey: Uint8Array;
      readonly receiveKey: Uint8Array;
      readonly aead: Aead;
      readonly initiator: boolean;
    }
  /** Send with this keypair from now on. */
  | { readonly type: "use"; readonly localIndex: number }
  | { readonly type: "remove"; readonly localIndex: number }
  /** A handshake is complete and known to work in both directions. */
  | { readonly type: "established"; readonly localIndex: number }
  /** Something was refused and is to be counted. */
  | { readonly type: "drop"; readonly reason: SessionDropReason };
