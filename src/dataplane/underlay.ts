/** Underlay addresses between the words of links (canonical text) and those of the engine (packed). */
import {
  addressKey,
  packAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  unpackAddress,
  type AddressPrefix,
} from "../wire/address.ts";
import { PACKED_ADDRESS } from "./descriptors.ts";

/** Undefined when the text is no address. */
export function packedOf(text: string): Uint8Array | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const packed = new Uint8Array(PACKED_ADDRESS);
  packAddress(address, packed);
  return packed;
}

/** The text of a packed address; undefined when there is none. */
export function textOf(packed: Uint8Array, offset: number = 0): string | undefined {
  const address = unpackAddress(packed, offset);
  return address === undefined ? undefined : addressKey(address);
}

/** Says which addresses lie inside the overlay, so that no link may use them. */
export function overlayTest(prefixes: readonly string[]): (text: string) => boolean {
  const inside: AddressPrefix[] = prefixes.flatMap((text) => parsePrefix(text) ?? []);
  return (text) => {
    const address = parseAddress(text);
    return address === undefined || inside.some((prefix) => prefixContains(prefix, address));
  };
}
