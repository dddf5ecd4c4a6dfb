// Keys for nodes of a lab.

import { generateKeyPairSync, randomBytes } from "node:crypto";

export interface KeyPair {
  /** base64, as in the files */
  privateKey: string;
  publicKey: string;
}

export function generateKeys(): KeyPair {
  const jwk = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const base64 = (text: string | undefined): string =>
    Buffer.from(text ?? "", "base64url").toString("base64");
  return { privateKey: base64(jwk.d), publicKey: base64(jwk.x) };
}

export const generatePsk = (): string => randomBytes(32).toString("base64");
