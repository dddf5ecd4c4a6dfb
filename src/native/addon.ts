/**
 * The native addon as TypeScript sees it. The addon moves bytes and decides nothing but what the
 * tables simply say; field orders of the shared arrays are in `dataplane/descriptors.ts`.
 */
import { createRequire } from "node:module";

export interface TapInfo {
  /** Engine port number. */
  port: number;
  name: string;
  /** Kernel interface index. */
  index: number;
  tso: boolean;
  uso: boolean;
  checksum: boolean;
}

export interface UdpInfo {
  port: number;
  ipv4: boolean;
  ipv6: boolean;
  gso: boolean;
  gro: boolean;
  /** Bytes, as the kernel reports them (twice what was asked for). */
  receiveBuffer: number;
}

export interface UdpRequest {
  port: number;
  /** Bind address, 4 bytes, or null: family not used. */
  ipv4: Uint8Array | null;
  ipv6: Uint8Array | null;
  mark: number;
  gso: boolean;
  gro: boolean;
}

/**
 * The data plane's arrays that a relay's decisions come from, by NodeID (65536 elements) where nothing else is said. The
 * engine reads them at each batch, and writes to the last three.
 */
export interface RelayTables {
  readonly nextHop: Uint16Array;
  readonly backup: Uint16Array;
  readonly hops: Uint8Array;
  readonly sendSlot: Int32Array;
  readonly link: Int32Array;
  readonly linkState: Uint8Array;
  readonly addressed: Uint8Array;
  readonly known: Uint8Array;
  /** By keypair slot. */
  readonly confirmed: Uint8Array;
  readonly defaultTtl: number;
  /** One element: 1 = probes over links that are up may wait until JavaScript is woken up by something else. */
  readonly patient: Uint8Array;
  readonly carried: Uint8Array;
  /** Datagrams that each previous hop may send through this node. */
  readonly credit: Uint32Array;
  /** Of what was done alone: batches sent on, their time in µs; the least wait and the last time of what was read, µs. */
  readonly meter: Float64Array;
}

/** One packet engine; every method throws once it is closed. */
export interface Engine {
  readonly portArena: Uint8Array;
  readonly receiveArena: Uint8Array;
  readonly portFrames: Int32Array;
  readonly sends: Int32Array;
  readonly frames: Int32Array;
  readonly runs: Int32Array;
  readonly messages: Int32Array;
  readonly forwards: Int32Array;
  readonly writes: Int32Array;
  readonly addresses: Uint8Array;
  /** When what lies in each receive slot reached this machine, µs of {@link Addon.now}. */
  readonly arrivals: Float64Array;
  /** Of the probes that waited, from `RECEIVE_SLOTS` on: datagrams on their link until they came. */
  readonly received: Float64Array;
  readonly counters: Float64Array;
  readonly portStats: Float64Array;

  /** `uso: false` does without UDP segmentation, as kernels before 6.2 do. */
  openTap(options: { name: string; mtu: number; mac: Uint8Array; offload: boolean; uso?: boolean }): TapInfo;
  openUdp(options: UdpRequest): UdpInfo;
  udpStats(): { gso: boolean; gro: boolean; kernelDrops: number };
  setMark(mark: number): boolean;
  /** False when the interface behind the port was deleted; it may be renamed or moved to another namespace. */
  portAlive(port: number): boolean;
  setLink(link: number, packedAddress: Uint8Array): boolean;
  /**
   * Looks up the route to the link's endpoint: sends follow what its device can do.
   * @returns bytes of the largest IP packet; 0 = no route
   */
  refreshRoute(link: number, mark: number): number;
  /** Datagrams sent to and received from the link's address. */
  linkStats(link: number, out: Float64Array): boolean;
  addKeypair(
    localIndex: number,
    remoteIndex: number,
    peer: number,
    link: number,
    aead: number,
    sendKey: Uint8Array,
    receiveKey: Uint8Array,
  ): number;
  removeKeypair(slot: number): void;
  /** Records sent, records received, bytes sent, bytes received. */
  keypairStats(slot: number, out: Float64Array): boolean;
  setMac1Key(key: Uint8Array): void;
  /** From now on transit that these tables leave nothing to decide about is sent on without asking. Once per engine. */
  follow(tables: RelayTables): void;
  readPort(port: number): number;
  inject(frame: Uint8Array): boolean;
  exportFrames(source: number, index: number, out: Uint8Array): number;
  send(count: number): void;
  forward(count: number): void;
  writePorts(count: number): void;
  /**
   * Returns datagrams, and probes that came before them and could wait; `out` (6 elements) gets frames, runs, messages,
   * when the socket was read in µs, more to read (0/1), how long the first datagram had waited in µs (−1: none).
   * Sockets that were read empty are left alone until they were announced as readable, unless `unasked`.
   */
  receive(out: Float64Array, unasked?: boolean): number;
  sendRecord(
    kind: number,
    keypair: number,
    hopKeypair: number,
    link: number,
    packedAddress: Uint8Array | null,
    ttl: number,
    payload: Uint8Array,
    /** Of the transit header, if there is one. */
    hopFlags?: number,
  ): boolean;
  sendDatagram(bytes: Uint8Array, link: number, packedAddress: Uint8Array | null): boolean;
  sendTransit(
    bytes: Uint8Array,
    hopKeypair: number,
    link: number,
    destination: number,
    ttl: number,
    hopFlags?: number,
  ): boolean;
  close(): void;
}

export interface Addon {
  Engine: new (ownNodeId: number, onReady: (id: number) => void) => Engine;
  readonly counterNames: readonly string[];
  /** µs of CLOCK_MONOTONIC_RAW. */
  now(): number;
  /** µs of CLOCK_BOOTTIME, which goes on while the machine is suspended. */
  boottime(): number;
  /** Keyed BLAKE2s, 16 bytes (RFC 7693). */
  blake2sMac(key: Uint8Array, data: Uint8Array): Uint8Array;
  addAddress(interfaceIndex: number, address: Uint8Array, prefixLength: number): void;
  /** Best effort; 0 or an errno. */
  limitSuperFrames(interfaceIndex: number, segments: number, bytes: number): number;
  interfaceIndex(name: string): number;
  dieWithParent(parent: number): boolean;
  /**
   * Returns free pages of the C library's heaps to the system, and unmaps what is in memory of programs' read-only parts: 59 MB
   * of Node's, of which a node that runs uses half.
   */
  trimMemory(): void;
  /** 1: the calling thread runs before every ordinary one (SCHED_FIFO), 0: it is an ordinary one; returns 0 or an errno. */
  setRealtime(on: 0 | 1): number;
  sendUnixDatagram(path: string, data: Uint8Array): boolean;
}

/** An error of the operating system, as the addon throws it. */
export interface SystemError extends Error {
  errno: number;
  /** Which call failed. */
  step: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "step" in error && "errno" in error;
}

/** Loads the addon from its file. */
export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path) as Addon;
}
