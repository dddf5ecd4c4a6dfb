// Handshakes as an attacker writes them, and a socket to send them from.

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { mac1Key } from "../../src/noise/cookie.ts";
import { PROLOGUE } from "../../src/noise/handshake.ts";
import { dh, hash, hkdf2, importPrivateKey, importPublicKey, seal } from "../../src/noise/primitives.ts";
import {
  encodeInitiation,
  encodeInitiationPayload,
  encodeResponse,
  macFields,
  type InitiationPayload,
} from "../../src/wire/handshake.ts";
import { encodeTimestamp } from "../../src/noise/timestamp.ts";
import { addon } from "./engines.ts";

export const networkTag = (name: string): Uint8Array => hash(new TextEncoder().encode(name)).subarray(0, 8);

export function initiationPayload(nodeId: number, network: string): InitiationPayload {
  return {
    timestamp: encodeTimestamp(Date.now()),
    version: 1,
    networkTag: networkTag(network),
    nodeId,
    aeadBits: 3,
    signingKey: new Uint8Array(32),
  };
}

/** Writes the mac1 that a receiver with this public key wants, and zero mac2. */
export function stamp(datagram: Uint8Array, receiver: Uint8Array): Buffer {
  const { mac1, beforeMac1, mac2 } = macFields(datagram);
  mac1.set(addon.blake2sMac(mac1Key(receiver), beforeMac1));
  mac2.fill(0);
  return Buffer.from(datagram);
}

/** An initiation whose ephemeral key is not one: nothing behind it can be right. */
export function initiationWithEphemeral(receiver: Uint8Array, ephemeral: Uint8Array): Buffer {
  const message = { ephemeral, encryptedStatic: randomBytes(48), encryptedPayload: randomBytes(72) };
  return stamp(encodeInitiation({ senderIndex: 1, ...message }), receiver);
}

/** An initiation that is right up to its static key, which is any 32 bytes (Noise IKpsk2, message 1: e, es, s). */
export function initiationWithStatic(receiver: Uint8Array, claimed: Uint8Array): Buffer {
  const ephemeral = importPrivateKey(randomBytes(32));
  const name = hash(new TextEncoder().encode("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
  let transcript = hash(hash(name, PROLOGUE), receiver);
  transcript = hash(transcript, ephemeral.publicKey.bytes);
  const [chaining] = hkdf2(name, ephemeral.publicKey.bytes);
  const es = dh(ephemeral.privateKey, importPublicKey(receiver).key);
  if (es === undefined) throw new Error("the receiver has a real key");
  const [chaining2, key] = hkdf2(chaining, es);
  const encryptedStatic = seal(key, transcript, claimed);
  transcript = hash(transcript, encryptedStatic);
  // Whoever computes ss with a low-order key gets zero: the payload is sealed for that case.
  const [, payloadKey] = hkdf2(chaining2, new Uint8Array(32));
  const encryptedPayload = seal(payloadKey, transcript, encodeInitiationPayload(initiationPayload(1, "")));
  const message = { ephemeral: ephemeral.publicKey.bytes, encryptedStatic, encryptedPayload };
  return stamp(encodeInitiation({ senderIndex: 1, ...message }), receiver);
}

export function responseWithEphemeral(receiver: Uint8Array, index: number, ephemeral: Uint8Array): Buffer {
  const message = { ephemeral, encryptedPayload: randomBytes(52) };
  return stamp(encodeResponse({ senderIndex: 1, receiverIndex: index, ...message }), receiver);
}

/** An initiation of random bytes that only its mac1 lets in. */
export function initiationOfNoise(receiver: Uint8Array): Buffer {
  const datagram = randomBytes(192);
  datagram.set([1, 1, 0, 0]);
  return stamp(datagram, receiver);
}

export class Stranger {
  readonly received: Buffer[] = [];
  sentBytes = 0;
  readonly #socket: Socket;
  readonly #target: number;

  private constructor(socket: Socket, target: number) {
    this.#socket = socket;
    this.#target = target;
    socket.on("message", (datagram) => this.received.push(datagram));
  }

  /** On a loopback address and port (0: any), towards `target` on 127.0.0.1. */
  static async open(target: number, port = 0, address = "127.0.0.1"): Promise<Stranger> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(port, address, resolve));
    return new Stranger(socket, target);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get receivedBytes(): number {
    return this.received.reduce((sum, datagram) => sum + datagram.length, 0);
  }

  async send(...datagrams: Uint8Array[]): Promise<void> {
    for (const datagram of datagrams) {
      this.sentBytes += datagram.length;
      await new Promise((resolve) => this.#socket.send(datagram, this.#target, "127.0.0.1", resolve));
    }
  }

  close(): void {
    this.#socket.close();
  }
}
