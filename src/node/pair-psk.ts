/**
 * The pre-shared key of a pair of members where the supernode hands them out (`usePskForInterEdge`). It is derived from
 * the supernode's own key, so that a supernode that restarts hands out the same ones and no session ends.
 */
import { createHmac, hkdfSync } from "node:crypto";

const INFO = "etherloom pair psk 1";

export class PairPsks {
  readonly #secret: Uint8Array;

  /** @param privKey the supernode's X25519 private key */
  constructor(privKey: Uint8Array) {
    this.#secret = new Uint8Array(hkdfSync("sha256", privKey, new Uint8Array(0), INFO, 32));
  }

  /** 32 bytes, the same whichever key comes first. */
  of(a: Uint8Array, b: Uint8Array): Uint8Array {
    const [low, high] = Buffer.compare(a, b) < 0 ? [a, b] : [b, a];
    return new Uint8Array(createHmac("sha256", this.#secret).update(low).update(high).digest());
  }
}
