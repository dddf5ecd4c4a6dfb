// What a process holds: all of its writable memory, searched for keys.

import { createCipheriv } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { openRecord, openTransit } from "./records.ts";

const KEY = 32;
/** Keys lie at least so aligned: malloc, V8 and OpenSSL all place them on 8. */
const ALIGNMENT = 8;
/** A random key has about 30 different bytes; fewer than this is less likely than one in 100 000. */
const LEAST_DISTINCT = 22;
const BLOCK = 1 << 22;
const PAGE = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE);

/** The readable and writable regions of a process, in blocks that overlap by one key. */
function* blocksOf(pid: number): Generator<Buffer> {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const block = Buffer.alloc(BLOCK + KEY);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
      const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (!region) continue;
      const [start, end] = [Number.parseInt(region[1] ?? "", 16), Number.parseInt(region[2] ?? "", 16)];
      for (let at = start; at < end; at += BLOCK) {
        let length = 0;
        try {
          length = readSync(memory, block, 0, Math.min(BLOCK + KEY, end - at), at);
        } catch {
          // a guard page, or gone meanwhile
        }
        if (length >= KEY) yield block.subarray(0, length);
      }
    }
  } finally {
    closeSync(memory);
  }
}

export interface KeySearch {
  /** bytes of memory looked at */
  bytes: number;
  /** different candidates tried */
  tried: number;
  /** keys (hexadecimal) that open each of the datagrams */
  found: Set<string>[];
}

/**
 * Tries everything in a process's memory that could be a key as the AES-256-GCM key of sealed datagrams (type 4 records,
 * or the headers of type 5). NodeIDs in them must be below 256: their zero bytes make most attempts cheap.
 */
export function searchKeys(pid: number, datagrams: readonly Buffer[]): KeySearch {
  const search: KeySearch = { bytes: 0, tried: 0, found: datagrams.map(() => new Set()) };
  const seen = new Uint32Array(256);
  const before = new Set<number>();
  const counters = Buffer.concat(datagrams.map(firstCounter));
  let round = 0;
  for (const block of blocksOf(pid)) {
    search.bytes += block.length;
    for (let at = 0; at + KEY <= block.length; at += ALIGNMENT) {
      // Zeros are what most memory is made of.
      if (
        at % PAGE === 0 &&
        at + PAGE <= block.length &&
        block.compare(ZERO_PAGE, 0, PAGE, at, at + PAGE) === 0
      ) {
        at += PAGE - ALIGNMENT;
        continue;
      }
      if (block[at] === 0 && block[at + 1] === 0 && block[at + 2] === 0) continue;
      round++;
      let distinct = 0;
      for (let i = 0; i < KEY && distinct + KEY - i >= LEAST_DISTINCT; i++) {
        const byte = block[at + i] ?? 0;
        if (seen[byte] !== round) distinct++;
        seen[byte] = round;
      }
      if (distinct < LEAST_DISTINCT) continue;
      // The same bytes again and again: code, tables and copies.
      const mark = block.readUInt32LE(at) * 2 ** 20 + (block.readUInt32LE(at + 12) & 0xfffff);
      if (before.has(mark)) continue;
      if (before.size < 4_000_000) before.add(mark);
      search.tried++;
      const key = block.subarray(at, at + KEY);
      const streams = createCipheriv("aes-256-ecb", key, null).update(counters);
      datagrams.forEach((datagram, i) => {
        // The key stream's first bytes tell almost always; the tag decides.
        const stream = 16 * i;
        if (datagram[18] !== streams[stream + 2] || datagram[20] !== streams[stream + 4]) return;
        const text = datagram[0] === 5 ? openTransit(key, datagram) : openRecord(key, datagram);
        if (text !== undefined) search.found[i]?.add(key.toString("hex"));
      });
    }
  }
  return search;
}

/** The counter block that the first 16 bytes of plaintext were encrypted with (NIST SP 800-38D, GCTR). */
function firstCounter(datagram: Buffer): Buffer {
  const counter = Buffer.alloc(16);
  datagram.copy(counter, 4, 8, 16);
  counter[15] = 2;
  return counter;
}
