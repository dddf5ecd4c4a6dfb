/** The commented file that `--example` prints. */

import { encodeKey, generatePrivateKey } from "./key-text.ts";

/** The text of example.yaml with a private key that nobody else has. */
export function withFreshKey(example: string): string {
  const fresh = encodeKey(generatePrivateKey());
  return example.replace(/^privKey: .*$/m, () => `privKey: ${fresh}`);
}
