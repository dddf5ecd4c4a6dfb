/** `etherloom keygen`: keys in WireGuard's format. Private keys come and go by pipe, never by argument. */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { decodeKey, encodeKey, generatePrivateKey, keyFault, publicKeyOf } from "../config/key-text.ts";
import { KeyError, UsageError } from "../errors.ts";
import { parseOptions, refusePositionals } from "./options.ts";

const USAGE = `usage: etherloom keygen         print a new private key
       etherloom keygen --pub   read a private key from stdin, print its public key
       etherloom keygen --psk   print a new preshared key
`;

export async function runKeygen(args: readonly string[]): Promise<number> {
  const options = parseOptions("keygen", args, {
    pub: { type: "boolean" },
    psk: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  refusePositionals("keygen", options);
  if (options.flags.has("help")) process.stdout.write(USAGE);
  else if (options.flags.size > 1) throw new UsageError("--pub and --psk exclude each other");
  else if (options.flags.has("pub")) process.stdout.write(`${publicKeyText(readFileSync(0, "utf8"))}\n`);
  else if (options.flags.has("psk")) process.stdout.write(`${encodeKey(randomBytes(32))}\n`);
  else process.stdout.write(`${encodeKey(generatePrivateKey())}\n`);
  return 0;
}

function publicKeyText(input: string): string {
  const text = input.trim();
  const key = decodeKey(text);
  if (key === undefined) throw new KeyError(`stdin holds ${keyFault(text)}`);
  return encodeKey(publicKeyOf(key));
}
