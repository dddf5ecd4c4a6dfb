/**
 * The pre-shared key of a pair of members where the supernode hands them out (`usePskForInterEdge`). It is derived from
 * a secret that all supernodes of the network share (with one supernode, its own key does), so that one that restarts, or
 * another, hands out the same ones and no session ends.
 */
import { createHmac, hkdfSync } from "node:crypto";

const INFO = "etherloom pair psk 1";

export class PairPsks {
  readonly #secret: Uint8Array;

  /** @param secret 32 bytes */
  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), INFO, 32));
  }

  /** 32 bytes, the same whichever key comes first. */
  of(a: Uint8Array, b: Uint8Array): Uint8Array {
    const [low, high] = Buffer.compare(a, b) < 0 ? [a, b] : [b, a];
    return new Uint8Array(createHmac("sha256", this.#secret).update(low).update(high).digest());
  }
}
